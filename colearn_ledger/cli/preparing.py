"""What ``demo`` and ``demo --compare`` do before their first round: learners, what is to be said of them, a folder."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError
from ..report.run_folder import new_run_folder

if TYPE_CHECKING:
    from ..report.progress import Progress
    from ..tasks import Prepared, Task, Training

__all__ = ["about_run", "make_folder", "open_folder", "prepare"]


def prepare(options: argparse.Namespace, task: Task, training: Training, progress: Progress) -> Prepared:
    """The task's learners; tells which data they hold, and what is odd about their vote sets."""
    from ..learners.voting.policy import OneClassVoteSet, SmallVoteSet, one_class_vote_sets, small_vote_sets

    with warnings.catch_warnings():
        for kind in (SmallVoteSet, OneClassVoteSet):  # said below, once for all of them
            warnings.simplefilter("ignore", kind)
        prepared = task.make_learners(
            options.n_learners, training, seed=options.seed, data_dir=options.data_dir, say=progress.stage
        )
    progress.row(f"{task.name}: {prepared.data}")
    for note in (small_vote_sets(prepared.learners), one_class_vote_sets(prepared.learners)):
        if note is not None:
            progress.row(f"note: {note}")
    return prepared


def open_folder(options: argparse.Namespace, name: str) -> Path:
    """The run's folder, which is made: the one that was asked for, else a new one of that name."""
    if options.output is None:
        options.output = new_run_folder(Path("colearn-demo"), name)
    make_folder(options.output)
    folder: Path = options.output
    return folder


def make_folder(folder: Path) -> None:
    """Raises StoreError where it can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"can't make the folder {folder}: {error.strerror or error}",
            expected="a folder that this user may write to",
            fix="give another --output",
        ) from error


def about_run(options: argparse.Namespace, task: Task, data: str) -> dict[str, Any]:
    """What a record keeps of how it was made: the options, the data, the versions."""
    from ..report.record import environment

    given = {key: value for key, value in vars(options).items() if isinstance(value, str | int | float | None)}
    given |= {"task": task.name, "data_dir": options.data_dir and str(options.data_dir), "output": str(options.output)}
    del given["list_tasks"]
    return {"command": "demo", "options": given, "data": data, **environment()}
