"""The tasks as a table for people."""

from __future__ import annotations

from .registry import list_tasks
from .task import Task

__all__ = ["table"]

_HEAD = ("task", "score", "-l", "-b", "-r", "made with")


def _row(task: Task) -> tuple[str, ...]:
    ratio = "0.6 or 0.8" if task.train_ratio is None else f"{task.train_ratio:.2g}"
    batch = "-" if task.batch_size is None else str(task.batch_size)
    return (task.name, task.metric, f"{task.learning_rate:g}", batch, ratio, task.framework.title)


def table() -> tuple[str, list[str]]:
    """All tasks with their defaults, what each is and where its data is from; and what is wrong with others."""
    tasks, wrong = list_tasks()
    rows = [_HEAD, *(_row(task) for task in tasks)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    blocks = [lines[0]]
    for task, line in zip(tasks, lines[1:], strict=True):
        also = f" (also called {', '.join(task.aliases)})" if task.aliases else ""
        blocks.append(f"{line}\n    {task.description}{also}\n    data: {task.data}")
    return "\n".join(blocks), wrong
