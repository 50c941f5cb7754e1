"""One state of one collective, at one block and one block time: what every read is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from web3.types import TxParams

from ..core.limits import MOST_MEMBERS, MOST_PAGE
from ..core.protocol import (
    ZERO_ADDRESS,
    Claim,
    Contribution,
    MotionKind,
    MotionRecord,
    MotionState,
    Proposal,
    RoundRecord,
    RoundState,
    Rules,
    Training,
    View,
    WeightsRef,
    rules_in,
)
from .reach import Refused

if TYPE_CHECKING:
    from .contract import CollectiveContract, Head

__all__ = ["Snapshot"]

T = TypeVar("T")
_ZERO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collective as of ``head``, at block time ``clock``. What is read of one snapshot fits together.

    Made by :meth:`.CollectiveContract.snapshot`. Each method is one call to the endpoint (of many records, a few), and
    raises ChainError when that can't be reached, no longer has the block, or says what the contract never does.

    Attributes
    ----------
    contract: the collective.
    head: the block whose state is read.
    clock: block time in seconds, never before ``head``'s: deadlines that have passed by then count as passed.
    """

    contract: CollectiveContract
    head: Head
    clock: int

    @property
    def pin(self) -> Any:
        """The block as ``eth_call`` and its kind take it; see :meth:`.CollectiveContract.pin`."""
        return self.contract.pin(self.head)

    def view(self, member: str) -> View:
        """What ``member``'s node needs to decide. Any address has a view, also one that is no member."""
        return self._read(self.contract.functions.viewFor(member, self.clock), "read the view", self._view)

    def view_call(self, member: str) -> TxParams:
        """The call by which :meth:`view` asks, for whoever asks several endpoints."""
        return self.contract.encode(self.contract.functions.viewFor(member, self.clock))

    def decode_view(self, answer: bytes) -> View:
        """The view in the answer to :meth:`view_call`; raises ChainError for what the contract never says."""
        return self.contract.decode(self.contract.functions.viewFor(ZERO_ADDRESS, self.clock), answer, self._view)

    def _view(self, raw: Mapping[str, Any]) -> View:
        view = View(
            block_number=self.head.number,
            block_hash=self.head.hash,
            at=raw["at"],
            round=raw["round"],
            state=RoundState(raw["state"]),
            proposer=raw["proposer"],
            deadline=raw["deadline"],
            overdue=raw["overdue"],
            accepted_round=raw["acceptedRound"],
            accepted=WeightsRef(raw["acceptedSha256"], raw["acceptedCidDigest"], raw["acceptedSize"]),
            proposal=_proposal(raw["proposal"]),
            member_count=raw["memberCount"],
            is_member=raw["isMember"],
            seat=raw["seat"],
            voted=raw["voted"],
            commitment=None if raw["commitment"] == _ZERO_HASH else raw["commitment"],
            rules=_rules(raw["rules"]),
            secret_votes=raw["secretVotes"],
            max_size=raw["maxSize"],
            motions_to_vote=tuple(raw["motionsToVote"]),
            rounds_to_keep=tuple(raw["roundsToKeep"]),
            merge_order=rules_in(raw["mergeOrder"]),
            training=_training(raw["training"], raw["contributions"]),
            opens_at=raw["opensAt"],
            ended=raw["ended"],
        )
        _check_view(view, self.clock)
        return view

    def rounds(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        """Records of at most ``count`` rounds from ``first``, none past the current one, from storage alone."""

        def fetch(first: int, count: int) -> tuple[RoundRecord, ...]:
            def read(raw: list[Mapping[str, Any]]) -> tuple[RoundRecord, ...]:
                records = tuple(_round_record(one) for one in raw)
                if [record.round for record in records] != list(range(first, first + len(records))):
                    raise ValueError("other rounds than were asked for")
                return records

            return self._read(self.contract.functions.rounds(first, count, self.clock), "read the rounds", read)

        return _paged(fetch, first, count)

    def members(self, at_round: int | None = None) -> tuple[str, ...]:
        """The members by seat: now, or in ``at_round``."""
        functions = self.contract.functions
        function = functions.members() if at_round is None else functions.membersAt(at_round)
        return self._read(function, "read the members", tuple)

    def shuffled(self) -> bool:
        """Whether proposers' order is shuffled each cycle."""
        return self._read(self.contract.functions.shuffled(), "read the order of proposers", bool)

    def agreement(self, kind: MotionKind) -> bytes:
        """What members agreed on by motions of this kind, one of those of one word (32 bytes; zeros: nothing)."""
        return self._read(self.contract.functions.currentAgreement(int(kind)), "read what was agreed on", bytes)

    def motions(self, first: int, count: int) -> tuple[MotionRecord, ...]:
        """At most ``count`` motions from index ``first``, in the order they were moved, as of the block's own time."""

        def fetch(first: int, count: int) -> tuple[MotionRecord, ...]:
            function = self.contract.functions.motions(first, count)
            return self._read(function, "read the motions", lambda raw: tuple(_motion_record(one) for one in raw))

        return _paged(fetch, first, count)

    def current_round(self) -> int:
        """The number of the round that is open."""
        return self.view(ZERO_ADDRESS).round

    def _read(self, function: Any, doing: str, read: Callable[[Any], T]) -> T:
        return self.contract.call(function, self.head, doing, read)


def _paged(fetch: Callable[[int, int], tuple[T, ...]], first: int, count: int) -> tuple[T, ...]:
    """At most ``count`` records from ``first``, in pages as large as the endpoint answers.

    How much a call may cost, and how an endpoint says that it is too much, is each endpoint's own ("out of gas",
    "MemoryOOG", "execution timeout"): so whatever it refuses is asked for in halves.
    """
    records: list[T] = []
    size = MOST_PAGE  # the contract gives no more at a time
    while len(records) < count:
        asked = min(size, count - len(records))
        try:
            page = fetch(first + len(records), asked)
        except Refused:
            if asked == 1:
                raise
            size = (asked + 1) // 2
            continue
        records += page[:asked]
        if len(page) < asked:
            break
    return tuple(records)


def _check_view(view: View, clock: int) -> None:
    """Raise ValueError for what no such contract says, whatever its state."""
    proposal = view.proposal
    fits = view.is_member is False or view.seat < view.member_count
    good = view.at == clock and 2 <= view.member_count <= MOST_MEMBERS and fits and not view.state.decided
    good = good and (proposal is None) is (view.state is RoundState.PROPOSING)
    good = good and (view.training is None) is (view.merge_order == ()) and _can_be(view)
    if not good:
        raise ValueError("a view that can't be")


def _can_be(view: View) -> bool:
    """Whether what it says of joint rounds may be so: who has contributed, and what is merged."""
    training, proposal = view.training, view.proposal
    if training is None:
        return proposal is None or proposal.claim is None
    good = 0 < training.first_round <= view.round and (training.expected | training.in_time) >> view.member_count == 0
    # Of a training whose rules were all rejected only an endpoint's clock can tell, while a motion waits.
    good = good and (view.overdue or training.rules_left != ())
    if proposal is None:
        return good
    claim, own = proposal.claim, 1 << proposal.proposer_seat
    there = training.in_time | own
    return good and claim is not None and claim.seats != 0 and claim.seats & ~there == 0


def _training(raw: Mapping[str, int], contributed: Sequence[Mapping[str, Any]]) -> Training | None:
    if raw["firstRound"] == 0:
        return None
    contributions = [
        Contribution(
            seat, WeightsRef(one["sha256Hash"], one["cidDigest"], one["size"]), not raw["contributed"] >> seat & 1
        )
        for seat, one in enumerate(contributed)
        if one["size"] > 0
    ]
    training = Training(
        first_round=raw["firstRound"],
        until=raw["until"],
        expected=raw["expected"],
        rules_left=rules_in(raw["rulesLeft"]),
        contributions=tuple(contributions),
    )
    if training.in_time != raw["contributed"]:
        raise ValueError("contributions that aren't there")
    return training


def _rules(raw: Mapping[str, int]) -> Rules:
    return Rules(
        threshold_numerator=raw["thresholdNumerator"],
        threshold_denominator=raw["thresholdDenominator"],
        propose_window=raw["proposeWindow"],
        vote_window=raw["voteWindow"],
        reveal_window=raw["revealWindow"],
        motion_window=raw["motionWindow"],
        train_window=raw["trainWindow"],
        pause=raw["pause"],
    )


def _proposal(raw: Mapping[str, Any]) -> Proposal | None:
    if raw["id"] == _ZERO_HASH:
        return None
    return Proposal(
        id=raw["id"],
        weights=WeightsRef(raw["sha256Hash"], raw["cidDigest"], raw["size"]),
        proposer_seat=raw["proposerSeat"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        hidden=raw["hidden"],
        need=raw["need"],
        claim=Claim.of(raw["claim"]),
    )


def _round_record(raw: Mapping[str, Any]) -> RoundRecord:
    proposed = raw["id"] != _ZERO_HASH or raw["size"] > 0
    return RoundRecord(
        round=raw["round"],
        state=RoundState(raw["state"]),
        proposer=raw["proposer"],
        parent_round=raw["parentRound"],
        parent=raw["parent"],
        id=raw["id"] if proposed else None,
        weights=WeightsRef(raw["sha256Hash"], raw["cidDigest"], raw["size"]) if proposed else None,
        deadline=raw["deadline"],
        member_count=raw["memberCount"],
        proposer_seat=raw["proposerSeat"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        hidden=raw["hidden"],
        need=raw["need"],
        claim=Claim.of(raw["claim"]),
    )


def _motion_record(raw: Mapping[str, Any]) -> MotionRecord:
    return MotionRecord(
        id=raw["id"],
        kind=MotionKind(raw["kind"]),
        state=MotionState(raw["state"]),
        mover=raw["mover"],
        subject=None if raw["subject"] == ZERO_ADDRESS else raw["subject"],
        rules=_rules(raw["rules"]) if raw["kind"] == MotionKind.SET_RULES else None,
        deadline=raw["deadline"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        need=raw["need"],
        to_round=raw["toRound"] if raw["kind"] == MotionKind.REVERT_TO else None,
        first_round=raw["firstRound"] or None,
        word=raw["word"] if raw["kind"] >= MotionKind.SET_PLAN else None,
    )
