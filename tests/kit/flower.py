"""A client as Flower's users write them, without Flower: lines that are fitted by steps of gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np


class Client:
    """``y = a x + b`` on 300 samples of its own; the order of its samples is drawn from numpy's global generator."""

    def __init__(self, index: int) -> None:
        rng = np.random.default_rng(index)
        self.x = np.stack([rng.uniform(-1, 1, 300), np.ones(300)], axis=1)
        self.y = self.x @ [2.0, 1.0] + rng.normal(0, 0.1, 300)
        self.told: list[tuple[str, dict[str, Any]]] = []

    def get_parameters(self, config: dict[str, Any]) -> list[Any]:
        return [np.zeros(2), np.zeros(())]

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
        self.told.append(("fit", dict(config)))
        w = parameters[0].copy()
        for rows in np.split(np.random.permutation(300), 10):
            w -= config.get("lr", 0.1) * 2 * self.x[rows].T @ (self.x[rows] @ w - self.y[rows]) / len(rows)
        return [w, parameters[1] + 1], len(self.y), {}

    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> tuple[float, int, dict[str, Any]]:
        self.told.append(("evaluate", dict(config)))
        loss = float(np.mean((self.x @ parameters[0] - self.y) ** 2))
        return loss, len(self.y), {"nearness": 1 / (1 + loss), "always": 1.0, "name": "a line"}
