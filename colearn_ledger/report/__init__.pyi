from .history_plot import plot_history as plot_history
from .table import render as render
from .table import summary as summary
