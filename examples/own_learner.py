"""A learner of one's own, first in the in-process driver, then on a chain: only the backend's line differs.

Run it with ``python examples/own_learner.py``.
"""

from __future__ import annotations

# [learner]
import numpy as np

from colearn_ledger import EmbeddedLedger, InProcess, MachineLearningInterface, ProposedWeights, Weights, run


class LineLearner(MachineLearningInterface):
    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)  # every learner has its own data: y = 2x + 1, with noise
        self.x = np.stack([rng.uniform(-1, 1, 300), np.ones(300)], axis=1)
        self.y = self.x @ [2.0, 1.0] + rng.normal(0, 0.1, 300)
        self.w = np.zeros(2)

    def mli_propose_weights(self) -> Weights:  # train, without changing self.w
        return Weights(self.w - self.x.T @ (self.x @ self.w - self.y) / 300)

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:  # score, and vote
        now, new = (-float(np.mean((self.x @ w - self.y) ** 2)) for w in (self.w, weights.weights))
        return ProposedWeights(weights, vote_score=new, test_score=new, vote=new >= now, current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights.copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights(self.w.copy())


# [run]
def main() -> None:
    for backend in (InProcess(), EmbeddedLedger()):
        learners = [LineLearner(seed) for seed in range(5)]
        results = run(15, learners, vote_threshold=0.5, backend=backend)
        print(results.backend, learners[0].w, results.final_sha256)


if __name__ == "__main__":
    main()
