"""Learners in the style in which they were written for the published interface: nothing seeded by the round, arrays
handed out as they are, scores of numpy, votes of numpy. Own code; only the style is theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from colearn_ledger.ml_interface import MachineLearningInterface, ProposedWeights, Weights


class MeanLearner(MachineLearningInterface):
    """The mean of one's numbers, as one scalar: a float of Python's at first, of numpy's later."""

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed).normal(3.0, 1.0, size=50)
        self.mean: Any = 0.0

    def mli_propose_weights(self) -> Weights:
        return Weights(weights=self.mean + 0.5 * (np.mean(self.numbers) - self.mean))

    def error(self, mean: Any) -> Any:
        return np.mean((self.numbers - mean) ** 2)

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        score = np.float32(-self.error(weights.weights))
        vote = np.float32(-self.error(self.mean)) <= score
        return ProposedWeights(weights=weights, vote_score=score, test_score=np.array(score), vote=vote)  # type: ignore[arg-type]

    def mli_accept_weights(self, weights: Weights) -> None:
        self.mean = weights.weights

    def mli_get_current_weights(self) -> Weights:
        return Weights(weights=self.mean)


class InPlaceLearner(MachineLearningInterface):
    """A linear model that trains in place, and whose weights are the model's own arrays, everywhere."""

    def __init__(self, seed: int, features: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(100, features))
        self.y = self.x @ np.arange(1.0, features + 1) + rng.normal(size=100)
        self.coef_, self.intercept_ = np.zeros(features), np.zeros(())
        self.rng = rng
        self.vote_score = self.score()

    def mli_propose_weights(self) -> Weights:
        current = self.mli_get_current_weights()
        rows = self.rng.integers(100, size=10)  # so few that some proposals are worse
        error = self.x[rows] @ self.coef_ + self.intercept_ - self.y[rows]
        self.coef_ -= 0.3 * self.x[rows].T @ error / 10
        self.intercept_ -= 0.3 * error.mean()
        new = self.mli_get_current_weights()
        self.set_weights(current)  # which are the same arrays: nothing is put back
        return new

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        current = self.mli_get_current_weights()
        self.set_weights(weights)
        score = self.score()
        self.set_weights(current)
        return ProposedWeights(weights=weights, vote_score=score, test_score=score, vote=self.vote_score <= score)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.set_weights(weights)
        self.vote_score = self.score()

    def mli_get_current_weights(self) -> Weights:
        return Weights(weights={"intercept_": self.intercept_, "coef_": self.coef_})

    def set_weights(self, weights: Weights) -> None:
        self.coef_ = weights.weights["coef_"]
        self.intercept_ = weights.weights["intercept_"]

    def score(self) -> float:
        return -float(np.mean((self.x @ self.coef_ + self.intercept_ - self.y) ** 2))


class FakeTensor:
    """What PyTorch's tensors have that matters here, for tests without PyTorch."""

    def __init__(self, values: Any, *, on: str = "cpu", graph: bool = False) -> None:
        self._values, self.device, self._graph = np.asarray(values), on, graph

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: f"fake.{self._values.dtype}")

    def detach(self) -> FakeTensor:
        return FakeTensor(self._values, on=self.device)

    def cpu(self) -> FakeTensor:
        return FakeTensor(self._values, graph=self._graph)

    def numpy(self) -> np.ndarray[Any, Any]:
        if self._graph or self.device != "cpu":
            raise RuntimeError("only a detached tensor on the CPU gives its memory")
        return self._values

    def new_tensor(self, values: np.ndarray[Any, Any]) -> FakeTensor:
        return FakeTensor(values.astype(self._values.dtype), on=self.device)

    def clone(self) -> FakeTensor:
        return FakeTensor(self._values.copy(), on=self.device)
