"""The in-process driver by the module name that it was published under; see ``docs/moving-over.md``."""

from __future__ import annotations

from .core.driver import run, run_one_round

__all__ = ["run", "run_one_round"]
