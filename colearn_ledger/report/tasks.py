"""The tasks as a table for people."""

from __future__ import annotations

from ..tasks import Task, list_tasks
from .columns import Column, columns

__all__ = ["tasks_table"]

_COLUMNS = [Column(name) for name in ("task", "score", "-l", "-b", "a round", "-r", "made with")]


def _row(task: Task) -> tuple[str, ...]:
    ratio = "0.6 or 0.8" if task.train_ratio is None else f"{task.train_ratio:.2g}"
    batch = "-" if task.batch_size is None else str(task.batch_size)
    amount = "-" if task.epochs is task.steps is None else f"{task.steps} steps" if task.epochs is None else ""
    epochs = f"{task.epochs} epoch{'s' if task.epochs != 1 else ''}"
    return (task.name, task.metric, f"{task.learning_rate:g}", batch, amount or epochs, ratio, task.framework.title)


def tasks_table() -> tuple[str, list[str]]:
    """All tasks with their defaults, what each is and where its data is from; and what is wrong with others."""
    tasks, wrong = list_tasks()
    header, *lines = columns(_COLUMNS, [_row(task) for task in tasks])
    blocks = [header]
    for task, line in zip(tasks, lines, strict=True):
        also = f" (also called {', '.join(task.aliases)})" if task.aliases else ""
        blocks.append(f"{line}\n    {task.description}{also}\n    data: {task.data}")
    return "\n".join(blocks), wrong
