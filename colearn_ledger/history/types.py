"""The history as frozen values. Hashes are bytes, addresses checksummed strings, times seconds of block time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..chain.contract import Head
from ..core.protocol import RoundRecord

__all__ = ["Choice", "History", "Round", "Transaction", "Vote"]


class Choice(str, Enum):
    """What a voter did; for a round that isn't decided, what it has done so far."""

    APPROVED = "approved"
    REJECTED = "rejected"
    HIDDEN = "hidden"  # committed, and not revealed
    ABSENT = "absent"


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


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    Attributes
    ----------
    record: from storage; always complete.
    members: of the round, by seat; empty for rounds without a proposal.
    votes: of everyone but the proposer, by seat; empty for rounds without a proposal.
    logged: whether the events of the round could be had; what follows is empty or None if not.
    note: the proposer's, as it wrote it: any bytes.
    by_clock: whether the deadline decided it; None while it isn't decided.
    transactions: that left events of this round, in the chain's order.
    opened, proposed, decided: the transactions that did that; None where the clock did.
    reverted_to: the accepted round whose weights became the accepted ones again just before this round, by a motion;
        None in all other rounds.
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
    """

    chain_id: int
    address: str
    head: Head
    clock: int
    rounds: tuple[Round, ...]
    current: int
    logs_from: int | None
    logs_problem: str = ""
