"""What to expect of the ready-made tasks: rounds accepted and the final score, for data dealt out at random and skewed.

    python -m benchmarks.tasks [TASK[=FOLDER] ...] [--rounds N] [--seeds N]

Five learners, the tasks' own defaults; FOLDER is the demo's --data-dir. The score is the mean over the learners' test
sets, of the weights that are current after the last round; seconds are CPU's, per round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings

from colearn_ledger.core.driver import run
from colearn_ledger.errors import ColearnError
from colearn_ledger.learners.voting.policy import SmallVoteSet
from colearn_ledger.tasks import Task, Training, get_task

DEALT: dict[str, float | None] = {"IID": None, "Dirichlet(0.3)": 0.3}


def measure(task: Task, folder: str | None, alpha: float | None, rounds: int, seed: int) -> tuple[int, float, float]:
    """Rounds accepted, mean test score at the end, CPU seconds of a round."""
    learners = task.make_learners(5, Training(alpha=alpha), seed=seed, data_dir=folder).learners
    started = time.process_time()
    results = run(rounds, learners)
    took = (time.process_time() - started) / rounds
    scores = [ln.mli_test_weights(ln.mli_get_current_weights()).test_value for ln in learners]
    return sum(r.accepted for r in results.rounds), statistics.mean(scores), took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=["SKLEARN_DIGITS", "IRIS", "DIABETES"], metavar="TASK[=FOLDER]")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SmallVoteSet)
    print(f"{options.rounds} rounds, means of {options.seeds} seeds: accepted, final score\n")
    print("| task | score | " + " | ".join(DEALT) + " | CPU s a round |")
    print("|---|---|" + "---|" * len(DEALT) + "---|", flush=True)
    for word in options.tasks:
        name, _, folder = word.partition("=")
        task = get_task(name)
        entries, seconds = [], []
        for alpha in DEALT.values():
            found = [measure(task, folder or None, alpha, options.rounds, seed) for seed in range(options.seeds)]
            entries.append(f"{statistics.mean(f[0] for f in found):.1f}, {statistics.mean(f[1] for f in found):.3f}")
            seconds += [f[2] for f in found]
        print(f"| {task.name} | {task.metric} | {' | '.join(entries)} | {statistics.mean(seconds):.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ColearnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
