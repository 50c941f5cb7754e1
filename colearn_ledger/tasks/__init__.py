"""Ready-made tasks: a data set, a model, and learners that each hold a share of the data.

>>> from colearn_ledger.tasks import get_task
>>> prepared = get_task("SKLEARN_DIGITS").make_learners(3, seed=1)
>>> prepared.learners, prepared.data
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.learner import Learner
from ..errors import UsageError

__all__ = ["DEFAULT_TASK", "Prepared", "Task", "get_task", "task_names"]


@dataclass(frozen=True)
class Prepared:
    """Learners that are ready to run, and a sentence that says which data they hold."""

    learners: list[Learner]
    data: str


@dataclass(frozen=True)
class Task:
    """A task by name. What makes the learners is imported at its first use, since it brings a framework."""

    name: str
    description: str
    framework: str
    _maker: Callable[[], Callable[..., Prepared]]

    def make_learners(
        self,
        n_learners: int = 5,
        *,
        data_dir: str | Path | None = None,
        train_ratio: float | None = None,
        seed: int = 0,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> Prepared:
        """Load the data, deal it out, and make one learner for each share.

        Parameters
        ----------
        n_learners: at least two.
        data_dir: a folder with the task's data; by default the task finds its own, and says where.
        train_ratio: share of a learner's data to train on; votes and tests use the rest, half each.
        seed: fixes how the data is dealt out, the first weights, and all training.
        learning_rate, batch_size: of the training; None means the task's own.
        say: told what is being done, for people, since loading takes seconds.

        Raises
        ------
        UsageError: an argument is out of range, or the task's framework isn't installed.
        DataError: the data is missing, unreadable, or not what the task needs.
        """
        _check(n_learners >= 2, f"{n_learners} learner(s)", "at least two: one proposes, the others vote")
        _check(
            train_ratio is None or 0 < train_ratio < 1, f"the train ratio is {train_ratio}", "a number between 0 and 1"
        )
        _check(seed >= 0, f"the seed is {seed}", "0 or more")
        _check(
            learning_rate is None or 0 < learning_rate < float("inf"),
            f"the learning rate is {learning_rate}",
            "above 0",
        )
        _check(batch_size is None or batch_size >= 1, f"the batch size is {batch_size}", "1 or more")
        say(f"importing {self.framework}")
        try:
            make = self._maker()
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "colearn_ledger":
                raise
            raise UsageError(
                f"the task {self.name} needs {error.name}, which is not installed",
                expected="the packages of the demo",
                fix='pip install "colearn-ledger[demo]"',
            ) from error
        return make(
            n_learners=n_learners,
            data_dir=None if data_dir is None else Path(data_dir),
            train_ratio=train_ratio,
            seed=seed,
            learning_rate=learning_rate,
            batch_size=batch_size,
            say=say,
        )


def _keras_mnist() -> Any:
    from .keras_mnist import make_learners

    return make_learners


def _sklearn_digits() -> Any:
    from .sklearn_digits import make_learners

    return make_learners


DEFAULT_TASK = "KERAS_MNIST"
_TASKS = {
    task.name: task
    for task in (
        Task("KERAS_MNIST", "handwritten digits, a small convolutional network", "TensorFlow and Keras", _keras_mnist),
        Task("SKLEARN_DIGITS", "8x8 digits, a small neural network; quick", "scikit-learn", _sklearn_digits),
    )
}
_OTHER_NAMES = {"MNIST": "KERAS_MNIST", "DIGITS": "SKLEARN_DIGITS"}


def task_names() -> list[str]:
    """The names of all tasks."""
    return list(_TASKS)


def get_task(name: str) -> Task:
    """The task of that name, in any case."""
    key = name.strip().upper().replace("-", "_")
    task = _TASKS.get(_OTHER_NAMES.get(key, key))
    if task is None:
        near = difflib.get_close_matches(key, [*_TASKS, *_OTHER_NAMES], n=1)
        raise UsageError(
            f"there is no task {name!r}",
            expected=f"one of {', '.join(_TASKS)}",
            fix=f"did you mean {near[0]}?" if near else "choose one of these",
        )
    return task


def _check(good: bool, what: str, expected: str) -> None:
    if not good:
        raise UsageError(what, expected=expected, fix="give another value")
