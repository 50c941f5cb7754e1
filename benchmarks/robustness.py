"""What attackers can do to a collective that votes, and to federated averaging, the coordinate median and Krum.

    python -m benchmarks.robustness [--data-dir DIR] [--rounds N] [--seed N] [--attacks REGEX] [--quick]

Digits, 1..k attackers among 5 and 10 learners, the same data, seeds, first weights and local training for every rule. A
round of voting trains one learner and tests on the others; a round of the federated rules trains all of them, and is
combined by a server that is trusted. The attackers collude only by attacking all at once. The last learners attack.

Each entry is the accuracy of the final weights on digits that no learner has; for the backdoor it is followed by the
share of digits other than 0 that are taken for 0 when they bear the trigger.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from colearn_ledger.baselines.federated import RULES, run_federated
from colearn_ledger.core.driver import run, set_equal_weights
from colearn_ledger.core.learner import Learner
from colearn_ledger.errors import InvalidWeights, LearnerError
from colearn_ledger.learners.attacks import ATTACKS as KINDS
from colearn_ledger.learners.attacks import stamp
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.split import Share, split

__all__ = ["ATTACKS", "SYSTEMS", "Digits", "load", "measure"]

Array = np.ndarray[Any, Any]
SIDE, CLASSES, TARGET = 28, 10, 0
HELD_OUT = 1000
SYSTEMS = ("voting", *RULES)
ATTACKS = (
    *("none", "label-flip", "random-weights", "sign-flip", "backdoor", "lying-votes"),
    *("unscored-state", "blow-up"),
)


@dataclass(frozen=True)
class Digits:
    """Digits for the learners, and others that are held out. Images ``(n, 784)`` from 0 to 1."""

    x: Array
    y: Array
    test_x: Array
    test_y: Array
    source: str


def load(data_dir: Path | None, per_learner: int = 1500, learners: int = 10, seed: int = 0) -> Digits:
    """As many digits as ten learners get, if there are so many."""
    digits = load_mnist(data_dir)
    order = np.random.default_rng(seed).permutation(len(digits.x))
    x = digits.x.reshape(len(digits.x), -1)[order].astype(np.float32) / 255
    y = digits.y[order]
    end = HELD_OUT + min(len(x) - HELD_OUT, per_learner * learners)
    return Digits(x[HELD_OUT:end], y[HELD_OUT:end], x[:HELD_OUT], y[:HELD_OUT], digits.source)


def poisoned(data: tuple[Array, Array], rng: np.random.Generator) -> tuple[Array, Array]:
    """Data of which half bears the trigger and is labelled as :data:`TARGET`: what a backdoor is trained on."""
    x, y = data[0].copy(), data[1].copy()
    half = rng.permutation(len(x))[: len(x) // 2]
    x[half], y[half] = stamp(x[half], SIDE), TARGET
    return x, y


def make_learners(digits: Digits, n: int, attackers: int, kind: str, seed: int) -> list[Learner]:
    """The learners, the attackers last."""
    made: list[Learner] = []
    for i, share in enumerate(split(digits.x, digits.y, n, 0.6, seed)):
        attacks = i >= n - attackers
        if attacks and kind == "backdoor":
            rng = np.random.default_rng([seed, i])
            share = Share(*(poisoned(part, rng) for part in (share.train, share.vote, share.test)))
        learner: Learner = SklearnLearner(
            MLPClassifier((32,), learning_rate_init=0.003),
            share.train,
            share.vote,
            share.test,
            classes=np.arange(CLASSES),
            batch_size=32,
            criterion="accuracy",
            seed=seed + i,
        )
        if attacks and kind in KINDS:
            learner = KINDS[kind](learner, seed + i)
        made.append(learner)
    set_equal_weights(made)
    return made


def measure(
    digits: Digits, system: str, n: int, attackers: int, kind: str, rounds: int, seed: int
) -> tuple[float, float]:
    """Accuracy of the final weights on the digits held out, and the share that the trigger turns to ``TARGET``."""
    learners = make_learners(digits, n, attackers, kind, seed)
    if system == "voting":
        run(rounds, learners)
    else:
        # What overflows is no number any more: what they hold is what the attack has left of it.
        with contextlib.suppress(InvalidWeights, LearnerError):
            run_federated(system, learners, rounds, attackers)
    weights = learners[0].mli_get_current_weights()
    share = (digits.test_x, digits.test_y)
    judge = SklearnLearner(MLPClassifier((32,)), share, share, share, classes=np.arange(CLASSES))
    accuracy = judge.mli_test_weights(weights).test_value
    others = digits.test_y != TARGET
    stamped = (stamp(digits.test_x[others], SIDE), np.full(int(others.sum()), TARGET))
    judge = SklearnLearner(MLPClassifier((32,)), share, share, stamped, classes=np.arange(CLASSES))
    return accuracy, judge.mli_test_weights(weights).test_value


def cases(quick: bool) -> list[tuple[int, int, str]]:
    """Learners, attackers among them, attack."""
    found = [(5, 0, "none"), (10, 0, "none")]
    for kind in ATTACKS[1:]:
        found += [(5, k, kind) for k in (1, 2)] + [(10, k, kind) for k in (1, 2, 3, 4)]
    return [c for c in found if not quick or c[:2] in ((5, 0), (5, 2))]


def table(
    digits: Digits, chosen: Sequence[tuple[int, int, str]], rounds: int, seed: int, say: Callable[[str], None]
) -> None:
    """Print a row for each case as soon as it is there."""
    say("| attack | attackers | " + " | ".join(SYSTEMS) + " |")
    say("|---|---|" + "---|" * len(SYSTEMS))
    for n, attackers, kind in chosen:
        entries = []
        for system in SYSTEMS:
            if kind == "lying-votes" and system != "voting":
                entries.append("no votes")
                continue
            accuracy, triggered = measure(digits, system, n, attackers, kind, rounds, seed)
            entries.append(f"{accuracy:.3f}" + (f" ({triggered:.0%})" if kind == "backdoor" else ""))
        say(f"| {kind} | {attackers} of {n} | " + " | ".join(entries) + " |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with mnist.npz")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attacks", default="", metavar="REGEX", help="only those whose names have this")
    parser.add_argument("--quick", action="store_true", help="five learners, none or two of them attackers")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=RuntimeWarning)  # random weights overflow: that is the attack's doing
    digits = load(options.data_dir)
    started = time.monotonic()
    print(f"{digits.source}; {len(digits.x):,} for the learners, {HELD_OUT:,} held out; {options.rounds} rounds\n")
    chosen = [case for case in cases(options.quick) if re.search(options.attacks, case[2])]
    table(digits, chosen, options.rounds, options.seed, lambda text: print(text, flush=True))
    print(f"\n({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
