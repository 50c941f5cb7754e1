"""The node's log: one line an action, on standard error; round and phase come first."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Log", "Stream"]

_LEVELS = ("debug", "info", "warning", "error")


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...


class Log:
    """Writes lines as text for people or as JSON.

    ``round`` and ``phase`` are set as the node goes on, and stand in front of every line. ``listener`` gets level
    and event of every line, also of those that are below the least level.
    """

    def __init__(self, *, as_json: bool = False, level: str = "info", to: Stream | None = None) -> None:
        self._as_json = as_json
        self._least = _LEVELS.index(level)
        self._to: Stream = to or sys.stderr
        self._lock = threading.Lock()
        self.listener: Callable[[str, str], None] | None = None
        self.round: int | None = None
        self.phase = "start"

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
            line = json.dumps({**record, "text": text, **facts}, default=_plain)
        else:
            stamp = time.strftime("%H:%M:%S", time.localtime(now))
            place = f"round {self.round}" if self.round is not None else "-"
            mark = "" if level in ("debug", "info") else f"{level.upper()}: "
            line = f"{stamp}  {place:<9} {self.phase:<9}  {mark}{text}"
        return line + "\n"


def _plain(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
