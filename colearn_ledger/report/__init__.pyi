from .table import render as render
from .table import summary as summary
