"""Vote policies: compare the proposal with the current model, on one fixed vote set.

The set is fixed because a vote on a freshly drawn sample compares two samples as much as two models. ``docs/voting.md``
says when to use which policy, and how large the set should be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...core.summaries import VoteRecord
from ...errors import LearnerError, UsageError
from .paired import p_worse

__all__ = [
    "FEW_SAMPLES",
    "Evaluation",
    "OneClassVoteSet",
    "PairedTest",
    "SmallVoteSet",
    "VotePolicy",
    "VoteRule",
    "one_class_vote_set",
    "one_class_vote_sets",
    "policy_name",
    "policy_names",
    "small_vote_set",
    "small_vote_sets",
    "vote_policy",
]

FEW_SAMPLES = 200  # below this, votes are mostly noise


class SmallVoteSet(UserWarning):
    """A learner votes on so few samples that its votes are mostly noise."""


class OneClassVoteSet(UserWarning):
    """A learner votes on samples that all have one target, on which some criteria have no value."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model reaches on a set.

    Attributes
    ----------
    score: the criterion's value, such that higher is better.
    criterion: its name.
    samples: how many samples the set has.
    outcomes: what each sample contributes, such that higher is better, in the set's order: an array of bool (right or
        wrong) for an accuracy, of floats (such as the loss with its sign changed) otherwise. None if the learner was
        not asked for them, or the criterion has none (an AUC).
    loss: the mean loss on the set, lower is better, of what lies under the criterion: probabilities or distances under
        an accuracy. It tells models of one score apart; None if the learner has none.
    """

    score: float
    criterion: str
    samples: int
    outcomes: np.ndarray[Any, Any] | None = None
    loss: float | None = None


@runtime_checkable
class VotePolicy(Protocol):
    """What turns two evaluations on the vote set into a vote, and says how it did."""

    @property
    def needs_outcomes(self) -> bool:
        """Whether the evaluations must have outcomes sample by sample."""
        ...

    def judge(self, current: Evaluation, proposed: Evaluation) -> tuple[bool, VoteRecord]:
        """Whether to approve, and the record of it. What isn't finite is never approved of."""
        ...


@dataclass(frozen=True, slots=True)
class VoteRule:
    """Compares the two scores. By itself: ``not-worse``.

    Parameters
    ----------
    strict: approve only what is better; by default what is not worse is approved. A strict rule starves learning as
        the collective grows: the more voters, the rarer a proposal that is better for a majority of small sets.
    margin: by how much the score must have risen; a negative margin tolerates a fall.
    """

    strict: bool = False
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.margin):
            raise UsageError(
                f"the vote margin is {self.margin!r}", expected="a finite number", fix="0 means: not worse than now"
            )

    @property
    def needs_outcomes(self) -> bool:
        return False

    @property
    def name(self) -> str:
        """As :func:`vote_policy` takes it."""
        if self.margin:
            return f"margin:{self.margin:g}" + (" (strict)" if self.strict else "")
        return "strict" if self.strict else "not-worse"

    def approves(self, current: float, proposed: float) -> bool:
        """Whether the proposal gets this learner's approval. A current score that is NaN is worse than any number."""
        if not math.isfinite(proposed):
            return False
        if math.isnan(current):
            return True
        bar = current + self.margin
        return bool(proposed > bar) if self.strict else bool(proposed >= bar)

    def judge(self, current: Evaluation, proposed: Evaluation) -> tuple[bool, VoteRecord]:
        vote = self.approves(current.score, proposed.score)
        return vote, VoteRecord(self.name, proposed.samples, self.margin, current.score, proposed.score)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Compares the two models sample by sample, and decides by a one-sided test at a level.

    Right or wrong per sample (an accuracy) takes McNemar's exact test, anything else (a loss) the paired t test.

    Parameters
    ----------
    alpha: the level, above 0 and below 0.5.
    better: False approves unless the proposal is significantly worse (``paired``), which lets learning go on but
        tolerates small falls; True approves only if it is significantly better (``paired-better``), which is sure of
        every step but needs large vote sets.
    """

    alpha: float = 0.05
    better: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise UsageError(
                f"the level of the paired test is {self.alpha!r}",
                expected="above 0 and below 0.5",
                fix="0.05 is the usual one",
            )

    @property
    def needs_outcomes(self) -> bool:
        return True

    @property
    def name(self) -> str:
        """As :func:`vote_policy` takes it."""
        return f"paired{'-better' if self.better else ''}:{self.alpha:g}"

    def judge(self, current: Evaluation, proposed: Evaluation) -> tuple[bool, VoteRecord]:
        if current.outcomes is None or proposed.outcomes is None:
            raise LearnerError(
                f"the vote policy {self.name} needs outcomes sample by sample, and {proposed.criterion!r} has none",
                expected="a criterion that is a mean over samples, such as an accuracy or a loss",
                fix="choose another criterion, or a policy that compares scores (not-worse, strict, margin)",
            )
        if not (math.isfinite(proposed.score) and np.isfinite(proposed.outcomes).all()):
            vote, p = False, None
        elif not np.isfinite(current.outcomes).all():
            vote, p = True, None
        elif self.better:
            p = p_worse(proposed.outcomes, current.outcomes)
            vote = p < self.alpha
        else:
            p = p_worse(current.outcomes, proposed.outcomes)
            vote = p >= self.alpha
        return vote, VoteRecord(self.name, proposed.samples, 0.0, current.score, proposed.score, p)


def policy_names() -> tuple[str, ...]:
    """What :func:`vote_policy` knows, as it is written on a command line."""
    return ("not-worse", "strict", "margin:SIZE", "paired[:LEVEL]", "paired-better[:LEVEL]")


def vote_policy(policy: VotePolicy | str) -> VotePolicy:
    """A policy by name, such as ``not-worse``, ``margin:0.01`` or ``paired:0.05``; an object is returned as it is."""
    if not isinstance(policy, str):
        if isinstance(policy, VotePolicy):
            return policy
        raise _unknown(policy)
    name, colon, text = policy.strip().lower().replace("_", "-").replace(" ", "-").partition(":")
    try:
        value = float(text) if colon else None
    except ValueError:
        raise UsageError(
            f"the value of the vote rule {policy!r} is {text!r}", expected="a number", fix="such as margin:0.01"
        ) from None
    if name in ("not-worse", "strict") and value is None:
        return VoteRule(strict=name == "strict")
    if name == "margin" and value is not None:
        return VoteRule(margin=value)
    if name in ("paired", "paired-better"):
        return PairedTest(0.05 if value is None else value, better=name == "paired-better")
    raise _unknown(policy)


def policy_name(learner: object) -> str:
    """By which policy a learner votes, as :func:`vote_policy` takes it; empty where it doesn't say."""
    name = getattr(getattr(learner, "vote_policy", None), "name", None)
    return name if isinstance(name, str) else ""


