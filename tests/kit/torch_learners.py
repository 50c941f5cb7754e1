"""Small sets and a small network for PyTorch learners; needs PyTorch and numpy, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from colearn_ledger.core.learner import Learner
from colearn_ledger.core.weights import encode

__all__ = ["blobs", "network", "proposal"]

Set = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def blobs(seed: int = 0, sizes: tuple[int, int, int] = (600, 300, 300)) -> tuple[Set, Set, Set]:
    """Train, vote and test sets: clouds of 20 numbers around four centres, the same ones for every seed."""
    centres = np.random.default_rng(7).normal(0, 1.2, (4, 20))
    rng = np.random.default_rng([9, seed])
    sets = []
    for n in sizes:
        y = rng.integers(0, 4, n)
        sets.append(((centres[y] + rng.normal(0, 1, (n, 20))).astype(np.float32), y))
    return sets[0], sets[1], sets[2]


def network() -> torch.nn.Module:
    """With all that is hard: dropout, running statistics, and a count of 64-bit integers among the buffers."""
    state = torch.get_rng_state()
    torch.manual_seed(7)
    made = torch.nn.Sequential(
        torch.nn.Linear(20, 32),
        torch.nn.BatchNorm1d(32),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(32, 4),
    )
    torch.set_rng_state(state)
    return made


def proposal(learner: Learner, round: int) -> bytes:
    """The canonical bytes of what it proposes in that round."""
    learner.mli_begin_round(round)  # type: ignore[attr-defined]
    return encode(learner.mli_propose_weights().weights)
