"""scikit-learn's own 8x8 digits and a small neural network: a task of a second or two."""

from __future__ import annotations

import numpy as np

from colearn_ledger.tasks import SKLEARN, Options, Prepared, Task
from colearn_ledger.tasks.split import skew

__all__ = ["TASK", "make_learners"]


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the digits."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    from colearn_ledger.learners.sklearn import SklearnLearner

    options.say("loading the digits")
    x, y = load_digits(return_X_y=True)
    shares = options.deal(x / 16, y)
    return Prepared(
        [
            SklearnLearner(
                MLPClassifier((32,), learning_rate_init=options.learning_rate),
                share.train,
                share.vote,
                share.test,
                classes=np.arange(10),
                criterion="accuracy",
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"scikit-learn's digits, {len(x):,} of them{skew(shares, options.alpha)}",
    )


TASK = Task(
    name="SKLEARN_DIGITS",
    aliases=("DIGITS",),
    description="8x8 digits, a small neural network; quick",
    framework=SKLEARN,
    data="inside scikit-learn (1,797)",
    metric="accuracy",
    learning_rate=0.003,
    batch_size=32,
    epochs=3,
    train_ratio=0.5,
    folder="can't",
    make=make_learners,
)
