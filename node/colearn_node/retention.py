"""Which weights the store need not keep any more: a question to the chain, so a restarted node forgets nothing.

Rejected weights go a few rounds after they were rejected, and accepted ones when they are no longer the accepted ones'
parent: a short re-org must not bring back weights that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterable

from colearn_ledger.core.protocol import RoundRecord, RoundState, View, WeightsRef

from .ledger import Ledger
from .worker.messages import Discard

__all__ = ["Retention"]

_ROUNDS_AFTER = 2
_LOOK_BACK = 64  # rounds; what a node left that died longer ago stays pinned
_PAGE = 16


class Retention:
    """Finds what can go, a page of rounds at a time.

    Parameters
    ----------
    keep: ``current`` (the accepted weights and their parent), ``accepted`` (all accepted ones), or ``all``.
    """

    def __init__(self, ledger: Ledger, keep: str) -> None:
        self._ledger, self._keep = ledger, keep
        self._rejected_from: int | None = None
        self._superseded_from = 0
        self._seen = -1
        self._accepted: tuple[int, WeightsRef] | None = None  # those whose parent is known
        self._parent_round = 0
        self._parent: WeightsRef | None = None

    def due(self, view: View) -> Discard | None:
        """What to discard now; None when there is nothing. Costs a call when a round has passed."""
        if self._keep == "all" or view.round == self._seen:
            return None
        if self._rejected_from is None:
            self._rejected_from = self._superseded_from = max(0, view.round - _LOOK_BACK)
        first = self._rejected_from
        if self._keep == "current":
            first = min(first, self._superseded_from)
        page = _Page(self._ledger, view, first)
        if self._accepted != (view.accepted_round, view.accepted):
            parent_round = page.round(view.accepted_round).parent_round
            self._parent_round, self._parent = parent_round, page.round(parent_round).weights
            self._accepted = (view.accepted_round, view.accepted)
        needed = {view.accepted, self._parent, view.proposal.weights if view.proposal else None}
        rejected, self._rejected_from = page.rounds(self._rejected_from, view.round - _ROUNDS_AFTER)
        found = [r.weights for r in rejected if r.state is RoundState.REJECTED]
        done = self._rejected_from >= view.round - _ROUNDS_AFTER
        if self._keep == "current":
            superseded, self._superseded_from = page.rounds(self._superseded_from, self._parent_round)
            found += [r.weights for r in superseded if r.state is RoundState.ACCEPTED]
            done = done and self._superseded_from >= self._parent_round
        if done:
            self._seen = view.round
        refs = _unique(ref for ref in found if ref is not None and ref not in needed)
        return Discard(refs) if refs else None


class _Page:
    """Rounds at one view: from ``first`` to the last one in one call where that is a page, else as they are asked."""

    def __init__(self, ledger: Ledger, view: View, first: int) -> None:
        self._ledger, self._view = ledger, view
        self._first = first
        self._read: tuple[RoundRecord, ...] = ()
        if 0 < view.round - first <= _PAGE:
            self._read = self._fetch(first, view.round - first)

    def round(self, number: int) -> RoundRecord:
        (record,) = self.rounds(number, number + 1)[0]
        return record

    def rounds(self, first: int, end: int) -> tuple[tuple[RoundRecord, ...], int]:
        """Those from ``first`` to before ``end``, a page at most, and where the next page begins."""
        count = min(end - first, _PAGE)
        if count <= 0:
            return (), first
        end = first + count
        if self._first <= first and end <= self._first + len(self._read):
            return self._read[first - self._first : end - self._first], end
        return self._fetch(first, count), end

    def _fetch(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        return self._ledger.rounds(first, count, self._view)


def _unique(refs: Iterable[WeightsRef]) -> tuple[WeightsRef, ...]:
    return tuple(dict.fromkeys(refs))
