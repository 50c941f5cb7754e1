"""Whether the node is alive (its loop goes round) and ready (it sees the chain, and its learner can work)."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Health"]

# A transaction may take its time; longer than this nothing in the loop does.
_LOOP_S = 300.0
_LOOK_S = 60.0


class Health:
    """Told by the loop what it does.

    Parameters
    ----------
    poll_interval: seconds between two looks when nothing happens.
    clock: seconds that never go back.

    Attributes
    ----------
    endpoint, block_time: what is amiss with where the chain is seen, or with its clock; None while nothing is.
    failure: what keeps the loop from its work again and again; None while nothing does.
    held: what has to be known before there is any work; None while nothing has.
    """

    def __init__(self, poll_interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._poll, self._now = poll_interval, clock
        self._looped = self._looked = clock()
        self.endpoint: str | None = None
        self.block_time: str | None = None
        self.failure: str | None = None
        self.held: str | None = None
        self._seen = False
        self._working = False

    def looped(self) -> None:
        """The loop goes round."""
        self._looped = self._now()

    def looked(self, *, can_work: bool) -> None:
        """The chain was seen; ``can_work``: the learner holds the accepted weights."""
        self._looked, self._seen, self._working = self._now(), True, can_work

    @property
    def unseen_s(self) -> float:
        """Seconds since the chain was seen last; before the first time, since the start."""
        return self._now() - self._looked

    def why_not_alive(self) -> str | None:
        """None if it is alive."""
        ago = self._now() - self._looped
        return None if ago < _LOOP_S + 3 * self._poll else f"the loop stands still since {ago:.0f} s"

    def why_not_ready(self) -> str | None:
        """None if it is ready."""
        if self.failure is not None:
            return self.failure
        if not self._seen:
            return "the chain has not been seen yet"
        if self.unseen_s > _LOOK_S + 3 * self._poll:
            return f"the chain was seen last {self.unseen_s:.0f} s ago"
        if amiss := self.endpoint or self.block_time or self.held:
            return amiss
        return None if self._working else "the learner doesn't hold the accepted weights yet"
