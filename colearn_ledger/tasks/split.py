"""Dealing data out to learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError

__all__ = ["Share", "split"]

Array = np.ndarray[Any, Any]

# With fewer a share's vote says nothing; a sensible number is 200 and more.
LEAST = 10


@dataclass(frozen=True)
class Share:
    """One learner's data."""

    train: tuple[Array, Array]
    vote: tuple[Array, Array]
    test: tuple[Array, Array]


def split(x: Array, y: Array, n_learners: int, train_ratio: float, seed: int) -> list[Share]:
    """Shuffle by the seed, and deal out equal shares without overlap.

    Of each share, ``train_ratio`` is for training; of the rest one half is for votes and one for tests.
    """
    size = len(x) // n_learners
    train = round(size * train_ratio)
    vote = (size - train + 1) // 2
    if train < LEAST or size - train - vote < LEAST:
        raise UsageError(
            f"{len(x)} samples for {n_learners} learners at a train ratio of {train_ratio}: "
            f"each has {train} for training, {vote} for votes and {size - train - vote} for tests",
            expected=f"at least {LEAST} for each",
            fix="fewer learners, another train ratio, or more data",
        )
    order = np.random.default_rng(seed).permutation(len(x))
    shares = []
    for i in range(n_learners):
        mine = order[i * size : (i + 1) * size]
        parts = (mine[:train], mine[train : train + vote], mine[train + vote :])
        shares.append(Share(*((x[p], y[p]) for p in parts)))
    return shares
