"""One state of one collective, at one block and one block time: what every read is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.limits import MOST_PAGE
from ..core.protocol import (
    ZERO_ADDRESS,
    MotionKind,
    MotionRecord,
    MotionState,
    Proposal,
    RoundRecord,
    RoundState,
    Rules,
    View,
    WeightsRef,
)

if TYPE_CHECKING:
    from .contract import CollectiveContract, Head

__all__ = ["Snapshot"]

_ZERO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collective as of ``head``, at block time ``clock``. What is read of one snapshot fits together.

    Made by :meth:`.CollectiveContract.snapshot`. Each method is one call to the endpoint (:meth:`rounds` one for each
    256), and raises ChainError when that can't be reached, or no longer has the block.

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
        raw = self._read(self.contract.functions.viewFor(member, self.clock), "read the view")
        return View(
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
        )

    def rounds(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        """Records of at most ``count`` rounds from ``first``, none past the current one, from storage alone."""
        records: list[RoundRecord] = []
        while len(records) < count:
            some = min(count - len(records), MOST_PAGE)  # the contract gives no more at a time
            page = self._read(self.contract.functions.rounds(first + len(records), some, self.clock), "read the rounds")
            records += map(_round_record, page)
            if len(page) < some:
                break
        return tuple(records)

    def members(self, at_round: int | None = None) -> tuple[str, ...]:
        """The members by seat: now, or in ``at_round``."""
        functions = self.contract.functions
        function = functions.members() if at_round is None else functions.membersAt(at_round)
        return tuple(self._read(function, "read the members"))

    def motions(self, first: int, count: int) -> tuple[MotionRecord, ...]:
        """At most ``count`` motions, and 256, from index ``first``, as they were moved; as of the block's own time."""
        page = self._read(self.contract.functions.motions(first, count), "read the motions")
        return tuple(_motion_record(raw) for raw in page)

    def current_round(self) -> int:
        """The number of the round that is open."""
        return self.view(ZERO_ADDRESS).round

    def _read(self, function: Any, doing: str) -> Any:
        return self.contract.call(function, self.head, doing)


def _rules(raw: Mapping[str, int]) -> Rules:
    return Rules(
        threshold_numerator=raw["thresholdNumerator"],
        threshold_denominator=raw["thresholdDenominator"],
        propose_window=raw["proposeWindow"],
        vote_window=raw["voteWindow"],
        reveal_window=raw["revealWindow"],
        motion_window=raw["motionWindow"],
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
    )
