"""What five learners reach on all of MNIST with one epoch of 12,000 digits a round, in solo and in joint rounds.

    python -m benchmarks.large_rounds --data-dir DIR [--seed N] [--only RUN ...] [--check]

The demo's task, with ``--epochs 1 -r 0.857``: once with its own model in 15 rounds (in solo rounds also with
``-b 64 -l 0.002``), and once with ``--filters 64,128`` in 20. The score is the mean over the learners' test sets (1,001
digits each), of the weights that are current after the last round. DIR holds ``mnist.npz`` or the four idx files.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass

from colearn_ledger.core.driver import Rounds, run
from colearn_ledger.errors import ColearnError
from colearn_ledger.tasks import Training, get_task

__all__ = ["RUNS", "Run", "measure"]

TASK, LEARNERS = "KERAS_MNIST", 5
# Of 14,000 digits each: 12,000 to train on, the rest to vote and to test.
RATIO = 0.857


@dataclass(frozen=True, slots=True)
class Run:
    """One row: how many rounds of which kind with which options (None: the task's own), and what they should reach.

    The targets are the models'. Of the demo's own in solo rounds it is for the row whose steps are large enough: with
    the task's rate of learning an epoch of one learner at a time doesn't come as far in 15 rounds.
    """

    rounds: Rounds
    filters: str | None
    number: int
    target: float | None
    batch_size: int | None = None
    learning_rate: float | None = None

    @property
    def options(self) -> str:
        """Beside those that all have."""
        given = {"--filters": self.filters, "-b": self.batch_size, "-l": self.learning_rate}
        return " ".join(f"{flag} {value}" for flag, value in given.items() if value is not None)

    @property
    def name(self) -> str:
        given = (self.filters, self.batch_size, self.learning_rate)
        return ":".join([self.rounds, *(str(value) for value in given if value is not None)])


RUNS = [
    Run(rounds, filters, number, target)
    for filters, number, targets in ((None, 15, (None, 0.975)), ("64,128", 20, (0.985, 0.985)))
    for rounds, target in zip(("solo", "joint"), targets, strict=True)
] + [Run("solo", None, 15, 0.975, batch_size=64, learning_rate=0.002)]


def measure(one: Run, folder: str, seed: int) -> tuple[int, float, float]:
    """Rounds accepted, mean test score at the end, CPU seconds of a round."""
    training = Training(
        epochs=1,
        train_ratio=RATIO,
        filters=one.filters,
        batch_size=one.batch_size,
        learning_rate=one.learning_rate,
    )
    learners = get_task(TASK).make_learners(LEARNERS, training, seed=seed, data_dir=folder).learners
    started = time.process_time()
    results = run(one.number, learners, rounds=one.rounds)
    took = (time.process_time() - started) / one.number
    scores = [learner.mli_test_weights(learner.mli_get_current_weights()).test_value for learner in learners]
    return sum(r.accepted for r in results.rounds), statistics.mean(scores), took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True, help="folder with all of MNIST")
    parser.add_argument("--seed", type=int, default=0)
    names = [one.name for one in RUNS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="RUN", help=", ".join(names))
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    options = parser.parse_args()
    print("| options | rounds | accepted | score | target | CPU s a round |")
    print("|---|---|---|---|---|---|", flush=True)
    missed = False
    for one in RUNS:
        if one.name not in options.only:
            continue
        accepted, score, took = measure(one, options.data_dir, options.seed)
        missed |= one.target is not None and score < one.target
        model = f"`{one.options}`" if one.options else "the demo's"
        cells = f"{accepted} | {score:.4f} | {one.target or '–'} | {took:.1f}"
        print(f"| {model} | {one.number} {one.rounds} | {cells} |", flush=True)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ColearnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
