"""What a command is reading, on a terminal: one line below all others, which is gone at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["terminal_progress"]


def terminal_progress() -> Callable[[str], None]:
    """Shows a text in the place of the last one, and nothing with an empty one; where no terminal is, nothing."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
