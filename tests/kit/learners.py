"""Small learners of real arithmetic, for tests that are about the rounds and not about machine learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.core.summaries import DiffPrivConfig, ErrorCodes, TrainingSummary
from colearn_ledger.core.weights import encode
from colearn_ledger.learners.privacy.accountant import Privacy, compute_epsilon
from colearn_ledger.learners.privacy.ledger import PrivacyLedger, Spending


class LinearLearner(MachineLearningInterface):
    """Least squares on private points of one line, by noisy gradient steps: some proposals are better, some worse."""

    def __init__(self, index: int, *, seed: int = 0, features: int = 4, noise: float = 0.3) -> None:
        rng = np.random.default_rng([seed, index])
        truth = np.random.default_rng(seed).normal(size=features)
        self._x = rng.normal(size=(200, features))
        self._y = self._x @ truth
        self._seed, self._index, self._noise = seed, index, noise
        self._w = np.zeros(features)
        self._round = 0

    def mli_begin_round(self, round: int) -> None:
        self._round = round

    def mli_propose_weights(self) -> Weights:
        rng = np.random.default_rng([self._seed, self._index, self._round])
        gradient = self._x.T @ (self._x @ self._w - self._y) / len(self._x)
        return Weights({"w": self._w - 0.5 * gradient + rng.normal(scale=self._noise, size=self._w.shape)})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        score, current = self._score(weights.weights["w"]), self._score(self._w)
        return ProposedWeights(weights, score, score, vote=score >= current, current_score=current)

    def mli_accept_weights(self, weights: Weights) -> None:
        self._w = weights.weights["w"].copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self._w.copy()})

    def _score(self, w: np.ndarray) -> float:
        return -float(np.mean((self._x @ w - self._y) ** 2))


def linear_learners(count: int, seed: int = 0) -> list[LinearLearner]:
    return [LinearLearner(i, seed=seed) for i in range(count)]


class FrugalLearner(LinearLearner):
    """One whose privacy budget lasts for some proposals. The accounting is real; the noise it leaves to others."""

    def __init__(self, index: int, proposals: int, *, seed: int = 1, ledger: Path | None = None) -> None:
        super().__init__(index, seed=seed)
        target = compute_epsilon([Spending(1.0, 4.0, 1)] * proposals, 1e-5)
        config = DiffPrivConfig(target, 1e-5, 1.0, noise_multiplier=4.0)
        self._privacy = Privacy(config, samples=200, batch_size=200, steps=1, ledger=PrivacyLedger(ledger))
        self.trainings = 0

    @property
    def trainings_left(self) -> int:
        return self._privacy.trainings_left()

    def mli_propose_weights(self) -> Weights:
        budget = self._privacy.spend()
        if budget is None:
            summary = TrainingSummary(self._privacy.budget, ErrorCodes.DP_BUDGET_EXCEEDED)
            return Weights(self.mli_get_current_weights().weights, summary)
        self.trainings += 1
        return Weights(super().mli_propose_weights().weights, TrainingSummary(budget, samples=200))


def assert_trains_the_same_after_a_restart(old: Any, new: Any) -> None:
    """Two learners made alike: what the first one did in earlier rounds doesn't show in what it proposes."""
    for number in (1, 2):
        old.mli_begin_round(number)
        old.mli_accept_weights(old.mli_propose_weights())
    new.mli_accept_weights(old.mli_get_current_weights())
    for learner in (old, new):
        learner.mli_begin_round(3)
    assert encode(old.mli_propose_weights().weights) == encode(new.mli_propose_weights().weights)
