"""What a node looks up for joint rounds beside its view: whose turn comes next, what came before."""

from __future__ import annotations

from functools import partial

from colearn_ledger.core.claims import RejectedMerge, before_accepted, rejected_merges
from colearn_ledger.core.protocol import View, WeightsRef
from colearn_ledger.errors import ChainError

from .ledger import Ledger

__all__ = ["Outlook"]

_PAGE = 128  # rounds that are looked through for what was rejected


class Outlook:
    """Asks the ledger only where it may matter, and once for a turn, or a view."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._next: tuple[tuple[int, str], str] = (-1, ""), ""  # whose turn comes after this one
        self._before: tuple[tuple[int, WeightsRef], WeightsRef | None] | None = None
        self._rejected: tuple[View | None, tuple[RejectedMerge, ...]] = None, ()  # as of the view

    def to_pull_ahead(self, view: View) -> list[WeightsRef]:
        """Others' contributions, for who has the turn to merge, or the next one; nothing for all others."""
        training = view.training
        if training is None or not view.is_member:
            return []
        there = [one.weights for one in training.contributions if not one.late and one.seat != view.seat]
        mine = view.proposer == self._ledger.member
        return there if there and (mine or self._next_proposer(view) == self._ledger.member) else []

    def rejected_before(self, view: View) -> tuple[RejectedMerge, ...]:
        """Merges that were built on the accepted weights and rejected, of the last rounds."""
        merges = view.proposal is None and view.proposer == self._ledger.member
        votes = view.proposal is not None and not view.voted
        first = max(view.accepted_round + 1, view.round - _PAGE)
        if view.training is None or first >= view.round or not (merges or votes):
            return ()
        if self._rejected[0] is not view:
            self._rejected = view, rejected_merges(view, self._ledger.rounds(first, view.round - first, view))
        return self._rejected[1]

    def accepted_before(self, view: View) -> WeightsRef | None:
        """What a rule takes beside the accepted weights; read once for these."""
        accepted = view.accepted_round, view.accepted
        if self._before is None or self._before[0] != accepted:
            self._before = accepted, before_accepted(view, partial(self._ledger.rounds, view=view))
        return self._before[1]

    def _next_proposer(self, view: View) -> str:
        turn = view.round, view.proposer
        if self._next[0] != turn:
            try:
                self._next = turn, self._ledger.next_proposer(view)
            except ChainError:  # the merge pulls what wasn't pulled before it
                return ""
        return self._next[1]
