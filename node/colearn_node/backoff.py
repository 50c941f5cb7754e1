"""Trying again, less and less often, what keeps failing."""

from __future__ import annotations

import time

__all__ = ["Backoff"]

LONGEST_S = 60.0


class Backoff:
    """How often one thing has failed in a row, and when to try it again. Another thing starts afresh."""

    def __init__(self, first_s: float = 0.5, longest_s: float = LONGEST_S) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self.what: object = None
        self.times = 0
        self._until = 0.0

    def add(self, what: object) -> float:
        """It failed once more; the pause in seconds before the next attempt."""
        self.times = self.times + 1 if what == self.what else 1
        self.what = what
        pause = min(self._first_s * 2.0 ** min(self.times - 1, 30), self._longest_s)
        self._until = time.monotonic() + pause
        return pause

    def left(self, what: object) -> float:
        """Seconds of that pause that are left; 0 for anything else."""
        return max(self._until - time.monotonic(), 0.0) if self.times and what == self.what else 0.0

    def clear(self) -> None:
        """It worked."""
        self.what, self.times = None, 0