def small_vote_set(learner: object) -> str | None:
    """A sentence for people if the learner says that it votes on few samples (its attribute ``vote_samples``)."""
    samples = _vote_samples(learner)
    return None if samples is None or samples >= FEW_SAMPLES else f"votes on {samples} samples; {_NOISE}"


def small_vote_sets(learners: Iterable[object]) -> str | None:
    """The same for several learners."""
    few = [samples for samples in map(_vote_samples, learners) if samples is not None and samples < FEW_SAMPLES]
    if not few:
        return None
    who = "1 learner votes" if len(few) == 1 else f"{len(few)} learners vote"
    return f"{who} on {min(few)}{'' if min(few) == max(few) else f' to {max(few)}'} samples; {_NOISE}"


def one_class_vote_set(learner: object) -> str | None:
    """A sentence for people if a learner that shows its sets (``train_set``, ``vote_set``) votes on one target alone,
    and trains on several."""
    vote, train = (_targets(getattr(learner, name, None)) for name in ("vote_set", "train_set"))
    return _ONE_CLASS.format("votes") if _all_equal(vote) and not _all_equal(train) else None


def one_class_vote_sets(learners: Iterable[object]) -> str | None:
    """The same for several learners."""
    count = sum(one_class_vote_set(learner) is not None for learner in learners)
    return f"{count} of the learners {_ONE_CLASS.format('vote')}" if count else None


def _targets(data: object) -> np.ndarray[Any, Any] | None:
    if not isinstance(data, tuple) or len(data) != 2:
        return None
    try:
        targets = np.asarray(data[1])
    except (TypeError, ValueError, RuntimeError):  # such as a tensor on a device
        return None
    return targets if targets.ndim >= 1 and len(targets) > 1 and targets.dtype.kind in "biufUSO" else None


def _all_equal(targets: np.ndarray[Any, Any] | None) -> bool:
    return targets is not None and bool((targets == targets[:1]).all())


_ONE_CLASS = (
    "{} on samples that all have the same target: an AUC has no value there, and an accuracy says nothing of the other "
    "targets (docs/voting.md)"
)
_NOISE = f"below {FEW_SAMPLES}, votes are mostly noise (docs/voting.md)"


def _vote_samples(learner: object) -> int | None:
    samples = getattr(learner, "vote_samples", None)
    return samples if isinstance(samples, int) else None


def _unknown(policy: object) -> UsageError:
    return UsageError(
        f"the vote rule is {policy!r}",
        expected=f"one of {', '.join(policy_names())}, or an object such as VoteRule(margin=0.01)",
        fix="choose one of these",
    )
