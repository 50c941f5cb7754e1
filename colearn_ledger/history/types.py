"""The history as frozen values. Hashes are bytes, addresses checksummed strings, times seconds of block time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..chain.contract import Head
from ..core.protocol import RoundRecord, RoundState, WeightsRef

__all__ = ["Choice", "Contributed", "History", "Round", "Transaction", "Use", "Vote", "choice_of"]


class Choice(str, Enum):
    """What a voter did; for a round that isn't decided, what it has done so far."""

    APPROVED = "approved"
    REJECTED = "rejected"
    HIDDEN = "hidden"  # committed, and not revealed
    ABSENT = "absent"


def choice_of(record: RoundRecord, seat: int) -> Choice:
    """What the voter on a seat did, as the round's record has it."""
    bit = 1 << seat
    if record.approvals & bit:
        return Choice.APPROVED
    if record.rejections & bit:
        return Choice.REJECTED
    return Choice.HIDDEN if record.hidden & bit else Choice.ABSENT


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that left events of a round.

    Attributes
    ----------
    round: the round that it was sent for, and whose gas it counts as.
    did: what it did, such as ``("voted", "decided")``.
    time: of its block; None when the block can't be had.
    sender, gas, fee: from its receipt, None where no receipts were read; the fee in wei.
    """

    hash: bytes
    block: int
    time: int | None
    round: int
    did: tuple[str, ...]
    sender: str | None = None
    gas: int | None = None
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """One voter's part in a round. ``scores``: of the current weights and the proposed ones, if it published them."""

    seat: int
    member: str
    choice: Choice
    scores: tuple[float, float] | None = None
    transaction: bytes | None = None


class Use(str, Enum):
    """What a joint round's proposal made of a contribution."""

    MERGED = "merged"
    UNAVAILABLE = "unavailable"  # left out, for the proposer could not get it
    INVALID = "invalid"  # left out, for nobody could accept it
    EQUAL = "equal"  # left out: one of a lower seat has the same bytes
    CANCELS = "cancels"  # left out: with it the merge would be the accepted weights, which nobody can propose
    LEFT_OUT = "left out"  # and the proposer doesn't say why
    LATE = "late"  # merged by nobody, unless its member does so in its own turn
    VOID = "void"  # its member has left
    WAITING = "waiting"  # nothing is proposed in this round yet

    @property
    def is_omission(self) -> bool:
        """Whether the proposer could have merged it, and did not."""
        return self in (Use.UNAVAILABLE, Use.INVALID, Use.EQUAL, Use.CANCELS, Use.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Contributed:
    """One member's contribution to a training, as the events tell it, and what one round's proposal made of it.

    Attributes
    ----------
    seat: in this round; None where its member has left.
    member: the address that has the seat in this round; of who has left, the one that contributed.
    late: it came when contributions were not taken in time any more.
    note: its member's, as it wrote it: any bytes.
    transaction: that it came by, which counts for the training's first round.
    """

    seat: int | None
    member: str
    weights: WeightsRef
    late: bool
    note: bytes
    use: Use
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    Attributes
    ----------
    record: from storage; always complete.
    members: of the round, by seat; empty for rounds without a proposal.
    votes: of everyone but the proposer, by seat; empty for rounds without a proposal.
    logged: whether the events of the round could be had; what follows is empty or None if not.
    note: the proposer's, as it wrote it: any bytes; of a joint round, what follows the claim.
    by_clock: whether the deadline decided it; None while it isn't decided.
    transactions: that left events of this round, in the chain's order.
    opened, proposed, decided: the transactions that did that; None where the clock did.
    reverted_to: the accepted round whose weights became the accepted ones again just before this round, by a motion;
        None in all other rounds.
    training: of joint rounds, the first round of the training whose contributions may be merged in this one; None where
        the events don't tell.
    contributions: to that training, by seat, those of who has left last; empty in missed rounds, and like what events
        tell.
    """

    record: RoundRecord
    members: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    logged: bool = False
    note: bytes | None = None
    by_clock: bool | None = None
    transactions: tuple[Transaction, ...] = ()
    opened: Transaction | None = None
    proposed: Transaction | None = None
    decided: Transaction | None = None
    reverted_to: int | None = None
    training: int | None = None
    contributions: tuple[Contributed, ...] = ()

    @property
    def contributed(self) -> int | None:
        """How many contributions there were to merge; None of solo rounds, and where the events don't tell."""
        if self.training is None:
            return None
        there = sum(one.use not in (Use.LATE, Use.VOID) for one in self.contributions)
        merged = 0 if self.record.claim is None else self.record.claim.seats.bit_count()
        return there if there >= merged else None

    @property
    def missed_votes(self) -> bool:
        """Whether the clock decided for want of votes: who is absent then did not vote; else it wasn't needed."""
        record = self.record
        if record.state is not RoundState.REJECTED:
            return False
        if self.by_clock is not None:
            return self.by_clock
        cast = (record.approvals | record.rejections).bit_count()
        return record.approvals.bit_count() + record.member_count - 1 - cast >= record.need

    @property
    def omissions(self) -> tuple[Contributed, ...]:
        """What its proposer left out, though it was there in time, by seat; empty, too, where the events don't tell."""
        return tuple(one for one in self.contributions if one.use.is_omission)

    @property
    def gas(self) -> int | None:
        """Gas of the transactions that were sent for this round; None if there are none, or no receipts were read."""
        used = [t.gas for t in self.transactions if t.round == self.record.round]
        return _sum(used)

    @property
    def fee(self) -> int | None:
        """Wei that these transactions cost their senders; None where :attr:`gas` is."""
        return _sum([t.fee for t in self.transactions if t.round == self.record.round])


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known and len(known) == len(numbers) else None


@dataclass(frozen=True, slots=True)
class History:
    """Rounds of one collective as of one block.

    Attributes
    ----------
    clock: the block time that the states are as of.
    rounds: ascending and without holes.
    current: the number of the round that is open.
    logs_from: events were read from this block on; None if none were.
    logs_problem: why events are missing, or empty.
    merge_order: numbers of the rules by which joint rounds merge, one after the other; empty where rounds are solo.
    """

    chain_id: int
    address: str
    head: Head
    clock: int
    rounds: tuple[Round, ...]
    current: int
    logs_from: int | None
    logs_problem: str = ""
    merge_order: tuple[int, ...] = ()
