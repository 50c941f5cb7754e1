"""Joint rounds in the history: to which training a round belongs, and what its proposal made of each contribution."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..chain.snapshot import Snapshot
from ..core.merge.claim import LeftOut
from ..core.protocol import MotionKind, MotionRecord, MotionState, RoundRecord, View, WeightsRef
from .logs import Event, fetch_events
from .types import Contributed, Transaction, Use

__all__ = ["CLAIM_BYTES", "Trainings", "contributions_in", "fetch_trainings", "successors_in"]

CLAIM_BYTES = 64  # that a joint proposal's note begins with: the claim, and the reasons why others are left out
_REASONS: dict[int, Use] = {
    LeftOut.UNAVAILABLE: Use.UNAVAILABLE,
    LeftOut.INVALID: Use.INVALID,
    LeftOut.EQUAL: Use.EQUAL,
    LeftOut.CANCELS: Use.CANCELS,
}


@dataclass(frozen=True, slots=True)
class Trainings:
    """Trainings by their first rounds, ascending. ``problem``: why earlier ones are missing, or empty."""

    firsts: tuple[int, ...] = ()
    problem: str = ""

    def of(self, record: RoundRecord) -> int | None:
        """The training of a round; None of the genesis, and where it isn't known."""
        at = bisect.bisect_right(self.firsts, record.round)
        first = self.firsts[at - 1] if at and record.round > 0 else 0
        return first if first > record.parent_round else None


def fetch_trainings(snapshot: Snapshot, view: View, deployed_block: int, records: Sequence[RoundRecord]) -> Trainings:
    """The trainings that these rounds belong to. Raises ChainError as :func:`.fetch_events` does."""
    if view.training is None:
        return Trainings()
    current = view.training.first_round  # which may not be written down: the clock begins one, too
    if all(record.round >= current for record in records if record.round > 0):
        return Trainings((current,))
    first = min(record.round for record in records)

    def is_earlier(event: Event) -> bool:
        return int(event.arguments["training"]) <= first

    events = fetch_events(snapshot, deployed_block, names=("TrainingBegan",), enough=is_earlier)
    return Trainings(tuple(sorted({current, *(int(e.arguments["training"]) for e in events.events)})), events.problem)


def successors_in(motions: Iterable[MotionRecord]) -> dict[str, str]:
    """Who has handed its seat to whom."""
    return {
        m.mover: m.subject
        for m in motions
        if m.kind is MotionKind.REPLACE_MEMBER and m.state is MotionState.ENACTED and m.subject is not None
    }


def contributions_in(
    record: RoundRecord,
    seated: Sequence[str],
    sent: Sequence[tuple[dict[str, Any], Transaction]],
    proposal_note: bytes,
    successors: dict[str, str],
) -> tuple[Contributed, ...]:
    """What one round's proposal made of the contributions to its training.

    Parameters
    ----------
    seated: the members of the round, by seat.
    sent: what the events tell of the contributions, in the chain's order, each with its transaction.
    proposal_note: the whole note of the round's proposal; empty where there is none.
    successors: who has handed its seat to whom, and its contribution with it.
    """
    reasons = int.from_bytes(proposal_note[CLAIM_BYTES - 32 : CLAIM_BYTES], "big")
    seat_of = {member: seat for seat, member in enumerate(seated)}
    found: list[Contributed] = []
    for told, transaction in reversed(sent):  # of one account two only if it has left in between: the last one counts
        member = _holder(told["member"], seat_of, successors)
        seat = seat_of.pop(member, None)
        found.append(
            Contributed(
                seat=seat,
                member=member,
                weights=WeightsRef(bytes(told["sha256Hash"]), bytes(told["cidDigest"]), int(told["size"])),
                late=bool(told["late"]),
                note=bytes(told["note"]),
                use=_use(record, seat, bool(told["late"]), reasons),
                transaction=transaction,
            )
        )
    return tuple(sorted(found, key=lambda one: len(seated) if one.seat is None else one.seat))


def _holder(member: str, seat_of: dict[str, int], successors: dict[str, str]) -> str:
    """Who has the seat in this round of who contributed; the latter where nobody has."""
    holder, seen = member, set[str]()
    while holder not in seat_of:
        seen.add(holder)
        if holder not in successors or successors[holder] in seen:
            return member
        holder = successors[holder]
    return holder


def _use(record: RoundRecord, seat: int | None, late: bool, reasons: int) -> Use:
    if seat is None:
        return Use.VOID
    if record.claim is not None and record.claim.seats >> seat & 1:
        return Use.MERGED
    if late:
        return Use.LATE
    if record.claim is None:
        return Use.WAITING
    return _REASONS.get(reasons >> 4 * seat & 15, Use.LEFT_OUT)
