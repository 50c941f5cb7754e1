"""Batch normalization: which means and variances should a collective's weights have?

    python -m benchmarks.batch_norm [--framework keras|torch] [--data-dir DIR] [--rounds N] [--seeds N]

Four learners, digits dealt out at random (IID) or skewed by Dirichlet(0.3), a small network with two layers of batch
normalization as the framework has it (Keras keeps 0.99 of a moving average a step, PyTorch 0.9), 40 steps a round. Each
entry is the
share of rounds that were accepted, and the learners' mean accuracy on digits that none has; means over the seeds.

- as trained: the moving averages travel as the proposer's training left them (what the frameworks do by themselves)
- estimated: they travel, and the proposer estimates them anew after its training (what the learners here do)
- recomputed: they stay; whoever tests or adopts weights estimates them on its own training set
- kept: they stay; each learner's are those after its own last training
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.core.driver import run
from colearn_ledger.core.roles import Roles
from colearn_ledger.tasks.keras_env import keras
from colearn_ledger.tasks.split import split

from .robustness import Digits, load

__all__ = ["MODES", "measure"]

MODES = ("as trained", "estimated", "recomputed", "kept")
DEALT: dict[str, float | None] = {"IID": None, "Dirichlet(0.3)": 0.3}
LEARNERS, STEPS, PER_LEARNER = 4, 40, 1200


def with_mode(learner: type[Any], mode: str, statistics_of: Callable[[Any], dict[str, int | str]]) -> type[Any]:
    """The learner's class with another rule for what ``statistics_of`` names: places in the weights, and their keys."""

    class Changed(learner):  # type: ignore[misc]
        kept: Any = None

        def settle(self, rng: np.random.Generator) -> None:
            if mode != "as trained":
                super().settle(rng)
            if mode == "kept":
                weights = self.read_weights()
                self.kept = {key: weights[key] for key in statistics_of(self).values()}

        @property
        def leaf_roles(self) -> Roles:
            stay = mode in ("recomputed", "kept")
            return {**super().leaf_roles, **(dict.fromkeys(statistics_of(self), "local") if stay else {})}

        def write_weights(self, weights: Any) -> None:
            if self.kept is not None:
                weights = type(weights)(weights)
                for key, value in self.kept.items():
                    weights[key] = value
            super().write_weights(weights)
            if mode == "recomputed":
                super().settle(np.random.default_rng(0))

    return Changed


def keras_learners(digits: Digits, mode: str, alpha: float | None, seed: int) -> list[Any]:
    from colearn_ledger.learners.keras import KerasLearner

    def places(learner: Any) -> dict[str, int | str]:
        names = [v.path for v in learner._model.weights]
        return {f"/{i}": i for i, name in enumerate(names) if "moving_" in name}

    def model() -> Any:
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        made = keras.Sequential(
            [
                keras.Input((784,)),
                layers.Dense(64),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Dense(32),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Dense(10, "softmax"),
            ]
        )
        made.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made

    kind = with_mode(KerasLearner, mode, places)
    shares = split(digits.x, digits.y, LEARNERS, 0.6, seed, alpha=alpha)
    return [
        kind(model(), s.train, s.vote, s.test, steps_per_round=STEPS, seed=seed * 10 + i) for i, s in enumerate(shares)
    ]


def torch_learners(digits: Digits, mode: str, alpha: float | None, seed: int) -> list[Any]:
    import torch

    from colearn_ledger.learners.torch import TorchLearner

    def places(learner: Any) -> dict[str, int | str]:
        return {f"/{name}": name for name in learner._model.state_dict() if ".running_" in name}

    def model() -> Any:
        torch.manual_seed(seed)
        nn = torch.nn
        return nn.Sequential(
            *(nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU()),
            *(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)),
        )

    kind = with_mode(TorchLearner, mode, places)
    shares = split(digits.x, digits.y, LEARNERS, 0.6, seed, alpha=alpha)
    return [
        kind(model(), s.train, s.vote, s.test, steps_per_round=STEPS, seed=seed * 10 + i) for i, s in enumerate(shares)
    ]


def measure(
    make: Callable[..., list[Any]], digits: Digits, mode: str, alpha: float | None, rounds: int, seed: int
) -> Any:
    """Share of rounds accepted, and the learners' mean accuracy on the digits held out."""
    learners = make(digits, mode, alpha, seed)
    results = run(rounds, learners)
    scores = [learner.evaluate((digits.test_x, digits.test_y)).score for learner in learners]
    return sum(r.accepted for r in results.rounds) / rounds, statistics.mean(scores)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=("keras", "torch"), default="keras")
    parser.add_argument("--data-dir", type=Path, help="folder with mnist.npz")
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    options = parser.parse_args()
    digits = load(options.data_dir, PER_LEARNER, LEARNERS)
    make = keras_learners if options.framework == "keras" else torch_learners
    started = time.monotonic()
    print(f"{options.framework}; {digits.source}; {options.rounds} rounds, {options.seeds} seeds; accepted, accuracy\n")
    print(f"| means and variances | {' | '.join(DEALT)} |\n|---|{'---|' * len(DEALT)}", flush=True)
    for mode in MODES:
        entries = []
        for alpha in DEALT.values():
            found = [measure(make, digits, mode, alpha, options.rounds, seed) for seed in range(1, options.seeds + 1)]
            entries.append(f"{statistics.mean(f[0] for f in found):.0%}, {statistics.mean(f[1] for f in found):.3f}")
        print(f"| {mode} | {' | '.join(entries)} |", flush=True)
    print(f"\n({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
