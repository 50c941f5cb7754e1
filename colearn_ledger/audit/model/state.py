"""What the contract stores, and who sits where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ...core.protocol import ZERO_ADDRESS, Claim, MotionKind, MotionState, RoundState, Rules, WeightsRef
from ..turns import Epoch, Turns

__all__ = ["Founding", "Impossible", "Motion", "Now", "Proposal", "Seated", "State", "Told", "Training"]


class Impossible(Exception):
    """The contract would have refused this."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the contract must have said it: its name and arguments."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Founding:
    """What a deployment fixes, and starts with."""

    address: str
    time: int
    weights: WeightsRef
    members: tuple[str, ...]
    rules: Rules
    secret_votes: bool
    shuffled: bool
    max_size: int
    merge_order: tuple[int, ...]
    plan: bytes = bytes(32)


@dataclass(slots=True)
class Proposal:
    """Proposed weights and the votes on them. A seat in both bitmaps has committed and not revealed."""

    id: bytes
    weights: WeightsRef
    seat: int
    need: int
    members: int
    parent_round: int
    deadline: int
    status: RoundState = RoundState.VOTING
    claim: Claim | None = None
    approving: int = 0
    rejecting: int = 0

    @property
    def approvals(self) -> int:
        return self.approving & ~self.rejecting

    @property
    def rejections(self) -> int:
        return self.rejecting & ~self.approving

    @property
    def hidden(self) -> int:
        return self.approving & self.rejecting


@dataclass(frozen=True, slots=True)
class Training:
    """What all members train for in joint rounds. ``rules``: by which no merge was rejected yet."""

    first_round: int
    parent_round: int
    until: int
    expected: int
    rules: tuple[int, ...]
    contributed: int = 0
    has_late: bool = False

    @property
    def is_over(self) -> bool:
        return not self.rules

    @property
    def is_complete(self) -> bool:
        return self.contributed != 0 and self.expected & ~self.contributed == 0

    def with_one_rejected(self) -> Training:
        """Its merge by the first rule was; of fewer than two contributions all rules make the same."""
        return replace(self, rules=self.rules[1:] if self.contributed.bit_count() > 1 else ())


@dataclass(slots=True)
class Motion:
    """A motion. ``barred``: the seat of who has no vote on it."""

    index: int
    id: bytes
    kind: MotionKind
    mover: str
    subject: str | None
    rules: Rules | None
    to_round: int | None
    word: bytes | None
    deadline: int
    need: int
    voters: int
    epoch: int
    barred: int | None
    state: MotionState = MotionState.OPEN
    approvals: int = 0
    rejections: int = 0
    first_round: int | None = None

    @property
    def is_wish(self) -> bool:
        return self.need == 0

    def state_at(self, time: int, epoch: int) -> MotionState:
        if self.state is MotionState.OPEN and (time > self.deadline or self.epoch != epoch):
            return MotionState.LAPSED
        return self.state


@dataclass(slots=True)
class Now:
    """What is stored, as of one time.

    ``closed``: the proposal is over by the clock. ``ended``: it is Proposing, and after the end. ``revealing_until``:
    where the clock has opened its reveals.
    """

    round: int
    start: int
    state: RoundState = RoundState.PROPOSING
    deadline: int = 0
    proposal: Proposal | None = None
    revealing_until: int | None = None
    closed: bool = False
    overdue: bool = False
    ended: bool = False
    missed: int = 0
    training: Training | None = None


@dataclass(slots=True)
class Seated:
    """What is kept of a member's account."""

    leaving: bool = False
    replacing: bool = False


