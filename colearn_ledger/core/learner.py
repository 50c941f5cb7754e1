"""The learner interface: four methods, the same in the in-process driver and on a ledger.

Any object that has the methods is a learner; inheriting :class:`MachineLearningInterface` is a convenience.
:func:`check_learner` tells whether an object keeps the interface's promises.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from ..errors import InvalidWeights, LearnerError

if TYPE_CHECKING:
    from .schema import Schema

__all__ = [
    "DiffPrivBudget",
    "DiffPrivConfig",
    "ErrorCodes",
    "Learner",
    "MachineLearningInterface",
    "ProposedWeights",
    "TrainingSummary",
    "VoteRecord",
    "Weights",
    "ask_current",
    "ask_proposal",
    "ask_propose",
    "ask_test",
    "check_learner",
    "check_methods",
]

_T = TypeVar("_T")

METHODS = ("mli_propose_weights", "mli_test_weights", "mli_accept_weights", "mli_get_current_weights")


class ErrorCodes(Enum):
    """Why a training stopped early."""

    DP_BUDGET_EXCEEDED = 1


@dataclass
class DiffPrivConfig:
    """How a learner trains with differential privacy: what may be spent, and how gradients are clipped and blurred.

    Attributes
    ----------
    target_epsilon, target_delta: what all trainings on the learner's data may cost together.
    max_grad_norm: each sample's gradient is clipped to this norm.
    noise_multiplier: the noise's standard deviation in units of ``max_grad_norm``; None computes it from ``proposals``.
    proposals: how many proposals the budget is to last for. Not needed where the noise is given.
    deterministic: draw samples and noise from the learner's seed, so that a run can be repeated, for tests and demos.
        Whoever knows or guesses the seed can take the noise off again.
    """

    target_epsilon: float
    target_delta: float
    max_grad_norm: float
    noise_multiplier: float | None = None
    proposals: int | None = None
    deterministic: bool = False


@dataclass(frozen=True)
class DiffPrivBudget:
    """Differential privacy: what may be spent (``target``) and what was (``consumed``)."""

    target_epsilon: float
    target_delta: float
    consumed_epsilon: float
    consumed_delta: float


@dataclass(frozen=True)
class TrainingSummary:
    """What a learner may tell about a training beside the weights."""

    dp_budget: DiffPrivBudget | None = None
    error_code: ErrorCodes | None = None
    samples: int | None = None


@dataclass
class Weights:
    """Weights: a tree (list, tuple, dict) of arrays, scalars and bytes, the same shape of tree for every learner."""

    weights: Any
    training_summary: TrainingSummary | None = None


@dataclass(frozen=True)
class VoteRecord:
    """How a vote came about: what a learner may tell beside it. Scores are such that higher is better.

    Attributes
    ----------
    policy: name of the vote policy, with its value, such as ``not-worse`` or ``paired:0.05``.
    samples: size of the vote set.
    margin: by how much the score had to rise.
    current_score, proposed_score: of the two models on the vote set.
    p_value: of the policy's test; None if it makes none.
    """

    policy: str
    samples: int
    margin: float
    current_score: float
    proposed_score: float
    p_value: float | None = None


@dataclass
class ProposedWeights:
    """A learner's judgement of weights.

    Attributes
    ----------
    weights: the weights that were tested.
    vote_score, test_score: higher is better; one number, or several by name (``criterion`` says which decides).
    vote: True to approve, False to reject, None to abstain (which counts as not approving).
    criterion: which entry of the scores decides.
    current_score: what the learner's current weights reach on the same vote set.
    record: how the vote came about, if the learner tells.
    """

    weights: Weights
    vote_score: float | Mapping[str, float]
    test_score: float | Mapping[str, float]
    vote: bool | None
    criterion: str | None = None
    current_score: float | None = None
    record: VoteRecord | None = None

    @property
    def vote_value(self) -> float:
        """The vote score as one number."""
        return _value(self.vote_score, self.criterion, "vote_score")

    @property
    def test_value(self) -> float:
        """The test score as one number."""
        return _value(self.test_score, self.criterion, "test_score")


@runtime_checkable
class Learner(Protocol):
    """Anything with the four methods.

    A learner may also have ``mli_begin_round(round: int) -> None``: every driver calls it just before
    ``mli_propose_weights``, so that a seed and the round's number fix a training, also after a restart.
    """

    def mli_propose_weights(self) -> Weights: ...

    def mli_test_weights(self, weights: Weights) -> ProposedWeights: ...

    def mli_accept_weights(self, weights: Weights) -> None: ...

    def mli_get_current_weights(self) -> Weights: ...


class MachineLearningInterface(abc.ABC):
    """Base class for learners. Arrays that are handed out or taken in must be copies, never the model's own."""

    @abc.abstractmethod
    def mli_propose_weights(self) -> Weights:
        """Train from the current weights and return the result. The current weights stay as they are."""

    @abc.abstractmethod
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's own data, and vote. The current weights stay as they are."""

    @abc.abstractmethod
    def mli_accept_weights(self, weights: Weights) -> None:
        """Make the weights the current ones."""

    @abc.abstractmethod
    def mli_get_current_weights(self) -> Weights:
        """The current weights."""


def check_methods(learner: object, name: str = "") -> None:
    """Raise :class:`LearnerError` unless the object has the four methods."""
    missing = [m for m in METHODS if not callable(getattr(learner, m, None))]
    if missing:
        raise LearnerError(
            f"{_called(learner, name)} lacks {', '.join(missing)}",
            expected=f"an object with the methods {', '.join(METHODS)}",
            fix="add the methods; inherit MachineLearningInterface to be told at once",
        )


