"""PyTorch learners for node processes, of a model whose weights are those of the linear learners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset

from colearn_ledger.learners.torch import TorchLearner

__all__ = ["make_endless", "make_greedy", "make_line"]


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))

    def forward(self, x: Any) -> Any:
        return x @ self.w


class TooLarge(Line):
    """Finds no memory for a batch to train with."""

    def forward(self, x: Any) -> Any:
        if self.training:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 80")
        return super().forward(x)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        while True:
            yield np.zeros(4), 0.0


def make_line(index: int, model: torch.nn.Module | None = None, train: Any = None, **options: Any) -> TorchLearner:
    rng = np.random.default_rng([1, index])
    x = rng.normal(size=(400, 4))
    y = x @ [1.0, -2.0, 0.5, 3.0]
    sets = [(x[:100], y[:100]) if train is None else train, (x[100:], y[100:]), (x[100:], y[100:])]
    return TorchLearner(model or Line(), *sets, loss=torch.nn.functional.mse_loss, metric=None, **options)


def make_greedy(index: int) -> TorchLearner:
    return make_line(index, TooLarge(), batch_size=64)


def make_endless(index: int) -> TorchLearner:
    return make_line(index, train=Endless())
