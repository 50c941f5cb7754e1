"""Learners of the ready-made tasks for a node: ``factory = "colearn_node.task_learner:task_learner"``."""

from __future__ import annotations

from pathlib import Path

from colearn_ledger.core.learner import Learner
from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.errors import ConfigError
from colearn_ledger.learners.privacy.ledger import PrivacyLedger
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
    epsilon: float | None = None,
    delta: float = 1e-5,
    clip: float = 1.0,
    proposals: int | None = None,
    noise_multiplier: float | None = None,
    privacy_ledger: str | None = None,
) -> Learner:
    """Learner ``index`` (from 0) of ``of``, exactly as the demo makes it of the same options.

    The data is dealt out by the seed, so members who use the same seed, ``of`` and ``alpha`` have shares without
    overlap. The other options are those of :meth:`colearn_ledger.tasks.Task.make_learners`.

    ``epsilon`` has it train with differential privacy (docs/privacy.md): it and ``delta`` are the target, ``clip`` the
    norm of a sample's gradient, and either ``noise_multiplier`` or, to compute that, ``proposals``, the number that the
    budget is to last for. ``privacy_ledger`` is the file that remembers what was spent on this member's data.

    Raises ConfigError for an index that isn't there and privacy without a ledger, UsageError and DataError as
    ``make_learners`` does.
    """
    if (epsilon is None) is not (privacy_ledger is None):
        raise ConfigError(
            "learner.options has " + ("privacy_ledger without epsilon" if epsilon is None else "no privacy_ledger"),
            expected="epsilon and privacy_ledger together",
            fix="name a file that stays: without it a restarted node forgets what its proposals have cost",
        )
    privacy = None
    if epsilon is not None:
        privacy = DiffPrivConfig(epsilon, delta, clip, noise_multiplier, proposals)
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
        privacy=privacy,
    )
    learner = prepared.learners[index]
    if privacy_ledger is not None:
        learner.privacy.ledger = PrivacyLedger(privacy_ledger)  # type: ignore[attr-defined]
    return learner
