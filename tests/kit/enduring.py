"""A learner whose training has many steps, each of which a test can hold up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.learners.batch import BatchLearner
from colearn_ledger.learners.voting.policy import Evaluation

__all__ = ["Enduring", "make_enduring"]


class Enduring(BatchLearner):
    """Least squares by steps with a momentum, on points of one line; says in ``folder`` which steps it has done.

    Where there is a file ``hold-INDEX`` the step of the number in it waits for that file's end.
    """

    def __init__(self, index: int, folder: str, **options: Any) -> None:
        rng = np.random.default_rng([1, index])
        x = rng.normal(size=(400, 4))
        y = x @ [1.0, -2.0, 0.5, 3.0] + rng.normal(scale=0.1, size=400)
        super().__init__((x[:100], y[:100]), (x[100:], y[100:]), (x[100:], y[100:]), seed=index, **options)
        self._folder, self._index = Path(folder), index
        self._w, self._speed = np.zeros(4), np.zeros(4)
        self.start()

    def reset_optimizer(self) -> None:
        self._speed = np.zeros(4)

    def train_batch(self, rows: Any) -> None:
        step = self._course.done + 1
        hold = self._folder / f"hold-{self._index}"
        while hold.exists() and hold.read_text() == str(step):
            time.sleep(0.01)
        x, y = self.train_set[0][rows], self.train_set[1][rows]
        self._speed = 0.9 * self._speed - 0.01 * x.T @ (x @ self._w - y) / len(y)
        self._w = self._w + self._speed
        with (self._folder / f"steps-{self._index}").open("a") as file:
            file.write(f"{os.getpid()} {step}\n")

    def read_weights(self) -> dict[str, Any]:
        return {"w": self._w.copy()}

    def write_weights(self, weights: Any) -> None:
        self._w = weights["w"].copy()

    def read_training(self) -> dict[str, Any]:
        return {**super().read_training(), "speed": self._speed}

    def write_training(self, state: Any) -> None:
        super().write_training(state)
        self._speed = state["speed"]

    def evaluate(self, data: Any, *, outcomes: bool = False) -> Evaluation:
        parts = -((data[0] @ self._w - data[1]) ** 2)
        return Evaluation(float(parts.mean()), "squared_error", len(parts), parts if outcomes else None)


def make_enduring(index: int, folder: str, **options: Any) -> Enduring:
    return Enduring(index, folder, **options)
