"""The in-process driver by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from .core.driver import run_one_round
from .report.running import run

__all__ = ["run", "run_one_round"]