def ask_propose(learner: Learner, round: int, name: str = "") -> Weights:
    """Train: tell the learner which round it is, if it wants to know, and return what it proposes."""
    begin = getattr(learner, "mli_begin_round", None)
    if callable(begin):
        begin(round)
    weights = learner.mli_propose_weights()
    return _expect(weights, Weights, "mli_propose_weights", learner, name)


def ask_proposal(
    learner: Learner, round: int, schema: Schema, name: str = "", *, max_size: int | None = None
) -> tuple[Weights, bytes]:
    """Train, and return what the learner proposes, with its canonical bytes.

    Raises InvalidWeights (SchemaMismatch where it is another model's) when nobody could accept the proposal. That is
    the proposer's own mistake, so it is told before anybody votes, in process and on a ledger alike.
    """
    from .weights import encode

    proposed = ask_propose(learner, round, name)
    try:
        schema.check(proposed.weights)
        data = encode(proposed.weights)
        if max_size is not None and len(data) > max_size:
            raise InvalidWeights(
                f"they are {len(data)} bytes",
                expected=f"at most {max_size} bytes, the deployment's cap",
                fix="use a smaller model, or deploy with a larger cap",
            )
    except InvalidWeights as error:
        error.what = f"{_called(learner, name)} proposed weights that nobody can accept: {error.what}"
        raise
    return proposed, data


def ask_test(learner: Learner, weights: Weights, name: str = "") -> ProposedWeights:
    """Have the learner test weights; its scores are numbers, or this raises."""
    judged = _expect(learner.mli_test_weights(weights), ProposedWeights, "mli_test_weights", learner, name)
    _ = judged.vote_value, judged.test_value
    if judged.vote is not None and not isinstance(judged.vote, bool | np.bool_):
        raise LearnerError(
            f"{_called(learner, name)}: the vote is {judged.vote!r}",
            expected="True to approve, False to reject, None to abstain",
            fix="compare one number with one number; an array of truths is no vote",
        )
    return judged


def ask_current(learner: Learner, name: str = "") -> Weights:
    """The learner's current weights."""
    return _expect(learner.mli_get_current_weights(), Weights, "mli_get_current_weights", learner, name)


def check_learner(learner: object) -> None:
    """Try a learner out, and raise :class:`LearnerError` for the first promise of the interface that it breaks.

    It trains and tests once, so call it in a test of your learner. The learner has its own weights again afterwards.
    """
    from .weights import encode

    check_methods(learner)
    assert isinstance(learner, Learner)
    name = _called(learner, "")

    def current() -> bytes:
        return encode(ask_current(learner).weights)

    def copied(tree: Any) -> Any:
        from .weights import decode

        return decode(encode(tree))

    def unchanged(by: str, why: str) -> None:
        if current() != before:
            learner.mli_accept_weights(Weights(copied(original)))
            raise LearnerError(
                f"{name}: {by} changed the current weights", expected="that they stay as they are", fix=why
            )

    before = current()
    original = copied(ask_current(learner).weights)
    proposed = ask_propose(learner, 1)
    unchanged("mli_propose_weights", "train a copy, or put the current weights back before returning")
    trained = copied(proposed.weights)
    _scribble(proposed.weights)
    unchanged("writing into what mli_propose_weights returned", "return copies of the model's arrays")
    ask_test(learner, Weights(copied(trained)))
    unchanged("mli_test_weights", "put the current weights back before returning")
    _scribble(ask_current(learner).weights)
    unchanged("writing into what mli_get_current_weights returned", "return copies of the model's arrays")

    given = copied(trained)
    learner.mli_accept_weights(Weights(given))
    accepted = current()
    _scribble(given)
    aliased = current() != accepted
    learner.mli_accept_weights(Weights(copied(original)))
    if accepted != encode(trained):
        raise LearnerError(
            f"{name}: after mli_accept_weights the current weights are not the accepted ones",
            expected="the same tree, dtypes, shapes and values",
            fix="adopt the weights as they are, and return them so from mli_get_current_weights",
        )
    if aliased:
        raise LearnerError(
            f"{name}: writing into what mli_accept_weights was given changed the current weights",
            expected="that they stay as they are",
            fix="copy the arrays",
        )


def _called(learner: object, name: str) -> str:
    kind = type(learner).__name__
    return f"{name} ({kind})" if name else f"learner {kind}"


def _expect(value: object, kind: type[_T], method: str, learner: object, name: str) -> _T:
    if not isinstance(value, kind):
        raise LearnerError(
            f"{_called(learner, name)}: {method} returned {type(value).__name__}",
            expected=kind.__name__,
            fix=f"wrap the result: {kind.__name__}(...)",
        )
    return value


def _value(score: Any, criterion: str | None, field: str) -> float:
    if isinstance(score, Mapping):
        if criterion is None or criterion not in score:
            raise LearnerError(
                f"{field} has the entries {sorted(score)} and the criterion is {criterion!r}",
                expected="a criterion that names one of them",
                fix="set ProposedWeights.criterion",
            )
        score = score[criterion]
    try:
        return float(score)
    except (TypeError, ValueError):
        raise LearnerError(f"{field} is {score!r}", expected="a number", fix="return float(score)") from None


def _arrays(tree: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _arrays(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _arrays(value)


def _scribble(tree: Any) -> None:
    """Write other values into every array that can be written to."""
    for array in _arrays(tree):
        if array.flags.writeable and array.size:
            array[...] = ~array if array.dtype == np.bool_ else array + np.ones((), array.dtype)
