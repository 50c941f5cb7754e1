"""Learners of the smallest model there is: one number, the mean of its targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from colearn_ledger.errors import InvalidWeights
from colearn_ledger.learners.batch import BatchLearner
from colearn_ledger.learners.template import TemplateLearner
from colearn_ledger.learners.voting.policy import Evaluation

__all__ = ["Momentum", "Walk", "data", "proposed"]


def data(n: int, centre: float = 3.0, seed: int = 0) -> tuple[Any, Any]:
    return np.zeros(n), np.random.default_rng(seed).normal(centre, 1.0, n)


class Walk(TemplateLearner):
    """Its training goes through given values, one a step."""

    def __init__(self, path: list[float], index: int = 0, **options: Any) -> None:
        super().__init__(data(10), data(250, seed=index), data(50), **options)
        self.path, self.value, self.taken = path, 0.0, 0
        self.start()

    @property
    def steps(self) -> int:
        return len(self.path)

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        self.taken = 0
        for value in self.path:
            self.value = value
            self.taken += 1
            yield 10

    def read_weights(self) -> dict[str, Any]:
        return {"w": np.array([self.value])}

    def write_weights(self, weights: Any) -> None:
        self.value = float(weights["w"][0])
        if self.value < 0:  # too late: the model holds them already
            raise InvalidWeights("a negative mean")

    def evaluate(self, data: Any, *, outcomes: bool = False) -> Evaluation:
        parts = -((data[1] - self.value) ** 2)
        return Evaluation(float(parts.mean()), "squared_error", len(parts), parts if outcomes else None)


class Momentum(BatchLearner):
    """Gradient steps whose momentum is the optimizer's state."""

    def __init__(self, **options: Any) -> None:
        super().__init__(data(100, seed=1), data(250), data(50), **options)
        self.value, self.speed = np.zeros(1), 0.0
        self.start()

    def reset_optimizer(self) -> None:
        self.speed = 0.0

    def train_batch(self, rows: Any) -> None:
        self.speed = 0.9 * self.speed + 0.05 * float((self.train_set[1][rows] - self.value).mean())
        self.value = self.value + self.speed

    def read_weights(self) -> list[Any]:
        return [self.value.copy()]

    def write_weights(self, weights: Any) -> None:
        self.value = weights[0].copy()

    def evaluate(self, data: Any, *, outcomes: bool = False) -> Evaluation:
        return Evaluation(-float(((data[1] - self.value) ** 2).mean()), "squared_error", len(data[1]))


def proposed(learner: Any) -> float:
    weights = learner.mli_propose_weights().weights
    return float(weights["w"][0] if isinstance(weights, dict) else weights[0][0])
