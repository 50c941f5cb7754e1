"""Protocol types: what the contract says, as frozen Python values.

Bytes inside, hex at the edges: hashes and ids are ``bytes`` of length 32, addresses are checksummed strings (they are
names, compared and printed, never computed with). Times are seconds of block time. Sets of members are 64-bit bitmaps,
bit ``i`` for seat ``i``, as in the contract (``contracts/ICollectiveLearning.sol``, where every field is explained).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction

from .cid import cid_text

__all__ = [
    "AGREEMENTS",
    "ZERO_ADDRESS",
    "Claim",
    "Contribution",
    "MotionKind",
    "MotionRecord",
    "MotionState",
    "Proposal",
    "RoundRecord",
    "RoundState",
    "Rules",
    "Training",
    "View",
    "WeightsRef",
    "rules_in",
    "rules_word",
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
    SET_PLAN = 5
    SET_END = 6
    SET_SUCCESSOR = 7


AGREEMENTS = (MotionKind.SET_PLAN, MotionKind.SET_END, MotionKind.SET_SUCCESSOR)
"""The kinds whose content is one word."""


class MotionState(IntEnum):
    OPEN = 0
    APPROVED = 1
    ENACTED = 2
    REJECTED = 3
    LAPSED = 4
    VOID = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that motions can change. Windows in seconds; threshold as a fraction, see :mod:`.threshold`.

    In joint rounds ``train_window`` is for contributions to a training, and ``propose_window`` for merging them, from
    when they are there; where it is 0 rounds are solo. ``pause``: least seconds from a decision to the next proposal.
    """

    threshold_numerator: int = 1
    threshold_denominator: int = 2
    propose_window: int = 3600
    vote_window: int = 3600
    reveal_window: int = 3600
    motion_window: int = 7 * 24 * 3600
    train_window: int = 0
    pause: int = 0

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


_RULE_AT, _DIGEST_AT = 64, 68
_SEATS_MASK, _RULE_MASK, _REASON_BITS = (1 << 64) - 1, 15, 4


@dataclass(frozen=True, slots=True)
class Claim:
    """What a proposal of a joint round says that it is: a merge of what these seats contributed.

    Attributes
    ----------
    seats: bitmap of the merged ones.
    rule: its number, 1 to 15, by which they were merged; the rules are :class:`.Rule`.
    digest: of what was merged, 188 bits (:func:`.claim_digest`).
    """

    seats: int
    rule: int
    digest: int

    def to_bytes(self) -> bytes:
        """As the contract keeps it, 32 bytes."""
        return (self.digest << _DIGEST_AT | self.rule << _RULE_AT | self.seats).to_bytes(32, "big")

    @classmethod
    def of(cls, word: bytes) -> Claim | None:
        """What these 32 bytes say; None for zeros, which claim nothing."""
        bits = int.from_bytes(word, "big")
        if bits == 0:
            return None
        return cls(bits & _SEATS_MASK, bits >> _RULE_AT & _RULE_MASK, bits >> _DIGEST_AT)

    def note(self, left_out: Mapping[int, int], text: bytes) -> bytes:
        """The note of a proposal that claims this; ``left_out``: by seat the reason (0 to 15) why it isn't merged."""
        reasons = sum(reason << _REASON_BITS * seat for seat, reason in left_out.items())
        return self.to_bytes() + reasons.to_bytes(32, "big") + text


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the member on a seat has contributed to a training.

    ``late``: it came too late to be merged by anybody but the member itself, in its turn.
    """

    seat: int
    weights: WeightsRef
    late: bool


@dataclass(frozen=True, slots=True)
class Training:
    """What all members train for in joint rounds, from the accepted weights.

    Attributes
    ----------
    first_round: by which it is named.
    until: before this second contributions are in time, and from it on merges are proposed: the end of the train
        window, or when all that are expected were there.
    expected: bitmap of seats that are waited for.
    rules_left: numbers of the rules by which no merge was rejected yet; the next one is by the first.
    contributions: by seat.
    """

    first_round: int
    until: int
    expected: int
    rules_left: tuple[int, ...]
    contributions: tuple[Contribution, ...]

    @property
    def in_time(self) -> int:
        """Bitmap of the seats that contributed in time: what may be merged."""
        return sum(1 << one.seat for one in self.contributions if not one.late)

    def of(self, seat: int) -> Contribution | None:
        """What the member on this seat has contributed."""
        return next((one for one in self.contributions if one.seat == seat), None)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal under decision. ``id`` binds the round and the content, and is what a vote names.

    ``claim``: in joint rounds; else None.
    """

    id: bytes
    weights: WeightsRef
    proposer_seat: int
    approvals: int
    rejections: int
    hidden: int
    need: int
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Everything that one member's node needs to decide, for the time ``at`` (``NodeView`` of the contract).

    ``block_hash``/``block_number`` say which block it was read at. ``proposal`` is None while the round is Proposing.
    ``rounds_to_keep``: accepted rounds whose weights may become the accepted ones again, by a motion that waits.
    ``training``, ``merge_order`` (numbers of rules): in joint rounds; else None, and empty. ``opens_at``: while it is
    Proposing, before this second nothing is proposed nor contributed. ``ended``: nothing is any more, and no turn ends
    by the clock.
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
    merge_order: tuple[int, ...] = ()
    training: Training | None = None
    opens_at: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round as read from the contract's storage. ``id``, ``weights`` are None for a round without a proposal, and
    ``claim`` for one that wasn't joint.
    """

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
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class MotionRecord:
    """One motion as read from the contract's storage.

    ``subject``, ``rules`` and ``to_round`` are None where they don't apply; ``first_round`` is from which round on an
    enacted motion to go back holds, else None. ``word``: the plan, end or successor to agree on (32 bytes), else None.
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
    word: bytes | None = None


def seats(bitmap: int) -> tuple[int, ...]:
    """The seats in a bitmap, ascending."""
    return tuple(i for i in range(bitmap.bit_length()) if bitmap >> i & 1)


def rules_word(rules: Sequence[int]) -> int:
    """Rules to merge by as the contract keeps them: 4 bits each, the first lowest."""
    return sum(rule << 4 * place for place, rule in enumerate(rules))


def rules_in(word: int) -> tuple[int, ...]:
    """The other way round."""
    return tuple(word >> at & _RULE_MASK for at in range(0, word.bit_length(), 4))
