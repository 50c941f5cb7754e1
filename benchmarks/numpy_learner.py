"""A small network in numpy alone: so cheap that what is measured with it can have many members, rounds and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from colearn_ledger.learners.batch import BatchLearner
from colearn_ledger.learners.sets import Data
from colearn_ledger.learners.voting.policy import Evaluation
from colearn_ledger.tasks.scores import area_under_curve

__all__ = ["CRITERIA", "NumpyLearner"]

Array = np.ndarray[Any, Any]
LEAST_SHARE = 1e-12  # of probability, in a loss
CRITERIA = ("accuracy", "AUC", "loss")


class NumpyLearner(BatchLearner):
    """One hidden layer of ReLU, softmax, plain gradient descent in float32.

    Parameters
    ----------
    train, vote, test: inputs ``(n, k)`` of float32, and labels from 0.
    classes: how many labels there are.
    hidden: units of the hidden layer.
    learning_rate: of the gradient descent.
    criterion: one of :data:`CRITERIA`; a loss is its mean with the sign changed, so that higher is better.
    options: see :class:`~colearn_ledger.learners.batch.BatchLearner`.
    """

    def __init__(
        self,
        train: Data,
        vote: Data,
        test: Data,
        *,
        classes: int,
        hidden: int = 32,
        learning_rate: float = 0.1,
        criterion: str = "accuracy",
        **options: Any,
    ) -> None:
        super().__init__(train, vote, test, **options)
        rng = np.random.default_rng(0)  # all members begin with the same model
        wide = self.train_set[0].shape[1]
        self._w = [
            np.asarray(rng.normal(0, np.sqrt(2 / wide), (wide, hidden)), np.float32),
            np.zeros(hidden, np.float32),
            np.asarray(rng.normal(0, np.sqrt(2 / hidden), (hidden, classes)), np.float32),
            np.zeros(classes, np.float32),
        ]
        self._rate = np.float32(learning_rate)
        self.criterion = criterion
        self.start()

    def train_batch(self, rows: Array) -> None:
        x, y = self.train_set[0][rows], self.train_set[1][rows]
        w1, b1, w2, b2 = self._w
        hidden = np.maximum(x @ w1 + b1, 0)
        error = _softmax(hidden @ w2 + b2)
        error[np.arange(len(y)), y] -= 1
        error *= self._rate / np.float32(len(y))
        back = (error @ w2.T) * (hidden > 0)
        w2 -= hidden.T @ error
        b2 -= error.sum(axis=0)
        w1 -= x.T @ back
        b1 -= back.sum(axis=0)

    def read_weights(self) -> list[Array]:
        return [array.copy() for array in self._w]

    def write_weights(self, weights: Any) -> None:
        self._w = [array.copy() for array in weights]

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        x, y = data
        w1, b1, w2, b2 = self._w
        with np.errstate(all="ignore"):  # an attacker's weights may overflow: then so does the loss
            share = _softmax(np.maximum(x @ w1 + b1, 0) @ w2 + b2)
            logs = np.log(np.maximum(share[np.arange(len(y)), y].astype(np.float64), LEAST_SHARE))
        right = share.argmax(axis=1) == y
        loss = -float(logs.mean())
        if self.criterion == "loss":
            return Evaluation(-loss, "loss", len(y), logs if outcomes else None)
        score = float(right.mean()) if self.criterion == "accuracy" else area_under_curve(y, share[:, 1])
        parts = right if outcomes and self.criterion == "accuracy" else None
        return Evaluation(score, self.criterion, len(y), parts, loss)


def _softmax(x: Array) -> Array:
    """Shares of probability, in place."""
    x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=1, keepdims=True)
    return x
