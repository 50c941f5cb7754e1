"""Learners of the ready-made tasks for a node: ``factory = "colearn_node.task_learner:task_learner"``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colearn_ledger.core.learner import Learner
from colearn_ledger.errors import ConfigError
from colearn_ledger.learners.privacy.ledger import PrivacyLedger
from colearn_ledger.tasks import Training, get_task

__all__ = ["task_learner"]


def task_learner(
    *,
    index: int,
    of: int,
    task: str = "KERAS_MNIST",
    seed: int = 0,
    data_dir: str | None = None,
    privacy_ledger: str | None = None,
    **training: Any,
) -> Learner:
    """Learner ``index`` (from 0) of ``of``, exactly as the demo makes it of the same options.

    The data is dealt out by the seed, so members who use the same seed, ``of`` and ``alpha`` have shares without
    overlap. ``training`` are the fields of :class:`colearn_ledger.tasks.Training`, such as ``learning_rate`` and
    ``vote_policy``. ``epsilon`` among them has it train with differential privacy (docs/privacy.md), and
    ``privacy_ledger`` is then the file that remembers what was spent on this member's data.

    Raises ConfigError for an index that isn't there and privacy without a ledger, UsageError and DataError as
    ``make_learners`` does.
    """
    options = Training.of(training)
    if (options.epsilon is None) is not (privacy_ledger is None):
        raise ConfigError(
            "learner.options has " + ("privacy_ledger without epsilon" if privacy_ledger else "no privacy_ledger"),
            expected="epsilon and privacy_ledger together",
            fix="name a file that stays: without it a restarted node forgets what its proposals have cost",
        )
    if not 0 <= index < of:
        raise ConfigError(f"learner.options.index is {index}", expected=f"0 to {of - 1}, since of is {of}")
    prepared = get_task(task).make_learners(
        of, options, seed=seed, data_dir=None if data_dir is None else Path(data_dir).expanduser()
    )
    learner = prepared.learners[index]
    if privacy_ledger is not None:
        learner.privacy.ledger = PrivacyLedger(privacy_ledger)  # type: ignore[attr-defined]
    return learner
