"""What the vote policies do to learning: rounds accepted and accuracy, by policy, number of learners and kind of data.

    python -m benchmarks.policies [--data-dir DIR] [--rounds N] [--seeds N] [--quick]

Digits, the same number for each learner whatever their number is (with all of MNIST: 1,200, of which 240 are its vote
set), dealt out at random (IID) or with labels skewed by Dirichlet(0.3). Each entry is the share of rounds that were
accepted, and the accuracy of the final weights on digits that no learner has; means over the seeds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Learner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.tasks.split import split

from .robustness import Digits, load

__all__ = ["POLICIES", "make_learners", "measure"]

POLICIES = ("not-worse", "strict", "margin:0.01", "margin:-0.01", "paired:0.05", "paired-better:0.05")
SIZES = (5, 20, 50)
DEALT: dict[str, float | None] = {"IID": None, "Dirichlet(0.3)": 0.3}
PER_LEARNER = 1200


def make_learners(digits: Digits, n: int, alpha: float | None, policy: str, seed: int) -> list[Learner]:
    """Learners that have :data:`PER_LEARNER` digits each, or as many as there are."""
    rows = np.random.default_rng(seed).permutation(len(digits.x))[: n * PER_LEARNER]
    shares = split(digits.x[rows], digits.y[rows], n, 0.6, seed, alpha=alpha)
    return [
        SklearnLearner(
            MLPClassifier((32,), learning_rate_init=0.003, random_state=seed),
            share.train,
            share.vote,
            share.test,
            classes=np.arange(10),
            batch_size=32,
            criterion="accuracy",
            vote_policy=policy,
            seed=seed + i,
        )
        for i, share in enumerate(shares)
    ]


def measure(
    digits: Digits, n: int, alpha: float | None, policy: str, rounds: int, seed: int
) -> tuple[float, float, int]:
    """Share of rounds accepted, accuracy on the digits held out, and how many samples a vote is decided on."""
    learners = make_learners(digits, n, alpha, policy, seed)
    results = run(rounds, learners)
    judge: Any = learners[0]
    judge.test_set = (digits.test_x, digits.test_y)
    accuracy = judge.mli_test_weights(judge.mli_get_current_weights()).test_value
    return sum(r.accepted for r in results.rounds) / rounds, accuracy, judge.vote_samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with mnist.npz")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=2, help="how many (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="five learners only")
    options = parser.parse_args()
    digits = load(options.data_dir, PER_LEARNER, max(SIZES))
    started = time.monotonic()
    sizes = SIZES[:1] if options.quick else SIZES
    columns = [(n, name) for n in sizes for name in DEALT]
    print(f"{digits.source}; {options.rounds} rounds, {options.seeds} seeds; accepted, accuracy\n")
    print("| policy | " + " | ".join(f"{n} learners, {name}" for n, name in columns) + " |")
    print("|---|" + "---|" * len(columns), flush=True)
    samples: set[int] = set()
    for policy in POLICIES:
        entries = []
        for n, name in columns:
            found = [
                measure(digits, n, DEALT[name], policy, options.rounds, seed) for seed in range(1, options.seeds + 1)
            ]
            samples |= {f[2] for f in found}
            entries.append(f"{statistics.mean(f[0] for f in found):.0%}, {statistics.mean(f[1] for f in found):.3f}")
        print(f"| {policy} | " + " | ".join(entries) + " |", flush=True)
    print(f"\nsamples that a vote is decided on: {', '.join(map(str, sorted(samples)))}")
    print(f"({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
