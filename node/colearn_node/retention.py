"""What a node's store is to keep: a question to the chain, so a restarted node forgets nothing.

Said is what is needed, and not what may go: everything else that the store keeps for this node goes, whoever named it,
and whatever failed or was missed before. Weights are known by their CID there, since several refs may name one content.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from colearn_ledger.core.protocol import RoundRecord, RoundState, View, WeightsRef

from .contributions import Span, between, recent_from, training_of
from .ledger import Ledger
from .worker.messages import Tidy

__all__ = ["Retention"]

_RECENT = 4  # rounds whose weights stay, however they ended: a re-org must not bring back weights that nobody has
_YOUNG_S = 60  # of block time since a proposal: where rounds take seconds, a re-org may undo more of them
_LOOK_BACK = 16  # rounds
_JOINT_LOOK_BACK = 64  # rounds: a training goes on through several, and through all the turns that were missed
_PAGE = 256  # rounds
_AGAIN_S = 60.0  # after which a store is looked into also when no round has passed: it may have lost something


class Retention:
    """Says what the store is to keep, once a round and now and then.

    Parameters
    ----------
    keep: ``current`` (the accepted weights, their parent and the last rounds'), ``accepted`` (all accepted ones, too),
        or ``all``.
    limit: bytes that accepted ones may take up; beyond that the oldest go. None: all are kept.
    contributions: in joint rounds, its own contributions to a training whose merge was accepted stay as long as the
        weights of that round; they count as much as these. False: they go when the training is over.
    clock: seconds that never go back.
    """

    def __init__(
        self,
        ledger: Ledger,
        keep: str,
        limit: int | None = None,
        *,
        contributions: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._keep, self._limit, self._now = ledger, keep, limit, clock
        self._contributions = contributions
        self._first = True  # look, for once
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
        look_back = _LOOK_BACK if not view.merge_order else _PAGE if self._first else _JOINT_LOOK_BACK
        first = max(0, view.round - look_back)
        read = {r.round: r for r in self._ledger.rounds(first, view.round - first, view)} if view.round > first else {}
        self._first = False

        def record(number: int) -> RoundRecord:
            if number not in read:
                (read[number],) = self._ledger.rounds(number, 1, view)
            return read[number]

        windows = view.rules
        window = windows.reveal_window if view.secret_votes else windows.vote_window  # what a deadline was set by
        late = [r for r in read.values() if r.weights and r.round >= view.round - _LOOK_BACK]
        young = [r.round for r in late if view.at - (r.deadline - window) <= _YOUNG_S]
        oldest = max(first, min([view.round - _RECENT, *young]))
        recent = [read[number] for number in range(oldest, view.round)]
        parents = [record(view.accepted_round).parent_round]
        if recent:  # what was accepted before these: all of them may be undone
            parents.append(recent[0].parent_round)
        needed = [view.accepted, view.proposal.weights if view.proposal else None]
        if view.training is not None:  # its own, and what it pulls to merge it
            needed += [one.weights for one in view.training.contributions]
        # Also what a motion that waits would go back to, as far as it is still kept.
        others = [record(number) for number in (*parents, *view.rounds_to_keep)]
        needed += [r.weights for r in (*others, *recent)]
        archive: tuple[WeightsRef, ...] = ()
        only: tuple[WeightsRef, ...] | None = None
        below = -1
        accepted = [r for r in read.values() if r.state is RoundState.ACCEPTED and r.weights is not None]
        if self._keep == "accepted":
            archive = tuple(dict.fromkeys([*(r.weights for r in accepted if r.weights is not None), view.accepted]))
            if self._limit is not None and self._may_exceed(self._limit, view, max(map(self._room(view), archive))):
                only, below = self._within(self._limit, view)
                archive = tuple(ref for ref in archive if ref in only)
        forgotten: tuple[Span, ...] = ()
        if view.merge_order:
            kept = accepted if self._keep == "accepted" else [*others, record(view.accepted_round)]
            since = first if self._keep == "accepted" else 0  # those of before are looked through by now, or too many
            stays = [training_of(r, read, view.merge_order) for r in kept if r.round > below]
            forgotten = self._forgotten(view, stays, recent_from(oldest, read, len(view.merge_order)), since, below)
        needed_now = tuple(dict.fromkeys(ref for ref in needed if ref is not None))
        return Tidy(needed_now, archive, archive_only=only, forgotten=forgotten)

    def _forgotten(self, view: View, stays: Sequence[Span], recent: int, since: int, below: int) -> tuple[Span, ...]:
        """With which rounds the trainings began to which its own contributions may go, from round ``since`` on."""
        if not self._contributions:
            return ((0, view.round),)
        going_on = view.round if view.training is None else view.training.first_round
        gone = between([*stays, (min(going_on, recent), view.round)], since, view.round)
        return gone if below < 0 else ((0, below), *gone)

    def _may_exceed(self, limit: int, view: View, largest: int) -> bool:
        """Whether all accepted weights may be more, if every round since it was looked at has brought the largest."""
        known, total = self._archived
        if view.round <= known:  # the chain has gone back
            known, total = self._archived = -1, 0
        return total + (view.round - 1 - known) * largest > limit

    def _room(self, view: View) -> Callable[[WeightsRef], int]:
        """What a round's accepted weights take up, and in joint rounds the contribution to them, which is as large."""
        times = 2 if view.merge_order and self._contributions else 1
        return lambda ref: times * ref.size

    def _within(self, limit: int, view: View) -> tuple[tuple[WeightsRef, ...], int]:
        """The newest accepted weights, up to nine tenths of the limit: so this needn't be found out every round.

        And the round whose weights are the first that are more than that; -1 if there are none.
        """
        found: dict[str, WeightsRef] = {view.accepted.cid: view.accepted}
        room_of, below = self._room(view), -1
        total, number, room = room_of(view.accepted), view.round, True
        while number > 0 and room:
            first = max(0, number - _PAGE)
            for one in reversed(self._ledger.rounds(first, number - first, view)):
                ref = one.weights
                if one.state is not RoundState.ACCEPTED or ref is None or ref.cid in found:
                    continue
                room = total + room_of(ref) <= limit * 0.9
                if not room:
                    below = one.round
                    break
                found[ref.cid], total = ref, total + room_of(ref)
            number = first
        self._archived = view.round - 1, total
        return tuple(found.values()), below
