"""A learner that costs nothing: what is measured with it is the ledger."""

from __future__ import annotations

import time

import numpy as np

from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights

__all__ = ["FreeLearner", "make"]


class FreeLearner(MachineLearningInterface):
    """Proposes other weights of the given size each round, and approves of everything."""

    def __init__(self, index: int, size: int, note: str) -> None:
        self._w = np.zeros(max(size // 8, 2))
        self._index = index
        self._round = 0
        self._note = note

    def mli_begin_round(self, round: int) -> None:
        self._round = round

    def mli_propose_weights(self) -> Weights:
        weights = self._w.copy()
        weights[:2] = self._round, self._index
        return Weights(weights)

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        if self._note:
            with open(self._note, "a") as file:
                file.write(f"{time.time()!r}\n")
        return ProposedWeights(weights, 1.0, 1.0, vote=True, current_score=1.0)

    def mli_accept_weights(self, weights: Weights) -> None:
        self._w = weights.weights.copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights(self._w.copy())


def make(index: int, of: int = 0, size: int = 200_000, note: str = "") -> FreeLearner:
    """A learner.

    ``size``: bytes of the weights; by default about those of the demo's network. ``note``: a file to which the time of
    every test of another's proposal is appended.
    """
    return FreeLearner(index, size, note)
