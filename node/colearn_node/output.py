"""Writing lines to whoever reads them, or doesn't: a reader that stands still never stops the one who writes."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import IO

__all__ = ["PatientLines"]

_MOST = 10_000  # lines that wait to be read
_CLOSE_S = 2.0


class PatientLines:
    """A stream of lines whose writer never waits: a thread of its own writes them to ``to``, one after the other.

    Where nobody reads them for long, what comes then is dropped, and counted; later a line says how many were lost.

    Parameters
    ----------
    to: where the lines go. What it can't encode is written with escapes; when it fails, the line is lost.
    lost: makes the line that says how many were.
    most: lines that may wait.
    close_s: seconds that closing waits for lines that were not written yet.
    """

    def __init__(
        self, to: IO[str], lost: Callable[[int], str], *, most: int = _MOST, close_s: float = _CLOSE_S
    ) -> None:
        self._to, self._lost, self._close_s = to, lost, close_s
        self._queue: queue.Queue[str | None] = queue.Queue(most)
        self._dropped = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def __enter__(self) -> PatientLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, text: str) -> None:
        """Write it, sooner or later, or never."""
        with self._lock:
            try:
                self._queue.put_nowait(text)
            except queue.Full:
                self._dropped += 1

    def flush(self) -> None:
        """Each line is flushed when it is written."""

    def close(self) -> None:
        """Wait a little until all is written."""
        try:
            self._queue.put(None, timeout=self._close_s)
        except queue.Full:
            return
        self._thread.join(self._close_s)

    def _write_all(self) -> None:
        while (text := self._queue.get()) is not None:
            self._write(text)
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._write(self._lost(dropped))

    def _write(self, text: str) -> None:
        try:
            data = text.encode(getattr(self._to, "encoding", None) or "utf-8", "backslashreplace")
            try:
                handle = self._to.fileno()
            except (AttributeError, OSError, ValueError):  # no file of the system's
                self._to.write(data.decode(getattr(self._to, "encoding", None) or "utf-8"))
                self._to.flush()
                return
            # Not through the stream: its lock, held while nobody reads, would keep the program from ending.
            while data:
                data = data[os.write(handle, data) :]
        except (OSError, ValueError):  # nobody reads any more, the disk is full: a log never stops the node
            pass
