"""What an audit reads of a collective before it checks anything, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..chain.contract import Head
from ..core.protocol import MotionKind, MotionRecord, RoundRecord, View
from ..founding.record import DeploymentRecord
from ..history.logs import Event

__all__ = ["Facts", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """Rounds with the same members on the same seats, from ``first_round`` on."""

    first_round: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """One collective as endpoints show it, at one block.

    Attributes
    ----------
    clock: block time that all of it holds for; deadlines that have passed by then count as passed.
    code: what is at the address.
    view: as an address sees it that is no member.
    shuffled: whether turns come in shuffled order.
    records: rounds 0 to the one that is open, from storage.
    spans: the members, from storage.
    motions: from storage, as of the block's own time.
    events: all of the contract in the chain's order, each with its block's time; None where they weren't asked for.
    events_problem: why they aren't complete, or empty.
    senders: by transaction, of those whose receipts could be had.
    programs: members whose account has code: their transactions are sent by others.
    agreements: what is agreed on by one word, by the kind of motion that changes it; from storage.
    deployment: the file that the founder handed around; None where none was given.
    """

    chain_id: int
    address: str
    head: Head
    clock: int
    code: bytes
    view: View
    shuffled: bool
    records: tuple[RoundRecord, ...]
    spans: tuple[Span, ...]
    motions: tuple[MotionRecord, ...]
    events: tuple[Event, ...] | None = None
    events_problem: str = ""
    senders: Mapping[bytes, str] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()
    agreements: Mapping[MotionKind, bytes] = field(default_factory=dict)
    deployment: DeploymentRecord | None = None

    @property
    def complete_events(self) -> tuple[Event, ...] | None:
        """All events from the deployment on, each with its time; None where some are missing."""
        events = self.events
        if not events or self.events_problem or events[0].name != "CollectiveCreated":
            return None
        return None if any(event.time is None for event in events) else events

    def members_in(self, round_number: int) -> tuple[str, ...]:
        """The members of a round by seat, as storage has them."""
        first = max(round_number, 1)
        return next((s.members for s in reversed(self.spans) if s.first_round <= first), ())
