"""Warnings that point at the user's line, however deep inside they are found."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import warnings
from pathlib import Path

__all__ = ["warn", "warn_of"]

_OURS = (f"{Path(__file__).resolve().parents[1]}{os.sep}", contextlib.__file__)


def warn(message: str, category: type[Warning]) -> None:
    """Warn, with the nearest calling line that is neither this package's nor a context manager's as its place."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_of(learner: object, method: str, message: str, category: type[Warning]) -> None:
    """Warn of what a learner's method does, with the method as its place; see :func:`warn` for the package's own."""
    function = inspect.unwrap(getattr(type(learner), method, None) or warn_of)
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename.startswith(_OURS):
        warn(message, category)
        return
    module = sys.modules.get(type(learner).__module__)
    registry = vars(module).setdefault("__warningregistry__", {}) if module is not None else None
    warnings.warn_explicit(message, category, code.co_filename, code.co_firstlineno, type(learner).__module__, registry)
