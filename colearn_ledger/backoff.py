"""Trying again, less and less often, what keeps failing; and not at the same moment as everybody else."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

__all__ = ["Backoff", "pause_after"]

# Not the process's own generator: a learner's code seeds that one and counts on its numbers, and pauses are drawn in
# threads beside it.
_draw = random.SystemRandom().random


def pause_after(
    times: int,
    first_s: float,
    longest_s: float,
    *,
    factor: float = 2.0,
    draw: Callable[[], float] = _draw,
) -> float:
    """Seconds to wait after ``times`` failures in a row.

    Drawn at random between half of ``first_s`` and a bound, which is ``first_s`` and grows by ``factor`` with each
    further failure up to ``longest_s``: members that lose one endpoint in the same second come back one by one.

    ``draw``: a number from 0 to below 1; the system's random numbers unless it is given.
    """
    try:
        bound = min(first_s * factor ** (times - 1), longest_s)
    except OverflowError:
        bound = longest_s
    least = min(first_s / 2, bound)
    return least + draw() * (bound - least)


class Backoff:
    """How often one thing has failed in a row, and when to try it again. Another thing starts afresh.

    Parameters
    ----------
    first_s, longest_s, factor, draw: as :func:`pause_after` takes them.
    clock: seconds that never go back.
    """

    def __init__(
        self,
        first_s: float = 0.5,
        longest_s: float = 60.0,
        *,
        factor: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = _draw,
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
        pause = pause_after(self.times, self._first_s, self._longest_s, factor=self._factor, draw=self._draw)
        self._until = self._clock() + pause
        return pause

    def left(self, what: object = None) -> float:
        """Seconds of that pause that are left; 0 for anything else."""
        return max(self._until - self._clock(), 0.0) if self.times and what == self.what else 0.0

    def clear(self) -> None:
        """It worked."""
        self.what, self.times = None, 0
