"""How often a vote that looks further than the score turns down honest proposals, and what that does to learning.

    python -m benchmarks.further [--rounds N] [--seeds N]

scikit-learn's digits among four learners, dealt out at random (IID) or skewed by Dirichlet(0.5), voting by not-worse.
For each kind of learner: the share of rounds that were accepted, the mean test score at the end, how many votes the
policy would have approved, how many of these were turned down all the same (``VoteRecord.reason``), and in how many
rounds that changed the decision. Sums over the seeds, but for the first two, which are means.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

from colearn_ledger.core.driver import run
from colearn_ledger.core.results import RoundResult
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.xgboost import XGBoostLearner
from colearn_ledger.tasks.split import Share, split

__all__ = ["LEARNERS", "turned_down"]

COUNT, NEED = 4, 2  # learners, and approvals of three voters that accept


def _sklearn(estimator: Callable[[], Any], **options: Any) -> Callable[[Share, int], Any]:
    return lambda s, i: SklearnLearner(
        estimator(), s.train, s.vote, s.test, classes=np.arange(10), **{"seed": i, **options}
    )


def _forest(s: Share, i: int) -> Any:
    estimator = RandomForestClassifier(max_leaf_nodes=32)
    return ForestLearner(
        estimator, s.train, s.vote, s.test, classes=np.arange(10), steps_per_round=3, max_trees=60, seed=i
    )


def _booster(s: Share, i: int) -> Any:
    parameters = {"objective": "multi:softprob", "num_class": 10, "max_depth": 3, "subsample": 0.8}
    return XGBoostLearner(parameters, s.train, s.vote, s.test, steps_per_round=2, seed=i)


LEARNERS: dict[str, Callable[[Share, int], Any]] = {
    "MLP": _sklearn(lambda: MLPClassifier((32,), learning_rate_init=0.003), epochs=3, batch_size=32),
    "SGD, hinge loss": _sklearn(SGDClassifier),
    "SGD, log loss": _sklearn(lambda: SGDClassifier(loss="log_loss")),
    "Perceptron": _sklearn(Perceptron),
    "GaussianNB": _sklearn(lambda: GaussianNB(var_smoothing=1e-3), batch_size=64, steps_per_round=1),
    "MultinomialNB": _sklearn(MultinomialNB, batch_size=64, steps_per_round=1),
    "forest": _forest,
    "XGBoost": _booster,
}


def turned_down(rounds: list[RoundResult]) -> tuple[int, int, int]:
    """Votes that the policy approved, those of them that were turned down, and rounds that it decided otherwise."""
    approved = down = changed = 0
    for result in rounds:
        yes = sum(vote is True for vote in result.votes)
        records = zip(result.votes, result.vote_records, strict=True)
        reasons = sum(vote is False and record is not None and bool(record.reason) for vote, record in records)
        approved, down = approved + yes + reasons, down + reasons
        changed += yes < NEED <= yes + reasons
    return approved, down, changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=4, help="how many (default: %(default)s)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    started = time.monotonic()
    x, y = load_digits(return_X_y=True)
    print(f"{options.rounds} rounds, {options.seeds} seeds\n")
    print("| learner | data | accepted | score | yes by score | turned down | rounds changed |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, make in LEARNERS.items():
        for dealt, alpha in {"IID": None, "Dirichlet(0.5)": 0.5}.items():
            accepted, scores, counts = [], [], np.zeros(3, int)
            for seed in range(options.seeds):
                shares = split(x / 16, y, COUNT, 0.6, seed, alpha=alpha)
                results = run(options.rounds, [make(s, seed * 10 + i) for i, s in enumerate(shares)])
                accepted.append(sum(r.accepted for r in results.rounds) / options.rounds)
                last = [r for r in (results.initial, *results.rounds) if r.accepted][-1]
                scores.append(statistics.mean(s for s in last.test_scores if s is not None))
                counts += turned_down(list(results.rounds))
            means = f"{statistics.mean(accepted):.0%} | {statistics.mean(scores):.3f}"
            print(f"| {name} | {dealt} | {means} | {counts[0]} | {counts[1]} | {counts[2]} |", flush=True)
    print(f"\n({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
