"""What a node's store is to keep: a question to the chain, so a restarted node forgets nothing.

Said is what is needed, and not what may go: everything else that the store keeps for this node goes, whoever named it,
and whatever failed or was missed before. Weights are known by their CID there, since several refs may name one content.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from colearn_ledger.core.protocol import RoundRecord, RoundState, View, WeightsRef

from .ledger import Ledger
from .worker.messages import Tidy

__all__ = ["Retention"]

_RECENT = 4  # rounds whose weights stay, however they ended: a re-org must not bring back weights that nobody has
_YOUNG_S = 60  # of block time since a proposal: where rounds take seconds, a re-org may undo more of them
_LOOK_BACK = 16  # rounds
_PAGE = 256  # rounds
_AGAIN_S = 60.0  # after which a store is looked into also when no round has passed: it may have lost something


class Retention:
    """Says what the store is to keep, once a round and now and then.

    Parameters
    ----------
    keep: ``current`` (the accepted weights, their parent and the last rounds'), ``accepted`` (all accepted ones, too),
        or ``all``.
    limit: bytes that accepted ones may take up; beyond that the oldest go. None: all are kept.
    clock: seconds that never go back.
    """

    def __init__(
        self, ledger: Ledger, keep: str, limit: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._keep, self._limit, self._now = ledger, keep, limit, clock
        self._archived = -1, 0  # up to which round it is known, and of how many bytes, what is kept for good
        self._seen: tuple[int, WeightsRef, tuple[int, ...]] | None = None
        self._again = 0.0

    def due(self, view: View) -> Tidy | None:
        """What to keep, when it is time to say it. Costs a call or two to the chain, and none where all is kept."""
        seen = view.round, view.accepted, view.rounds_to_keep
        if self._seen == seen and self._now() < self._again:
            return None
        found = Tidy(None) if self._keep == "all" else self._needed(view)
        if view.rounds_to_keep:  # by a motion that waits: they may become the accepted ones
            back = (self._ledger.rounds(number, 1, view)[0].weights for number in view.rounds_to_keep)
            found = replace(found, wanted=tuple(dict.fromkeys(ref for ref in back if ref is not None)))
        self._seen, self._again = seen, self._now() + _AGAIN_S
        return found

    def _needed(self, view: View) -> Tidy:
        first = max(0, view.round - _LOOK_BACK)
        read = {r.round: r for r in self._ledger.rounds(first, view.round - first, view)} if view.round > first else {}

        def record(number: int) -> RoundRecord:
            if number not in read:
                (read[number],) = self._ledger.rounds(number, 1, view)
            return read[number]

        windows = view.rules
        window = windows.reveal_window if view.secret_votes else windows.vote_window  # what a deadline was set by
        young = [r.round for r in read.values() if r.weights and view.at - (r.deadline - window) <= _YOUNG_S]
        oldest = min([view.round - _RECENT, *young])
        recent = [read[number] for number in range(max(first, oldest), view.round)]
        parents = [record(view.accepted_round).parent_round]
        if recent:  # what was accepted before these: all of them may be undone
            parents.append(recent[0].parent_round)
        needed = [view.accepted, view.proposal.weights if view.proposal else None]
        if view.training is not None:  # its own, and what it pulls to merge it
            needed += [one.weights for one in view.training.contributions]
        # Also what a motion that waits would go back to, as far as it is still kept.
        needed += [r.weights for r in (*map(record, (*parents, *view.rounds_to_keep)), *recent)]
        archive: tuple[WeightsRef, ...] = ()
        only: tuple[WeightsRef, ...] | None = None
        if self._keep == "accepted":
            accepted = [r.weights for r in read.values() if r.state is RoundState.ACCEPTED and r.weights is not None]
            archive = tuple(dict.fromkeys([*accepted, view.accepted]))
            if self._limit is not None and self._may_exceed(self._limit, view, max(ref.size for ref in archive)):
                only = self._within(self._limit, view)
                archive = tuple(ref for ref in archive if ref in only)
        return Tidy(tuple(dict.fromkeys(ref for ref in needed if ref is not None)), archive, archive_only=only)

    def _may_exceed(self, limit: int, view: View, largest: int) -> bool:
        """Whether all accepted weights may be more, if every round since it was looked at has brought the largest."""
        known, total = self._archived
        if view.round <= known:  # the chain has gone back
            known, total = self._archived = -1, 0
        return total + (view.round - 1 - known) * largest > limit

    def _within(self, limit: int, view: View) -> tuple[WeightsRef, ...]:
        """The newest accepted weights, up to nine tenths of the limit: so this needn't be found out every round."""
        found: dict[str, WeightsRef] = {view.accepted.cid: view.accepted}
        total, number, room = view.accepted.size, view.round, True
        while number > 0 and room:
            first = max(0, number - _PAGE)
            for one in reversed(self._ledger.rounds(first, number - first, view)):
                ref = one.weights
                if one.state is not RoundState.ACCEPTED or ref is None or ref.cid in found:
                    continue
                room = total + ref.size <= limit * 0.9
                if not room:
                    break
                found[ref.cid], total = ref, total + ref.size
            number = first
        self._archived = view.round - 1, total
        return tuple(found.values())
