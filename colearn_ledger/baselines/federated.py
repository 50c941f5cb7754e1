"""Federated rules: every learner trains in every round, and a server that all trust combines what they send.

Federated averaging: McMahan et al. (2017). Coordinate-wise median: Yin et al. (2018). Krum: Blanchard et al. (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.asking import ask_propose
from ..core.learner import Learner, Weights
from ..core.weights import decode, encode

__all__ = ["RULES", "run_federated"]

Array = np.ndarray[Any, Any]
Leaves = list[Array]


def mean(proposals: Sequence[Leaves], attackers: int) -> Leaves:
    """Federated averaging; the learners here have equally much data."""
    return [np.mean(arrays, axis=0) for arrays in zip(*proposals, strict=True)]


def median(proposals: Sequence[Leaves], attackers: int) -> Leaves:
    """The median of each number."""
    return [np.median(arrays, axis=0) for arrays in zip(*proposals, strict=True)]


def krum(proposals: Sequence[Leaves], attackers: int) -> Leaves:
    """The proposal nearest to its ``n - attackers - 2`` nearest neighbours: the rule is told how many attack."""
    flat = np.stack([np.concatenate([a.ravel() for a in leaves]) for leaves in proposals]).astype(np.float64)
    distances = np.square(flat[:, None] - flat[None]).sum(axis=2)
    neighbours = max(1, len(proposals) - attackers - 2)
    scores = np.sort(distances, axis=1)[:, 1 : neighbours + 1].sum(axis=1)
    return proposals[int(np.argmin(scores))]


RULES: dict[str, Callable[[Sequence[Leaves], int], Leaves]] = {"FedAvg": mean, "median": median, "Krum": krum}


def run_federated(
    rule: str,
    learners: Sequence[Learner],
    rounds: int,
    attackers: int = 0,
    *,
    on_round: Callable[[int], None] = lambda number: None,
) -> None:
    """Rounds of federated learning; afterwards every learner holds the result.

    Parameters
    ----------
    rule: a name in :data:`RULES`.
    learners: they should hold the same weights.
    rounds: how many; the learners are seeded by their numbers, from 1.
    attackers: how many of the learners attack, for rules that are told.
    on_round: called after each round, with its number, when all learners hold its result.
    """
    combine = RULES[rule]
    for number in range(1, rounds + 1):
        trees = [ask_propose(learner, number).weights for learner in learners]
        combined = iter(combine([_leaves(tree) for tree in trees], attackers))
        # By way of the codec, as every learner gets a copy of its own.
        data = encode(_filled(trees[0], combined))
        for learner in learners:
            learner.mli_accept_weights(Weights(decode(data)))
        on_round(number)


def _is_combined(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"


def _leaves(tree: Any) -> Leaves:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in _leaves(tree[key])]
    if isinstance(tree, list | tuple):
        return [leaf for part in tree for leaf in _leaves(part)]
    return [tree] if _is_combined(tree) else []


def _filled(tree: Any, leaves: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(tree[key], leaves) for key in sorted(tree)}
    if isinstance(tree, list | tuple):
        return type(tree)([_filled(part, leaves) for part in tree])
    return np.asarray(next(leaves), dtype=tree.dtype) if _is_combined(tree) else tree
