"""Libraries that warn of what nobody can do anything about."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["only_errors"]


@contextlib.contextmanager
def only_errors(logger: str) -> Iterator[None]:
    """Let a library's logger tell errors only, inside the block."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
