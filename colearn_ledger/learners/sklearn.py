"""A learner around a scikit-learn estimator that has ``partial_fit``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from ..core.learner import MachineLearningInterface, ProposedWeights, TrainingSummary, Weights
from ..errors import LearnerError, SchemaMismatch, UsageError
from .voting import CachedScore, VoteRule

__all__ = ["SklearnLearner"]

Array = np.ndarray[Any, Any]
Data = tuple[Array, Array]

# Fitted attributes that describe the model or the training so far and aren't weights: they are the same for every
# learner (classes, sizes), or grow with the training (losses, iterations).
NOT_WEIGHTS = {
    "best_loss_",
    "best_validation_score_",
    "classes_",
    "feature_names_in_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_layers_",
    "n_outputs_",
    "n_steps_",
    "validation_scores_",
}


class SklearnLearner(MachineLearningInterface):
    """Trains, tests and votes with an estimator such as SGDClassifier, Perceptron, MLPClassifier or GaussianNB.

    The weights are the fitted attributes that hold numbers (``coef_``, ``intercept_``, ``t_``, ``coefs_``, ``theta_``
    and so on), by name. Each proposal trains a copy, whose order of samples depends on the seed and the round alone.

    Parameters
    ----------
    estimator: has ``partial_fit``; it is copied, and may be fitted or not.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    classes: every label there is, the same for every learner; by default those in this learner's training set.
    epochs: passes over the training set per proposal.
    batch_size: samples per call of ``partial_fit``; by default the whole training set.
    vote_rule: ``"not worse"``, ``"strict"`` or a :class:`~colearn_ledger.learners.voting.VoteRule`.
    scorer: ``scorer(estimator, x, y)``, higher is better; by default the estimator's own ``score``.
    criterion: what to call the score.
    seed: fixes all randomness, together with the round.
    """

    def __init__(
        self,
        estimator: Any,
        train: Data,
        vote: Data,
        test: Data,
        *,
        classes: Any = None,
        epochs: int = 1,
        batch_size: int | None = None,
        vote_rule: VoteRule | str = "not worse",
        scorer: Callable[[Any, Array, Array], float] | None = None,
        criterion: str = "score",
        seed: int = 0,
    ) -> None:
        if not callable(getattr(estimator, "partial_fit", None)):
            raise LearnerError(
                f"{type(estimator).__name__} has no partial_fit",
                expected="an estimator that can go on training, such as SGDClassifier or MLPClassifier",
                fix="see scikit-learn's list of incremental learners",
            )
        if getattr(estimator, "average", False):
            raise LearnerError(
                f"{type(estimator).__name__} averages its weights, and keeps what it averages to itself",
                expected="average=False",
                fix="make the estimator without averaging",
            )
        if epochs < 1 or (batch_size is not None and batch_size < 1):
            raise UsageError(
                f"epochs {epochs}, batch_size {batch_size}", expected="1 or more", fix="give larger numbers"
            )
        for name, (x, y) in {"train": train, "vote": vote, "test": test}.items():
            if len(x) == 0 or len(x) != len(y):
                raise UsageError(
                    f"the {name} set has {len(x)} inputs and {len(y)} targets",
                    expected="as many of the one as of the other, and at least one",
                    fix="check how the data was split",
                )
        self._train, self._vote, self._test = train, vote, test
        self._extra = {}
        if is_classifier(estimator):
            self._extra["classes"] = np.unique(train[1]) if classes is None else np.asarray(classes)
        self._epochs = epochs
        self._batch_size = min(batch_size or len(train[0]), len(train[0]))
        self._rule = VoteRule.of(vote_rule)
        self._scorer = scorer
        self._criterion = criterion
        self._seed = seed
        self._round = 0
        self._estimator = copy.deepcopy(estimator)
        if "random_state" in self._estimator.get_params(deep=False):
            self._estimator.set_params(random_state=seed)
        if not _weights_of(self._estimator):
            # the arrays exist only after a first fit; a small batch keeps the start near an untrained model
            self._fit(self._estimator, np.arange(self._batch_size)[:32])
        # An optimizer's state belongs to a training, not to the weights; without it the next fit makes a new one.
        vars(self._estimator).pop("_optimizer", None)
        self._current = CachedScore(lambda: self._score(self._estimator, self._vote))

    def mli_begin_round(self, round: int) -> None:
        """The next proposal is for this round."""
        self._round = round

    def mli_propose_weights(self) -> Weights:
        """Train a copy from the current weights."""
        rng = np.random.default_rng([self._seed, self._round])
        trained = copy.deepcopy(self._estimator)
        if "random_state" in trained.get_params(deep=False):
            trained.set_params(random_state=int(rng.integers(2**31)))
            vars(trained).pop("_random_state", None)
        for _ in range(self._epochs):
            order = rng.permutation(len(self._train[0]))
            for start in range(0, len(order), self._batch_size):
                self._fit(trained, order[start : start + self._batch_size])
        self._round += 1  # so that without a driver that numbers the rounds each proposal still differs
        return Weights(_weights_of(trained), TrainingSummary(samples=self._epochs * len(self._train[0])))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's vote and test sets, and vote."""
        candidate = self._with(weights)
        current = self._current.get()
        vote_score = self._score(candidate, self._vote)
        return ProposedWeights(
            weights=weights,
            vote_score=vote_score,
            test_score=self._score(candidate, self._test),
            vote=self._rule.approves(current, vote_score),
            criterion=self._criterion,
            current_score=current,
        )

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        self._estimator = self._with(weights)
        self._current.clear()

    def mli_get_current_weights(self) -> Weights:
        """Copies of the current weights."""
        return Weights(_weights_of(self._estimator))

    def _fit(self, estimator: Any, rows: Array) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # going on in small steps is the point
            estimator.partial_fit(self._train[0][rows], self._train[1][rows], **self._extra)

    def _with(self, weights: Weights) -> Any:
        """A copy of the estimator that holds the weights."""
        given, mine = weights.weights, _weights_of(self._estimator)
        if not isinstance(given, dict) or _shape(given) != _shape(mine):
            raise SchemaMismatch(
                f"weights that don't fit {type(self._estimator).__name__}: "
                f"{_shape(given) if isinstance(given, dict) else type(given).__name__}",
                expected=str(_shape(mine)),
                fix="all learners must make the same estimator, with the same classes and features",
            )
        estimator = copy.deepcopy(self._estimator)
        for name, value in given.items():
            if isinstance(value, np.ndarray):
                # what was a plain number must be one again: estimators count on with it
                setattr(estimator, name, value.copy() if value.ndim else value.item())
            else:
                setattr(estimator, name, [v.copy() for v in value])
        return estimator

    def _score(self, estimator: Any, data: Data) -> float:
        x, y = data
        return float(self._scorer(estimator, x, y) if self._scorer is not None else estimator.score(x, y))


def _weights_of(estimator: Any) -> dict[str, Any]:
    """Copies of the fitted numbers, by name; plain numbers as 0-d arrays, so that their type is fixed."""
    weights: dict[str, Any] = {}
    for name, value in sorted(vars(estimator).items()):
        if not name.endswith("_") or name.startswith("_") or name in NOT_WEIGHTS:
            continue
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            weights[name] = value.copy()
        elif isinstance(value, float | int | np.number) and not isinstance(value, bool):
            weights[name] = np.array(value)
        elif isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            weights[name] = [v.copy() for v in value]
    return weights


def _shape(weights: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [(str(v.dtype), v.shape) for v in value]
        if isinstance(value, list | tuple)
        else (str(value.dtype), value.shape)
        for name, value in weights.items()
    }
