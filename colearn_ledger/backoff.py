"""Trying again, less and less often, what keeps failing; and not at the same moment as everybody else."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """How often one thing has failed in a row, and when to try it again. Another thing starts afresh.

    A pause is drawn at random between half of ``first_s`` and a bound that doubles with each failure: members that lose
    one endpoint in the same second come back spread over the time until the bound.

    Parameters
    ----------
    first_s, longest_s: bounds of the first pause and of the longest, in seconds.
    factor: by which the bound grows.
    clock: seconds that never go back.
    draw: a number from 0 to below 1; as :func:`random.random`, which starts differently in each process.
    """

    def __init__(
        self,
        first_s: float = 0.5,
        longest_s: float = 60.0,
        *,
        factor: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._first_s, self._longest_s, self._factor = first_s, longest_s, factor
        self._clock, self._draw = clock, draw
        self.what: object = None
        self.times = 0
        self._until = 0.0

    def add(self, what: object = None) -> float:
        """It failed once more; the pause in seconds before the next attempt."""
        self.times = self.times + 1 if what == self.what else 1
        self.what = what
        try:
            bound = min(self._first_s * self._factor ** (self.times - 1), self._longest_s)
        except OverflowError:
            bound = self._longest_s
        least = min(self._first_s / 2, bound)
        pause = least + self._draw() * (bound - least)
        self._until = self._clock() + pause
        return pause

    def left(self, what: object = None) -> float:
        """Seconds of that pause that are left; 0 for anything else."""
        return max(self._until - self._clock(), 0.0) if self.times and what == self.what else 0.0

    def clear(self) -> None:
        """It worked."""
        self.what, self.times = None, 0
