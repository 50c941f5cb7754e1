"""Following a collective: each round's history when the round is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..chain.snapshot import Snapshot
from ..errors import ChainError
from .read import read_history
from .types import History

__all__ = ["again_and_again", "follow_history"]

T = TypeVar("T")


def follow_history(
    look: Callable[[], Snapshot],
    following: int,
    *,
    deployed_block: int = 0,
    logs: bool = True,
    receipts: bool = False,
    look_s: float = 1.0,
    trouble: Callable[[ChainError], None] = lambda error: None,
) -> Iterator[History]:
    """The rounds from ``following`` on, without end: each time what is over since the last time, one round or more.

    Parameters
    ----------
    look: gives a new snapshot, as the contract's ``snapshot`` does.
    deployed_block, logs, receipts: as :func:`.read_history` has them.
    look_s: seconds between two looks at the chain.
    trouble: told once of each time that the chain can't be read, which is waited out.
    """

    def read() -> History | None:
        snapshot = look()
        current = snapshot.current_round()
        if current <= following:
            return None
        history = read_history(
            snapshot,
            first=following,
            last=current - 1,
            deployed_block=deployed_block,
            logs=logs,
            receipts=receipts,
        )
        return history if all(round_.record.state.decided for round_ in history.rounds) else None

    for history in again_and_again(read, look_s=look_s, trouble=trouble):
        if history is not None:
            following = history.rounds[-1].record.round + 1
            yield history


def again_and_again(
    read: Callable[[], T], *, look_s: float = 1.0, trouble: Callable[[ChainError], None] = lambda error: None
) -> Iterator[T]:
    """What ``read`` gives, without end. ``look_s``, ``trouble``: as for :func:`follow_history`."""
    troubled = False
    while True:
        try:
            found = read()
        except ChainError as error:
            if not troubled:
                trouble(error)
            troubled = True
        else:
            troubled = False
            yield found
        time.sleep(look_s)
