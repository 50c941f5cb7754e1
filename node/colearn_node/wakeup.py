"""What wakes the loop: the worker, a signal, a new head. Whoever calls only says "look again"; state decides."""

from __future__ import annotations

import threading

__all__ = ["Wake"]


class Wake:
    """An event that is cleared by waiting for it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a call, at most so long; True if there was one since the last wait."""
        woken = self._event.wait(max(seconds, 0.0))
        self._event.clear()
        return woken
