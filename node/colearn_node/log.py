"""The node's log: one line an action, on standard error; round and phase come first."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Log", "Stream", "columns_of", "wrapped"]

_LEVELS = ("debug", "info", "warning", "error")
_INDENT = " " * 10  # of what goes on in another line: below the time
_LEAST = 40  # columns; less is no terminal to read on


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...


class Log:
    """Writes lines as text for people or as JSON.

    ``round`` and ``phase`` are set as the node goes on, and stand in front of every line, and so does ``who``, the
    member in a few letters, once it is known: several nodes may write to one terminal. ``listener`` gets level
    and event of every line, also of those that are below the least level.

    Parameters
    ----------
    as_json: one object a line.
    level: the least level that is written.
    to: standard error if not given.
    columns: how many a line for people may have before it goes on in another one; None: any number.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        level: str = "info",
        to: Stream | None = None,
        columns: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._as_json = as_json
        self._columns = columns
        self._least = _LEVELS.index(level)
        self._to: Stream = to or sys.stderr
        self._lock = threading.Lock()
        self.listener: Callable[[str, str], None] | None = None
        self.round: int | None = None
        self.phase = "start"
        self.who = ""

    def debug(self, event: str, text: str, **facts: Any) -> None:
        self._write("debug", event, text, facts)

    def info(self, event: str, text: str, **facts: Any) -> None:
        self._write("info", event, text, facts)

    def warning(self, event: str, text: str, **facts: Any) -> None:
        self._write("warning", event, text, facts)

    def error(self, event: str, text: str, **facts: Any) -> None:
        self._write("error", event, text, facts)

    def _write(self, level: str, event: str, text: str, facts: dict[str, Any]) -> None:
        if self.listener is not None:
            self.listener(level, event)
        if _LEVELS.index(level) < self._least:
            return
        with self._lock:
            try:
                self._to.write(self.line(level, event, text, facts))
                self._to.flush()
            except (OSError, ValueError):  # nobody reads any more: a log never stops the node
                pass

    def line(self, level: str, event: str, text: str, facts: dict[str, Any]) -> str:
        """What is written, with its end."""
        now = time.time()
        if self._as_json:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
            record = {"time": stamp, "level": level, "round": self.round, "phase": self.phase, "event": event}
            who = {"who": self.who} if self.who else {}
            line = json.dumps({**record, **who, "text": text, **facts}, default=_plain)
        else:
            stamp = time.strftime("%H:%M:%S", time.localtime(now))
            place = f"round {self.round}" if self.round is not None else "-"
            mark = "" if level in ("debug", "info") else f"{level.upper()}: "
            by = f"{self.who}  " if self.who else ""
            line = wrapped(f"{stamp}  {by}{place:<9} {self.phase:<9}  {mark}{text}", self._columns())
        return line + "\n"


def columns_of(stream: Any) -> int | None:
    """Columns of the terminal that this is, if it is one."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # no terminal, no file, or closed
        return None


def wrapped(line: str, columns: int | None) -> str:
    """The line, going on in others below where it has more columns; one that has several lines stays as it is."""
    if columns is None or len(line) <= max(columns, _LEAST) or "\n" in line:
        return line
    parts = textwrap.wrap(line, max(columns, _LEAST), subsequent_indent=_INDENT, break_on_hyphens=False)
    return "\n".join(parts)


def _plain(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
