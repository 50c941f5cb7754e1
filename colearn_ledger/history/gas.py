"""What rounds took of gas lately, by their receipts: the chain's own measure, whatever its rules are."""

from __future__ import annotations

from ..chain.snapshot import Snapshot
from .read import read_history

__all__ = ["fetch_round_gas"]

_ROUNDS = 3


def fetch_round_gas(snapshot: Snapshot, *, deployed_block: int = 0) -> int | None:
    """Gas that all members together took for a round, the mean of the newest ones that were voted on.

    None where there are none among the newest three, or their events or receipts can't be had. Raises ChainError.
    """
    newest = snapshot.current_round() - 1
    if newest < 1:
        return None
    first = max(1, newest - _ROUNDS + 1)
    voted_on = [r.round for r in snapshot.rounds(first, newest + 1 - first) if r.weights is not None]
    if not voted_on:  # nothing tells how far back there were any
        return None
    first, last = voted_on[0], voted_on[-1]
    history = read_history(snapshot, first=first, last=last, deployed_block=deployed_block, receipts=True)
    known = [r.gas for r in history.rounds if r.gas is not None and r.record.weights is not None]
    return sum(known) // len(known) if known else None
