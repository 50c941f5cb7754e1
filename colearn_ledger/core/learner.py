"""The learner interface's own types: weights, a judgement of weights, and the four methods.

Any object that has the methods is a learner; inheriting :class:`MachineLearningInterface` is a convenience.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..errors import LearnerError
from .summaries import ColearnModel, Prediction, PredictionRequest, TrainingSummary, VoteRecord

__all__ = [
    "Checkpoint",
    "Learner",
    "MachineLearningInterface",
    "Pause",
    "ProposedWeights",
    "Weights",
    "number_of",
    "without_weights",
]


class Pause(Protocol):
    """What a training calls between two steps; see :class:`Learner`."""

    def __call__(self, done: int = 0, of: int = 0, /) -> bool: ...


class Checkpoint(Protocol):
    """Where one training is kept while it runs, so that another process goes on with it; see :class:`Learner`.

    A state is a tree as weights are: lists, tuples and dicts of arrays, numbers, texts and bytes.
    """

    @property
    def due(self) -> bool:
        """Whether it is time to save, by the time that has passed."""

    def load(self) -> Any:
        """The state that was saved last of this training; None: there is none, or none that can be used."""

    def save(self, state: Any) -> None:
        """Keep this state, and not the one before. What can't be written is told, and stops nobody."""

    def put_aside(self, why: str) -> None:
        """The state that was loaded can't be gone on with: it is told, and not loaded again."""

    def decline(self, why: str) -> None:
        """The learner saves nothing: it is told, once."""


@dataclass
class Weights:
    """Weights: a tree (list, tuple, dict) of arrays, scalars and bytes, the same shape of tree for every learner.

    Arrays are numpy's, or tensors of PyTorch, TensorFlow or Keras.
    """

    weights: Any
    training_summary: TrainingSummary | None = None


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
    evaluation_results: whatever else the learner has measured; nobody but the learner's own program reads it. On a
        node only plain values in it leave the learner's process: numbers, texts, truths, lists and tables of these.
    """

    weights: Weights
    vote_score: float | Mapping[str, float]
    test_score: float | Mapping[str, float]
    vote: bool | None = None
    criterion: str | None = None
    current_score: float | None = None
    record: VoteRecord | None = None
    evaluation_results: Mapping[str, Any] | None = None

    @property
    def vote_value(self) -> float:
        """The vote score as one number."""
        return number_of(self.vote_score, self.criterion, "vote_score")

    @property
    def test_value(self) -> float:
        """The test score as one number."""
        return number_of(self.test_score, self.criterion, "test_score")


@runtime_checkable
class Learner(Protocol):
    """Anything with the four methods.

    A learner may also have ``mli_begin_round(round: int) -> None``: every driver calls it just before
    ``mli_propose_weights``, so that a seed and the round's number fix a training, also after a restart.

    And it may have ``mli_set_pause(pause: Pause | None) -> None``, so that its trainings keep nobody waiting. It is
    called before a training with a function that the training calls between two steps, as ``pause(done, of)``: how many
    steps are done of how many, which a node tells in its log and metrics, or without arguments where nobody knows.
    While that runs the learner may be asked for its current weights and to test others, and the training goes on
    afterwards as if nothing had been. Where it returns False nobody needs the training any more:
    ``mli_propose_weights`` leaves the current weights as they are and raises
    :class:`~colearn_ledger.errors.TrainingStopped`. After the training it is called with None.

    And it may have ``mli_set_checkpoint(checkpoint: Checkpoint | None) -> None``, so that a training that runs for long
    isn't lost with its process. It is called before a training, which goes on from ``checkpoint.load()``, if that is
    something, and between two steps calls ``checkpoint.save(state)`` where ``checkpoint.due``. If the state is all that
    the training depends on (weights, optimizer, order of the data, generators), it comes to the same weights as without
    a break. After the training it is called with None.
    """

    def mli_propose_weights(self) -> Weights: ...

    def mli_test_weights(self, weights: Weights) -> ProposedWeights: ...

    def mli_accept_weights(self, weights: Weights) -> None: ...

    def mli_get_current_weights(self) -> Weights: ...


class MachineLearningInterface(abc.ABC):
    """Base class for learners. Arrays that are handed out or taken in should be copies, never the model's own."""

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

    def mli_get_current_model(self) -> ColearnModel:
        """The current model, for whoever wants to use it. No driver asks for it, and a learner need not have it."""
        raise NotImplementedError(f"{type(self).__name__} has no mli_get_current_model")

    def mli_make_prediction(self, request: PredictionRequest) -> Prediction:
        """A prediction of the current model. No driver asks for it, and a learner need not have it."""
        raise NotImplementedError(f"{type(self).__name__} has no mli_make_prediction")


def without_weights(test: ProposedWeights) -> ProposedWeights:
    """The same judgement, and none of the weights that were tested, which may be large."""
    light = copy.copy(test)
    light.weights = Weights(None)
    return light


def number_of(score: Any, criterion: str | None, field: str) -> float:
    """A score as one number: of several, the one that ``criterion`` names. Raises LearnerError if there is none."""
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
