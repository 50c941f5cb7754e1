"""``colearn-ledger demo``: learners with shares of one data set train one model by voting."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core.driver import Backend
from ..core.results import RoundResult
from ..core.threshold import parse_threshold
from ..errors import DataError, UsageError

__all__ = ["add_options", "run"]

MAX_LEARNERS = 64
INTERRUPTED = 130  # exit code of a program that Ctrl-C ended


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options. The defaults of the training options are the task's own."""
    add = parser.add_argument
    add("-t", "--task", default="KERAS_MNIST", help="the task (default: %(default)s)")
    add("-n", "--n_learners", type=int, default=5, help="2 to 64 (default: %(default)s)")
    add("-p", "--n_rounds", type=int, default=15, help="default: %(default)s")
    add("-v", "--vote_threshold", default="0.5", help="share of voters that must be exceeded (default: %(default)s)")
    add("-s", "--seed", type=int, default=0)
    add("-d", "--data_dir", type=Path, help="folder with the data")
    add("-r", "--train_ratio", type=float, help="share of a learner's data to train on")
    add("-l", "--learning_rate", type=float)
    add("-b", "--batch_size", type=int)
    add("--no-ledger", action="store_true", help="run in process, without a chain")
    add("--secret", action="store_true", help="votes are committed, then revealed")
    add("--shuffled", action="store_true", help="the order of proposers is shuffled")
    add("-o", "--output", type=Path, default=Path("colearn-demo"), help="folder for the results (default: %(default)s)")


def _range(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        raise UsageError(f"--{name} is {value}", expected=expected, fix=f"give --{name} another value")


def run(options: argparse.Namespace) -> int:
    """Check all options, then run, then write. Nothing is written and no framework loaded before all are good."""
    from ..tasks import get_task

    threshold = parse_threshold(options.vote_threshold)
    task = get_task(options.task)
    _range(2 <= options.n_learners <= MAX_LEARNERS, "n_learners", options.n_learners, f"2 to {MAX_LEARNERS}")
    _range(options.n_rounds >= 1, "n_rounds", options.n_rounds, "1 or more")
    _range(options.seed >= 0, "seed", options.seed, "0 or more")
    ratio, rate, batch = options.train_ratio, options.learning_rate, options.batch_size
    _range(ratio is None or 0 < ratio < 1, "train_ratio", ratio, "a number between 0 and 1")
    _range(rate is None or 0 < rate < float("inf"), "learning_rate", rate, "a number above 0")
    _range(batch is None or batch >= 1, "batch_size", batch, "1 or more")
    if options.no_ledger and (options.secret or options.shuffled):
        raise UsageError("--secret and --shuffled are the ledger's", fix="leave out --no-ledger")
    if options.data_dir is not None and not options.data_dir.is_dir():
        raise DataError(
            f"there is no folder {options.data_dir}",
            expected="a folder with the task's data",
            fix="correct --data_dir or leave it out",
        )
    if options.output.exists() and not options.output.is_dir():
        raise UsageError(f"{options.output} is not a folder", fix="give another --output")

    return _run_and_write(options, task.name, threshold, task.make_learners)


def _run_and_write(options: argparse.Namespace, task: str, threshold: Fraction, make_learners: Any) -> int:
    from ..core.driver import run as run_collective
    from ..report import plot, record, table

    prepared = make_learners(
        options.n_learners,
        data_dir=options.data_dir,
        train_ratio=options.train_ratio,
        seed=options.seed,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
    )
    backend = _backend(options)  # only now, since it makes a folder
    print(f"{task}: {prepared.data}\n{table.HEADER}", flush=True)

    def show(result: RoundResult) -> None:
        print(table.line(result), flush=True)

    results = run_collective(options.n_rounds, prepared.learners, threshold, backend=backend, on_round=show)
    print(f"\n{table.render(results)}\n")
    options.output.mkdir(parents=True, exist_ok=True)
    record_path, plot_path = options.output / "results.json", options.output / "results.png"
    record.write(results, record_path, {"task": task, "data": prepared.data, "seed": options.seed})
    plot.plot_results(results, plot_path)
    print(f"record:        {record_path}\nplot:          {plot_path}\nfinal weights: sha256 {results.final_sha256}")
    return INTERRUPTED if results.interrupted else 0


def _backend(options: argparse.Namespace) -> Backend | None:
    if options.no_ledger:
        return None
    from ..ledger.embedded import EmbeddedLedger
    from ..stores.local import LocalStore

    store = LocalStore(options.output / "weights")
    return EmbeddedLedger(secret=options.secret, shuffled=options.shuffled, store=store)
