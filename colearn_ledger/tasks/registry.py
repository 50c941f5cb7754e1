"""The tasks by name: those of this package, and those that other packages offer.

Another package offers a task by an entry point of the group ``colearn_ledger.tasks``, whose name is the task's:

    [project.entry-points."colearn_ledger.tasks"]
    WINE = "my_package.wine:TASK"
"""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import EntryPoint, entry_points

from ..errors import UsageError
from .task import Task

__all__ = ["DEFAULT_TASK", "GROUP", "get_task", "list_tasks", "task_names"]

GROUP = "colearn_ledger.tasks"
DEFAULT_TASK = "KERAS_MNIST"

# Each module has a TASK of that name. They import their framework when they make learners.
_OURS = {
    "KERAS_MNIST": "keras_mnist",
    "SKLEARN_DIGITS": "sklearn_digits",
    "FASHION": "fashion",
    "CIFAR10": "cifar10",
    "XRAY": "xray",
    "FRAUD": "fraud",
    "FRAUD_XGBOOST": "fraud_xgboost",
    "IRIS": "iris",
    "DIABETES": "diabetes",
    "LORA": "lora",
}


def _key(name: str) -> str:
    return name.strip().upper().replace("-", "_")


def _our_tasks() -> dict[str, Task]:
    found = {}
    for name, module in _OURS.items():
        task: Task = importlib.import_module(f".{module}", __package__).TASK
        found[name] = task
    return found


def _others() -> dict[str, list[EntryPoint]]:
    """The entry points of other packages, by the names that they give; a name of ours is never theirs."""
    found: dict[str, list[EntryPoint]] = {}
    # an installed package can be on the path twice, which is one offer still
    for point in sorted(set(entry_points(group=GROUP)), key=lambda p: (p.name, p.value)):
        found.setdefault(_key(point.name), []).append(point)
    return found


def _load(name: str, points: list[EntryPoint]) -> Task:
    if len({point.value for point in points}) > 1:
        raise UsageError(
            f"more than one package offers a task {name}: {', '.join(_package(p) for p in points)}",
            expected="one",
            fix="uninstall all others",
        )
    point = points[0]
    try:
        task = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the task {name} of {_package(point)} can't be loaded: {error}",
            expected=f"a Task at {point.value}",
            fix="repair or reinstall that package",
        ) from error
    if not isinstance(task, Task):
        raise UsageError(
            f"the task {name} of {_package(point)} is a {type(task).__name__}",
            expected="a colearn_ledger.tasks.Task",
            fix="ask that package's authors",
        )
    return task


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} ({point.value})" if point.dist is not None else point.value


def task_names() -> list[str]:
    """The names of all tasks, those of this package first."""
    return [*_OURS, *(name for name in _others() if name not in _OURS)]


def list_tasks() -> tuple[list[Task], list[str]]:
    """All tasks, those of this package first; and what is wrong with those that can't be used."""
    tasks, wrong = list(_our_tasks().values()), []
    for name, points in _others().items():
        if name in _OURS:
            wrong.append(f"the task {name} of {_package(points[0])} is hidden by the one of this package")
            continue
        try:
            tasks.append(_load(name, points))
        except UsageError as error:
            wrong.append(error.what)
    return tasks, wrong


def get_task(name: str) -> Task:
    """The task of that name or alias, in any case; UsageError if there is none, or it can't be loaded."""
    key = _key(name)
    ours = _our_tasks()
    if key in ours:
        return ours[key]
    aliases = {alias: task for task in ours.values() for alias in task.aliases}
    if key in aliases:
        return aliases[key]
    others = _others()
    if key in others:
        return _load(key, others[key])
    for task in list_tasks()[0]:
        if key in task.aliases:
            return task
    names = task_names()
    near = difflib.get_close_matches(key, [*names, *aliases], n=1)
    raise UsageError(
        f"there is no task {name!r}",
        expected=f"one of {', '.join(names)}",
        fix=f"did you mean {near[0]}?" if near else "choose one of these",
    )
