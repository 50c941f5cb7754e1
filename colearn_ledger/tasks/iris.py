"""Iris: three kinds of flowers by four measures, and a linear model. Tiny: a round takes milliseconds.

The file to copy for a task of one's own with scikit-learn; docs/tasks.md says how to make it known.
"""

from __future__ import annotations

import numpy as np

from colearn_ledger.tasks import SKLEARN, Options, Prepared, Task
from colearn_ledger.tasks.split import skew

__all__ = ["TASK", "make_learners"]

# Centimetres of sepal length and width, petal length and width. Fixed numbers, and not the mean and deviation of a
# learner's own data: all learners must feed the model alike, and none may tell the others about its data.
CENTRE = np.array([5.8, 3.1, 3.8, 1.2])
SCALE = np.array([0.8, 0.4, 1.8, 0.8])


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the flowers."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import SGDClassifier

    from colearn_ledger.learners.sklearn import SklearnLearner

    options.say("loading the flowers")
    x, y = load_iris(return_X_y=True)
    x = (x - CENTRE) / SCALE
    shares = options.deal(x, y)
    return Prepared(
        [
            SklearnLearner(
                SGDClassifier(loss="log_loss", learning_rate="constant", eta0=options.learning_rate),
                share.train,
                share.vote,
                share.test,
                classes=np.arange(3),
                criterion="accuracy",
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"scikit-learn's iris, {len(x)} flowers{skew(shares, options.alpha)}",
    )


TASK = Task(
    name="IRIS",
    description="kinds of iris by four measures, a linear model; tiny",
    framework=SKLEARN,
    data="inside scikit-learn (150)",
    metric="accuracy",
    learning_rate=0.05,
    batch_size=10,
    epochs=2,
    # with five learners each has thirty flowers: ten to train on, ten to vote with, ten to test
    train_ratio=1 / 3,
    folder="can't",
    make=make_learners,
)
