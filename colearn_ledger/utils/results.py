"""Results by the module name that they were published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from ..core.results import Result, Results
from ..report.table import print_results

__all__ = ["Result", "Results", "print_results"]
