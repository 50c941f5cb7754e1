"""Learners of the ready-made tasks, for a node's configuration: ``factory = "colearn_node.learners:task_learner"``."""

from __future__ import annotations

from pathlib import Path

from colearn_ledger.core.learner import Learner
from colearn_ledger.errors import ConfigError
from colearn_ledger.tasks import get_task

__all__ = ["task_learner"]


def task_learner(
    *,
    index: int,
    of: int,
    task: str = "KERAS_MNIST",
    seed: int = 0,
    data_dir: str | None = None,
    train_ratio: float | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    alpha: float | None = None,
    vote_policy: str = "not-worse",
) -> Learner:
    """Learner ``index`` (from 0) of ``of``, exactly as the demo makes it of the same options.

    The data is dealt out by the seed, so members who use the same seed, ``of`` and ``alpha`` have shares without
    overlap. The other options are those of :meth:`colearn_ledger.tasks.Task.make_learners`.

    Raises ConfigError for an index that isn't there, UsageError and DataError as ``make_learners`` does.
    """
    if not 0 <= index < of:
        raise ConfigError(f"learner.options.index is {index}", expected=f"0 to {of - 1}, since of is {of}")
    prepared = get_task(task).make_learners(
        of,
        data_dir=None if data_dir is None else Path(data_dir).expanduser(),
        train_ratio=train_ratio,
        seed=seed,
        learning_rate=learning_rate,
        batch_size=batch_size,
        alpha=alpha,
        vote_policy=vote_policy,
    )
    return prepared.learners[index]
