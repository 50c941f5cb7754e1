"""The motions: what was moved, what became of it, and from which round on it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..chain.contract import Head
from ..chain.snapshot import Snapshot
from ..core.protocol import MotionKind, MotionRecord, MotionState, Rules, seats
from .export import utc
from .logs import fetch_events

__all__ = ["MOTIONS_FORMAT", "Motion", "Motions", "fetch_all_motions", "motions_to_dict", "read_motions"]

MOTIONS_FORMAT = "colearn-motions-1"
_PAGE = 64


@dataclass(frozen=True, slots=True)
class Motion:
    """One motion.

    Attributes
    ----------
    record: from storage, as of the block time it was read at.
    first_round: what it holds from: of an enacted one by its event (None where the endpoint has none; a motion to go
        back has it in storage), of an approved one the first round that is possible; else None.
    last_round: of an approved one, the latest round that it holds from; one motion is enacted between two rounds.
    """

    record: MotionRecord
    first_round: int | None = None
    last_round: int | None = None

    @property
    def is_leave(self) -> bool:
        """A member's own wish to leave, which needs nobody's vote."""
        return self.record.kind is MotionKind.REMOVE_MEMBER and self.is_wish

    @property
    def is_wish(self) -> bool:
        """A member's own business, which needs nobody's vote: to leave, or to hand its seat to another address."""
        return self.record.need == 0

    @property
    def waits(self) -> bool:
        """Whether something may still come of it."""
        return self.record.state in (MotionState.OPEN, MotionState.APPROVED)


@dataclass(frozen=True, slots=True)
class Motions:
    """All motions in the order in which they were moved, as of one block; ``clock`` is the block time."""

    chain_id: int
    address: str
    head: Head
    clock: int
    current_round: int
    motions: tuple[Motion, ...]


def read_motions(snapshot: Snapshot, *, deployed_block: int = 0, logs: bool = True) -> Motions:
    """All motions as of ``snapshot``; ``logs``: ask for the events of the enacted ones that need them, too."""
    current = snapshot.current_round()
    records = [_as_of(record, snapshot.clock) for record in fetch_all_motions(snapshot)]
    enacted = [r.id for r in records if r.state is MotionState.ENACTED and r.first_round is None]
    since: dict[bytes, int] = {}
    if logs and enacted:
        for event in fetch_events(snapshot, deployed_block, enacted).events:
            if event.name == "MotionEnacted":
                since[bytes(event.arguments["id"])] = int(event.arguments["firstRound"])
    waiting = sum(record.state is MotionState.APPROVED for record in records)
    return Motions(
        snapshot.contract.chain_id,
        snapshot.contract.address,
        snapshot.head,
        snapshot.clock,
        current,
        tuple(
            # The order in which they were approved isn't in storage.
            Motion(record, current + 1, current + waiting)
            if record.state is MotionState.APPROVED
            else Motion(record, since.get(record.id, record.first_round))
            for record in records
        ),
    )


def fetch_all_motions(snapshot: Snapshot) -> tuple[MotionRecord, ...]:
    """All motions in the order in which they were moved, from storage, as of the block's own time."""
    motions: list[MotionRecord] = []
    while True:
        page = snapshot.motions(len(motions), _PAGE)
        motions += page
        if len(page) < _PAGE:
            return tuple(motions)


def motions_to_dict(read: Motions) -> dict[str, Any]:
    """All of it, for JSON; see ``docs/history.md`` for the forms of values."""
    return {
        "format": MOTIONS_FORMAT,
        "chain_id": read.chain_id,
        "address": read.address,
        "block": read.head.number,
        "time": utc(read.clock),
        "current_round": read.current_round,
        "motions": [_to_dict(motion) for motion in read.motions],
    }


def _to_dict(motion: Motion) -> dict[str, Any]:
    record = motion.record
    return {
        "id": "0x" + record.id.hex(),
        "kind": "leave" if motion.is_leave else record.kind.name.lower(),
        "subject": record.subject,
        "rules": None if record.rules is None else _rules_to_dict(record.rules),
        "to_round": record.to_round,
        "word": None if record.word is None else "0x" + record.word.hex(),
        "mover": record.mover,
        "state": record.state.name.lower(),
        "need": record.need,
        "approving_seats": list(seats(record.approvals)),
        "rejecting_seats": list(seats(record.rejections)),
        "deadline": utc(record.deadline),
        "first_round": motion.first_round,
    }


def _rules_to_dict(rules: Rules) -> dict[str, Any]:
    return {
        "threshold": str(rules.threshold),
        "propose_window": rules.propose_window,
        "vote_window": rules.vote_window,
        "reveal_window": rules.reveal_window,
        "motion_window": rules.motion_window,
        "pause": rules.pause,
    }


def _as_of(record: MotionRecord, clock: int) -> MotionRecord:
    """The chain may have stood still since the block while the deadline passed."""
    lapsed = record.state is MotionState.OPEN and clock > record.deadline
    return replace(record, state=MotionState.LAPSED) if lapsed else record
