"""Protocol types: what the contract says, as frozen Python values.

Bytes inside, hex at the edges: hashes and ids are ``bytes`` of length 32, addresses are checksummed strings (they are
names, compared and printed, never computed with). Times are seconds of block time. Sets of members are 64-bit bitmaps,
bit ``i`` for seat ``i``, as in the contract (``contracts/ICollectiveLearning.sol``, where every field is explained).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction

from .cid import cid_text

__all__ = [
    "ZERO_ADDRESS",
    "MotionKind",
    "MotionRecord",
    "MotionState",
    "Proposal",
    "RoundRecord",
    "RoundState",
    "Rules",
    "View",
    "WeightsRef",
    "seats",
]

ZERO_ADDRESS = "0x" + "0" * 40


class RoundState(IntEnum):
    """``PROPOSING → VOTING (→ REVEALING) → ACCEPTED | REJECTED``, or ``PROPOSING → MISSED``; the contract's numbers."""

    PROPOSING = 0
    VOTING = 1
    REVEALING = 2
    ACCEPTED = 3
    REJECTED = 4
    MISSED = 5

    @property
    def decided(self) -> bool:
        return self >= RoundState.ACCEPTED


class MotionKind(IntEnum):
    ADD_MEMBER = 0
    REMOVE_MEMBER = 1
    SET_RULES = 2
    REVERT_TO = 3
    REPLACE_MEMBER = 4


class MotionState(IntEnum):
    OPEN = 0
    APPROVED = 1
    ENACTED = 2
    REJECTED = 3
    LAPSED = 4
    VOID = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that motions can change. Windows in seconds; threshold as a fraction, see :mod:`.threshold`."""

    threshold_numerator: int = 1
    threshold_denominator: int = 2
    propose_window: int = 3600
    vote_window: int = 3600
    reveal_window: int = 3600
    motion_window: int = 7 * 24 * 3600

    @classmethod
    def of(cls, threshold: Fraction, **windows: int) -> Rules:
        """Rules with this threshold, and the usual windows but for those that are named."""
        return cls().changed(threshold, **windows)

    @property
    def threshold(self) -> Fraction:
        """The share of voters that approvals must exceed."""
        return Fraction(self.threshold_numerator, self.threshold_denominator)

    def changed(self, threshold: Fraction | None = None, **windows: int) -> Rules:
        """These rules but for what is named."""
        if threshold is None:
            return replace(self, **windows)
        return replace(
            self, threshold_numerator=threshold.numerator, threshold_denominator=threshold.denominator, **windows
        )


@dataclass(frozen=True, slots=True)
class WeightsRef:
    """How the chain names weights: hash of the bytes, digest of the CID's root block, exact size in bytes.

    A proposer writes all three, so two that differ may name one content, which lies in the stores once, by its CID.
    """

    sha256: bytes
    cid_digest: bytes
    size: int

    @property
    def cid(self) -> str:
        """The CID as text: by this, and by nothing else, stores keep and discard."""
        return cid_text(self.cid_digest, self.size)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal under decision. ``id`` binds the round and the content, and is what a vote names."""

    id: bytes
    weights: WeightsRef
    proposer_seat: int
    approvals: int
    rejections: int
    hidden: int
    need: int


@dataclass(frozen=True, slots=True)
class View:
    """Everything that one member's node needs to decide, for the time ``at`` (``NodeView`` of the contract).

    ``block_hash``/``block_number`` say which block it was read at. ``proposal`` is None while the round is Proposing.
    ``rounds_to_keep``: accepted rounds whose weights may become the accepted ones again, by a motion that waits.
    """

    block_number: int
    block_hash: bytes
    at: int
    round: int
    state: RoundState
    proposer: str
    deadline: int
    overdue: bool
    accepted_round: int
    accepted: WeightsRef
    proposal: Proposal | None
    member_count: int
    is_member: bool
    seat: int
    voted: bool
    commitment: bytes | None
    rules: Rules
    secret_votes: bool
    max_size: int
    motions_to_vote: tuple[bytes, ...]
    rounds_to_keep: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round as read from the contract's storage. ``id``, ``weights`` are None for a round without a proposal."""

    round: int
    state: RoundState
    proposer: str
    parent_round: int
    parent: bytes
    id: bytes | None
    weights: WeightsRef | None
    deadline: int
    member_count: int
    proposer_seat: int
    approvals: int
    rejections: int
    hidden: int
    need: int


@dataclass(frozen=True, slots=True)
class MotionRecord:
    """One motion as read from the contract's storage.

    ``subject``, ``rules`` and ``to_round`` are None where they don't apply; ``first_round`` is from which round on an
    enacted motion to go back holds, else None.
    """

    id: bytes
    kind: MotionKind
    state: MotionState
    mover: str
    subject: str | None
    rules: Rules | None
    deadline: int
    approvals: int
    rejections: int
    need: int
    to_round: int | None = None
    first_round: int | None = None


def seats(bitmap: int) -> tuple[int, ...]:
    """The seats in a bitmap, ascending."""
    return tuple(i for i in range(bitmap.bit_length()) if bitmap >> i & 1)
