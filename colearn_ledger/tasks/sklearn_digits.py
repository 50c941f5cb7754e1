"""scikit-learn's own 8x8 digits and a small neural network: a task of a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from ..core.learner import Learner
from ..errors import UsageError
from ..learners.sklearn import SklearnLearner
from . import Prepared
from .split import split

__all__ = ["make_learners"]


def make_learners(
    n_learners: int,
    data_dir: Path | None,
    train_ratio: float | None,
    seed: int,
    learning_rate: float | None,
    batch_size: int | None,
    say: Callable[[str], None] = lambda text: None,
) -> Prepared:
    """Make the learners; see :meth:`colearn_ledger.tasks.Task.make_learners`."""
    if data_dir is not None:
        raise UsageError(
            "SKLEARN_DIGITS was given a data folder",
            expected="none: its data is inside scikit-learn",
            fix="leave --data_dir out, or choose KERAS_MNIST",
        )
    say("loading the digits")
    x, y = load_digits(return_X_y=True)
    shares = split(x / 16, y, n_learners, 0.5 if train_ratio is None else train_ratio, seed)
    learners: list[Learner] = [
        SklearnLearner(
            MLPClassifier((32,), learning_rate_init=0.003 if learning_rate is None else learning_rate),
            share.train,
            share.vote,
            share.test,
            classes=np.arange(10),
            epochs=3,
            batch_size=32 if batch_size is None else batch_size,
            criterion="accuracy",
            seed=seed + i,
        )
        for i, share in enumerate(shares)
    ]
    return Prepared(learners, f"scikit-learn's digits, {len(x):,} of them")
