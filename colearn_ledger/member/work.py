"""What comes out of a member's work, and is then sent. Plain data: neither numpy nor web3 is loaded for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.decide import Advance, Judge, Reveal
from ..core.protocol import Claim, WeightsRef

if TYPE_CHECKING:
    from ..core.learner import ProposedWeights

__all__ = ["Adopted", "Contributed", "Declined", "Merged", "Nothing", "Published", "Trained", "Verdict", "Work"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """The learner now holds these weights."""

    weights: WeightsRef


@dataclass(frozen=True, slots=True)
class Trained:
    """New weights, published and tested by their own learner, for one round and one parent.

    ``own_test`` is None where they can't be tested, as with a training that has diverged.
    """

    round: int
    parent: bytes
    weights: WeightsRef
    note: bytes
    own_test: ProposedWeights | None


@dataclass(frozen=True, slots=True)
class Contributed:
    """In joint rounds: what this member has trained, published, for one training (its first round) and one parent."""

    training: int
    parent: bytes
    weights: WeightsRef
    note: bytes


@dataclass(frozen=True, slots=True)
class Merged:
    """In joint rounds: what others' contributions were merged into, published and tested, for one round and one parent.

    Attributes
    ----------
    claim: which were merged, by which rule.
    left_out: the seats of the others, and why each doesn't count, as the numbers of :class:`.LeftOut`.
    why: of those that can't be had or used, for people.
    own_test: as in :class:`Trained`; None, too, ``again``.
    again: the others have rejected the same before, and needn't read it; then the next rule has its turn.
    """

    round: int
    parent: bytes
    weights: WeightsRef
    claim: Claim
    left_out: tuple[tuple[int, int], ...]
    why: tuple[str, ...]
    own_test: ProposedWeights | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The store has this member's own proposal. ``how`` it got it again, for people; empty where it had it."""

    weights: WeightsRef
    how: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """The learner makes no proposal in this round, or can't publish it again, for a ``reason`` that asking again won't
    change. Or it contributes nothing to the training that has begun with this round.

    Nothing is sent: its turn passes by the clock, as that of one who stays away.
    """

    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A vote on one proposal. ``test`` is None when the weights were invalid, and ``reason`` says why.

    A learner that abstains votes to reject: it counts the same, and the others need not wait for the deadline.
    ``unknown``: why it can't be told whether they are the merge that they claim to be, though that was asked for.
    """

    action: Judge
    approve: bool
    test: ProposedWeights | None
    reason: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No work came out: there was none, or the weights can't be had (``reason``): look again."""

    reason: str


Work = Adopted | Trained | Contributed | Merged | Published | Declined | Verdict | Reveal | Advance | Nothing