@dataclass
class State:
    """All that is stored, and for each joint round ``merged``: the contributions that its proposal names, by seat.

    ``events``: what was said by the action that goes on.
    """

    founding: Founding
    turns: Turns
    round: int = 1
    opened_at: int = 0
    accepted_round: int = 0
    rules: Rules = field(default_factory=Rules)
    need: int = 0
    epochs: list[Epoch] = field(default_factory=list)
    holders: list[list[tuple[int, str]]] = field(default_factory=list)
    seated: dict[str, Seated] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    last_motion: list[int | None] = field(default_factory=list)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)
    motions: list[Motion] = field(default_factory=list)
    indexes: dict[bytes, int] = field(default_factory=dict)
    queue: list[tuple[int, str]] = field(default_factory=list)
    training: Training | None = None
    late_seats: int = 0
    contributions: dict[int, tuple[int, WeightsRef]] = field(default_factory=dict)
    rules_since: list[tuple[int, Rules]] = field(default_factory=list)
    merged: dict[int, tuple[tuple[int, WeightsRef], ...]] = field(default_factory=dict)
    agreements: dict[MotionKind, bytes] = field(default_factory=dict)
    events: list[Told] = field(default_factory=list)

    @property
    def is_joint(self) -> bool:
        return self.founding.merge_order != ()

    @property
    def epoch(self) -> Epoch:
        return self.epochs[-1]

    @property
    def epoch_number(self) -> int:
        return len(self.epochs) - 1

    def tell(self, name: str, /, **arguments: Any) -> None:
        self.events.append(Told(name, arguments))

    def seat_of(self, account: str) -> int:
        if account not in self.seated:
            raise Impossible(f"{account} is no member")
        return self.members.index(account)

    def epoch_of(self, round_number: int) -> Epoch:
        return next((one for one in reversed(self.epochs) if one.first_round <= round_number), self.epochs[0])

    def member_in(self, seat: int, round_number: int) -> str:
        held = self.holders[seat]
        return next((account for first, account in reversed(held) if first <= round_number), held[0][1])

    def members_in(self, round_number: int) -> tuple[str, ...]:
        """The members of a round, by seat."""
        return tuple(self.member_in(seat, round_number) for seat in range(self.epoch_of(round_number).members))

    def rules_in(self, round_number: int) -> Rules:
        """The rules in force in a round."""
        return next((r for first, r in reversed(self.rules_since) if first <= round_number), self.rules_since[0][1])

    @property
    def changes(self) -> frozenset[int]:
        """The first rounds of all memberships."""
        return frozenset(first for held in self.holders for first, _ in held if first) | {
            epoch.first_round for epoch in self.epochs
        }

    def agreement(self, kind: MotionKind) -> bytes:
        return self.agreements.get(kind, bytes(32))

    def sha_of(self, round_number: int) -> bytes:
        return self.proposals[round_number].weights.sha256

    # ------------------------------------------------------------------------------------------------ seats

    def place(self, seat: int, account: str, round_number: int, motion: int | None) -> None:
        """``motion``: the last one of who sits down."""
        if seat == len(self.holders):
            self.holders.append([])
            self.last_motion.append(None)
        self.holders[seat].append((round_number, account))
        self.last_motion[seat] = motion
        self.members[seat : seat + 1] = [account]

    def add(self, account: str, round_number: int) -> None:
        seat = len(self.members)
        self.place(seat, account, round_number, None)
        self.seated[account] = Seated()
        self.tell("MemberAdded", member=account, seat=seat, firstRound=round_number)

    def remove(self, account: str, round_number: int) -> int:
        """The seat that became free, and went to the member of the last one."""
        seat, last = self.members.index(account), len(self.members) - 1
        moved = ZERO_ADDRESS
        del self.seated[account]
        if seat != last:
            moved = self.members[last]
            self.place(seat, moved, round_number, self.last_motion[last])
        self.members.pop()
        self.tell("MemberRemoved", member=account, seat=seat, moved=moved, firstRound=round_number)
        return seat

    def hand_over(self, account: str, successor: str, round_number: int) -> None:
        seat = self.members.index(account)
        del self.seated[account]
        self.place(seat, successor, round_number, self.last_motion[seat])
        self.seated[successor] = Seated()
        self.tell("MemberReplaced", member=account, successor=successor, seat=seat, firstRound=round_number)
