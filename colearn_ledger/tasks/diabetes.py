"""How far diabetes has gone after a year, by ten measures at its start: a linear regression."""

from __future__ import annotations

import numpy as np

from colearn_ledger.tasks import SKLEARN, Options, Prepared, Task
from colearn_ledger.tasks.split import skew

__all__ = ["TASK", "make_learners"]

# Age in years, sex (1, 2), body mass index, blood pressure, six blood values: their usual size and spread, as fixed
# numbers. scikit-learn offers the data scaled by all patients' deviations, which no owner of a part of them would know.
CENTRE = np.array([48.0, 1.5, 26.0, 95.0, 190.0, 115.0, 50.0, 4.0, 4.6, 91.0])
SCALE = np.array([13.0, 0.5, 4.5, 14.0, 35.0, 30.0, 13.0, 1.3, 0.5, 11.5])
TARGET_CENTRE, TARGET_SCALE = 150.0, 75.0


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the patients."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import SGDRegressor

    from colearn_ledger.learners.sklearn import SklearnLearner

    options.say("loading the patients")
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x, y = (x - CENTRE) / SCALE, (y - TARGET_CENTRE) / TARGET_SCALE
    shares = options.deal(x, y, values=True)
    return Prepared(
        [
            SklearnLearner(
                SGDRegressor(alpha=0.01, learning_rate="constant", eta0=options.learning_rate),
                share.train,
                share.vote,
                share.test,
                criterion="R2",
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"scikit-learn's diabetes, {len(x)} patients{skew(shares, options.alpha, values=True)}",
    )


TASK = Task(
    name="DIABETES",
    description="progress of diabetes by ten measures, a linear regression; tiny",
    framework=SKLEARN,
    data="inside scikit-learn (442)",
    metric="R2",
    learning_rate=0.005,
    batch_size=10,
    epochs=2,
    train_ratio=0.5,
    folder="can't",
    make=make_learners,
)
