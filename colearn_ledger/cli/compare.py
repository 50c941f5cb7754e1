"""``colearn-ledger demo --compare``: why take part? Each alone, the collective, and a server that averages."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .preparing import about_run, open_folder, prepare
from .training import order_given

if TYPE_CHECKING:
    from ..baselines.comparison import Comparison, Line
    from ..report.progress import Progress
    from ..tasks import Task, Training

__all__ = ["RECORD", "SKEW", "check_comparison", "run_comparison"]

RECORD = "comparison.json"
# Members whose data differ are those who have something to gain.
SKEW = 0.3
_SENSELESS = {
    "joint": "no kind of rounds: both are compared",
    "secret": "what runs without a ledger, as all of a comparison does",
    "shuffled": "what runs without a ledger, as all of a comparison does",
    "wire": "weights as the learners hold them",
    "malicious": "honest learners (python -m benchmarks.robustness compares under attack)",
    "attack": "honest learners (python -m benchmarks.robustness compares under attack)",
    "tensorboard": "one run",
    "mlflow": "one run",
    "epsilon": "no noise: who trains alone has nobody to hide from",
}


def check_comparison(options: argparse.Namespace, *, labels: bool) -> None:
    """UsageError for an option that makes no sense with --compare; fills in its own default where there are labels."""
    for name, why in _SENSELESS.items():
        if getattr(options, name):
            raise UsageError(f"--{name} with --compare", expected=why, fix=f"leave out --{name}")
    if options.alpha is None and labels:
        options.alpha = SKEW


def run_comparison(
    options: argparse.Namespace, task: Task, threshold: Fraction, training: Training, progress: Progress
) -> None:
    """Run all of it, and write the record, the table and the picture."""
    from ..baselines.comparison import check_comparable, compare
    from ..report.comparison import line_told
    from ..report.progress import watched

    prepared = prepare(options, task, training, progress)
    names = [f"learner {i + 1}" for i in range(options.n_learners)]
    now = ""

    def say(text: str) -> None:
        nonlocal now
        now = text
        progress.detail(text)

    def on_line(line: Line) -> None:
        progress.row(line_told(line))

    learners = [
        watched(learner, name, lambda text: progress.detail(f"{now}: {text}"))
        for learner, name in zip(prepared.learners, names, strict=True)
    ]
    try:
        check_comparable(learners, names)
    except UsageError as error:
        error.fix = "compare another task: this one has solo rounds alone"
        raise
    folder = open_folder(options, f"{task.name}-compare")
    comparison = compare(
        options.n_rounds,
        learners,
        threshold,
        names=names,
        merge_order=order_given(options, joint=True),
        say=say,
        on_line=on_line,
    )
    _write(options, task, comparison, prepared.data, folder, progress)


def _write(
    options: argparse.Namespace, task: Task, comparison: Comparison, data: str, folder: Path, progress: Progress
) -> None:
    from ..report.comparison import comparison_csv, comparison_lines, write_record
    from ..report.comparison_plot import plot_comparison
    from ..report.files import write_report

    progress.row("")
    for line in comparison_lines(comparison):
        progress.row(line)
    progress.row("")
    write_record(comparison, folder / RECORD, about_run(options, task, data))
    write_report(folder / "comparison.csv", comparison_csv(comparison))
    how = "data of different kinds" if options.alpha is None else f"labels skewed by Dirichlet({options.alpha:g})"
    title = f"{task.name}: {options.n_learners} learners, {how}"
    plot_comparison(comparison, folder / "comparison.png", title, task.metric)
    for name, file in (("record:", RECORD), ("table:", "comparison.csv"), ("plot:", "comparison.png")):
        progress.row(f"{name:<8} {folder / file}")
