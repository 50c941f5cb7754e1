"""A learner around any compiled Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..core.learner import MachineLearningInterface, ProposedWeights, TrainingSummary, Weights
from ..errors import LearnerError, SchemaMismatch, UsageError
from .voting import CachedScore, VoteRule

__all__ = ["KerasLearner"]

Array = np.ndarray[Any, Any]
Data = tuple[Array, Array]

# Scoring runs whole sets through the model in pieces of this size: one call for a usual set, and bounded memory.
SCORE_BATCH = 2048


class KerasLearner(MachineLearningInterface):
    """Trains, tests and votes with a compiled Keras model.

    Every proposal starts from the current weights and the optimizer's initial state, and its batches, dropout and other
    randomness depend on the seed and the round alone, so a restarted learner trains the same.

    Parameters
    ----------
    model: compiled and built, for this learner alone.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    steps: batches per proposal; by default as many as ``epochs`` passes over the training set have.
    epochs: passes over the training set per proposal, if ``steps`` isn't given.
    batch_size: samples per training batch.
    vote_rule: ``"not worse"``, ``"strict"`` or a :class:`~colearn_ledger.learners.voting.VoteRule`.
    criterion: the compiled metric to vote by; by default the first one, or the loss if the model has none.
    higher_is_better: whether more of the criterion is better; by default no for losses and errors, yes for the rest.
        Scores are reported such that higher is better: a criterion of which less is better has its sign changed.
    seed: fixes all randomness, together with the round.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Data,
        vote: Data,
        test: Data,
        *,
        steps: int | None = None,
        epochs: int = 1,
        batch_size: int = 32,
        vote_rule: VoteRule | str = "not worse",
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        seed: int = 0,
    ) -> None:
        if not getattr(model, "compiled", False) or not model.built:
            raise LearnerError(
                "the Keras model is not " + ("built" if getattr(model, "compiled", False) else "compiled"),
                expected="a model with an Input layer, after model.compile(optimizer, loss, metrics)",
                fix="compile it, with the metric to vote by among its metrics",
            )
        if batch_size < 1 or epochs < 1 or (steps is not None and steps < 1):
            raise UsageError(
                f"batch_size {batch_size}, epochs {epochs}, steps {steps}",
                expected="1 or more",
                fix="give larger numbers",
            )
        for name, (x, y) in {"train": train, "vote": vote, "test": test}.items():
            if len(x) == 0 or len(x) != len(y):
                raise UsageError(
                    f"the {name} set has {len(x)} inputs and {len(y)} targets",
                    expected="as many of the one as of the other, and at least one",
                    fix="check how the data was split",
                )
        self._model = model
        self._train, self._vote, self._test = train, vote, test
        self._batch_size = min(batch_size, len(train[0]))
        self._steps = steps if steps is not None else epochs * (len(train[0]) // self._batch_size)
        self._rule = VoteRule.of(vote_rule)
        self._seed = seed
        self._round = 0
        self._criterion, self._sign = criterion, 1.0
        self._higher_is_better = higher_is_better
        model.optimizer.build(model.trainable_variables)
        # Assigning saved values resets the optimizer without building a new one, which would trace the graph again.
        self._optimizer_start = [np.copy(keras.ops.convert_to_numpy(v)) for v in model.optimizer.variables]
        self._weights = self._read()
        self._shapes = [(w.shape, w.dtype) for w in self._weights]
        self._current = CachedScore(lambda: self._score(self._vote))

    def mli_begin_round(self, round: int) -> None:
        """The next proposal is for this round."""
        self._round = round

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights."""
        rng = self._reset_randomness()
        model = self._model
        try:
            for variable, value in zip(model.optimizer.variables, self._optimizer_start, strict=True):
                variable.assign(value)
            model.reset_metrics()
            x, y = self._train
            order = np.empty(0, np.intp)
            for _ in range(self._steps):
                if len(order) < self._batch_size:
                    order = rng.permutation(len(x))
                batch, order = order[: self._batch_size], order[self._batch_size :]
                model.train_on_batch(x[batch], y[batch])
            trained = self._read()
        finally:
            model.set_weights(self._weights)
        self._round += 1  # so that without a driver that numbers the rounds each proposal still differs
        return Weights(trained, TrainingSummary(samples=self._steps * self._batch_size))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's vote and test sets, and vote."""
        candidate = self._fitting(weights)
        current = self._current.get()
        try:
            self._model.set_weights(candidate)
            vote_score = self._score(self._vote)
            test_score = self._score(self._test)
        finally:
            self._model.set_weights(self._weights)
        return ProposedWeights(
            weights=weights,
            vote_score=vote_score,
            test_score=test_score,
            vote=self._rule.approves(current, vote_score),
            criterion=self._criterion,
            current_score=current,
        )

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        self._weights = self._fitting(weights)
        self._model.set_weights(self._weights)
        self._current.clear()

    def mli_get_current_weights(self) -> Weights:
        """Copies of the current weights."""
        return Weights([w.copy() for w in self._weights])

    def _read(self) -> list[Array]:
        return [np.array(w, copy=True) for w in self._model.get_weights()]

    def _fitting(self, weights: Weights) -> list[Array]:
        """Copies of the arrays, if they fit the model: a misfit must not be half loaded."""
        arrays: Sequence[Any] = weights.weights
        if not isinstance(arrays, list | tuple) or not all(isinstance(a, np.ndarray) for a in arrays):
            raise SchemaMismatch(
                f"weights of type {type(arrays).__name__} for a Keras model",
                expected="a list of numpy arrays",
                fix=_FIX,
            )
        shapes = [(a.shape, a.dtype) for a in arrays]
        if shapes != self._shapes:
            at = next((i for i, (a, b) in enumerate(zip(shapes, self._shapes, strict=False)) if a != b), None)
            what = f"{len(shapes)} arrays" if at is None else f"array {at} is {shapes[at][1]} {shapes[at][0]}"
            want = f"{len(self._shapes)} arrays" if at is None else f"{self._shapes[at][1]} {self._shapes[at][0]}"
            raise SchemaMismatch(f"weights that don't fit the Keras model: {what}", expected=want, fix=_FIX)
        return [a.copy() for a in arrays]

    def _score(self, data: Data) -> float:
        x, y = data
        self._model.reset_metrics()
        logs: dict[str, Any] = {}
        for start in range(0, len(x), SCORE_BATCH):
            # the metrics add up over the calls, so that the last call's are the whole set's
            logs = self._model.test_on_batch(
                x[start : start + SCORE_BATCH], y[start : start + SCORE_BATCH], return_dict=True
            )
        if self._criterion is None:
            self._criterion = next((name for name in logs if name != "loss"), "loss")
        if self._criterion not in logs:
            raise LearnerError(
                f"the criterion is {self._criterion!r}",
                expected=f"one of {', '.join(sorted(logs))}",
                fix="name a metric that the model was compiled with",
            )
        up = self._higher_is_better
        if up is None:
            up = not any(word in self._criterion for word in ("loss", "error"))
        value = float(logs[self._criterion])
        return value if up else -value

    def _reset_randomness(self) -> np.random.Generator:
        """Seed everything from the seed and the round: batches, dropout, and what a custom layer may draw."""
        rng = np.random.default_rng([self._seed, self._round])
        keras.utils.set_random_seed(int(rng.integers(2**31)))
        # Layers keep their own generators' states as variables, which a global seed doesn't reach.
        for variable in self._model.non_trainable_variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign(rng.integers(2**32, size=variable.shape, dtype=np.uint32))
        return rng


_FIX = "all learners must build the same model"
