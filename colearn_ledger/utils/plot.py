"""The live plot by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from ..report.live_plot import ColearnPlot

__all__ = ["ColearnPlot"]
