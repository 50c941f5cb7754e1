"""Printing to people: colours and the width of a terminal where there is one, and text that strangers wrote."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["one_line", "painted", "printer", "terminal_width"]

_GREEN, _RED, _DIM = ["accepted", "approved"], ["rejected"], ["missed", "absent", "lapsed", "void"]
_USUAL_WIDTH = 120  # where there is no terminal


def terminal_width() -> int:
    """Columns of the terminal (or of the variable COLUMNS), and 120 where there is none."""
    return shutil.get_terminal_size((_USUAL_WIDTH, 24)).columns


def printer() -> Callable[[str], None]:
    """Prints lines to standard output, in colour if that is a terminal."""
    if not sys.stdout.isatty():
        return lambda text: print(text, flush=True)
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    return lambda text: console.print(painted(text), soft_wrap=True)


def painted(text: str) -> Any:
    """The line as rich's text, with outcomes in colour."""
    from rich.text import Text

    line = Text(text)
    line.highlight_words(_GREEN, "green")
    line.highlight_words(_RED, "red")
    line.highlight_words(_DIM, "dim")
    return line


def one_line(text: str) -> str:
    """Text that a stranger wrote, harmless to a terminal: what isn't printable is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
