"""How far a transfer of weights has come, for people who wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Meter", "Tell", "Transfer"]

_FIRST_S, _LONGEST_S = 5.0, 60.0

_Bytes = TypeVar("_Bytes", bytes, memoryview)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer that goes on.

    Attributes
    ----------
    doing: ``adding`` to the store, ``fetching`` from others, ``reading`` what was fetched.
    cid: of the weights; empty where it isn't known yet.
    done, size: bytes that were moved, and that there are.
    """

    doing: str
    cid: str
    done: int
    size: int

    def __str__(self) -> str:
        which = f"{self.doing} {self.cid[:12]}… " if self.cid else f"{self.doing} weights "
        return f"{which}({self.size / 1e6:,.0f} MB): {100 * self.done // max(self.size, 1)} % so far"


Tell = Callable[[Transfer], None]


class Meter:
    """Tells of one transfer: after five seconds, and then ever more rarely, once a minute at last.

    Parameters
    ----------
    tell: None tells nobody.
    doing, cid, size: as in :class:`Transfer`.
    """

    def __init__(
        self, tell: Tell | None, doing: str, cid: str, size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._doing, self._cid, self._size, self._clock = tell, doing, cid, size, clock
        self._pause = _FIRST_S
        self._next = clock() + self._pause

    def at(self, done: int) -> None:
        """So many bytes were moved by now."""
        if self._tell is None or self._clock() < self._next:
            return
        self._pause = min(2 * self._pause, _LONGEST_S)
        self._next = self._clock() + self._pause
        self._tell(Transfer(self._doing, self._cid, done, self._size))

    def counted(self, pieces: Iterable[_Bytes]) -> Iterator[_Bytes]:
        """The same pieces, counted as they pass."""
        done = 0
        for piece in pieces:
            done += len(piece)
            self.at(done)
            yield piece
