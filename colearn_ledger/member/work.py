"""What comes out of a member's work, and is then sent. Plain data: neither numpy nor web3 is loaded for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.decide import Advance, Judge, Reveal
from ..core.protocol import WeightsRef
from ..errors import UsageError

if TYPE_CHECKING:
    from ..core.learner import ProposedWeights

__all__ = ["Adopted", "Declined", "Nothing", "Published", "Trained", "Verdict", "Work", "joint_rounds"]


def joint_rounds() -> UsageError:
    """What a node says of what it can't do yet."""
    return UsageError(
        "the collective's rounds are joint, and nodes take part in solo rounds only",
        expected="a collective that was deployed without an order of rules to merge by",
        fix="use a later version",
    )


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
class Published:
    """The store has this member's own proposal. ``how`` it got it again, for people; empty where it had it."""

    weights: WeightsRef
    how: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """The learner makes no proposal in this round, or can't publish it again, for a ``reason`` that asking again won't
    change.

    Nothing is sent: its turn passes by the clock, as that of one who stays away.
    """

    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A vote on one proposal. ``test`` is None when the weights were invalid, and ``reason`` says why.

    A learner that abstains votes to reject: it counts the same, and the others need not wait for the deadline.
    """

    action: Judge
    approve: bool
    test: ProposedWeights | None
    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """No work came out: there was none, or the weights can't be had (``reason``): look again."""

    reason: str


Work = Adopted | Trained | Published | Declined | Verdict | Reveal | Advance | Nothing
