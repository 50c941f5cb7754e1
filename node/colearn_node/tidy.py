"""Which weights the store need not keep any more: a question to the chain, so a restarted node forgets nothing.

Rejected weights go a few rounds after they were rejected, and accepted ones when they are no longer the accepted ones'
parent: a short re-org must not bring back weights that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterable

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.core.protocol import RoundRecord, RoundState, View, WeightsRef

from .messages import Discard

__all__ = ["Tidier"]

_ROUNDS_AFTER = 2
_LOOK_BACK = 64  # rounds; what a node left that died longer ago stays pinned
_PAGE = 16


class Tidier:
    """Finds what can go, a page of rounds at a time.

    Parameters
    ----------
    keep: ``current`` (the accepted weights and their parent), ``accepted`` (all accepted ones), or ``all``.
    """

    def __init__(self, contract: CollectiveContract, keep: str = "current") -> None:
        self._contract, self._keep = contract, keep
        self._rejected_from: int | None = None
        self._superseded_from = 0
        self._seen = -1

    def due(self, view: View) -> Discard | None:
        """What to discard now; None when there is nothing. Costs calls only when a round has passed."""
        if self._keep == "all" or view.round == self._seen:
            return None
        head = Head(view.block_number, view.block_hash, view.at)
        if self._rejected_from is None:
            self._rejected_from = self._superseded_from = max(0, view.round - _LOOK_BACK)
        (accepted,) = self._contract.fetch_rounds(view.accepted_round, 1, head, view.at)
        (parent,) = self._contract.fetch_rounds(accepted.parent_round, 1, head, view.at)
        needed = {view.accepted, parent.weights, *(p.weights for p in view.proposals)}
        rejected, self._rejected_from = self._page(self._rejected_from, view.round - _ROUNDS_AFTER, head, view)
        found = [r.weights for r in rejected if r.state is RoundState.REJECTED]
        done = self._rejected_from >= view.round - _ROUNDS_AFTER
        if self._keep == "current":
            superseded, self._superseded_from = self._page(self._superseded_from, accepted.parent_round, head, view)
            found += [r.weights for r in superseded if r.state is RoundState.ACCEPTED]
            done = done and self._superseded_from >= accepted.parent_round
        if done:
            self._seen = view.round
        refs = _unique(ref for ref in found if ref is not None and ref not in needed)
        return Discard(refs) if refs else None

    def _page(self, first: int, end: int, head: Head, view: View) -> tuple[tuple[RoundRecord, ...], int]:
        count = min(end - first, _PAGE)
        if count <= 0:
            return (), first
        return self._contract.fetch_rounds(first, count, head, view.at), first + count


def _unique(refs: Iterable[WeightsRef]) -> tuple[WeightsRef, ...]:
    return tuple(dict.fromkeys(refs))
