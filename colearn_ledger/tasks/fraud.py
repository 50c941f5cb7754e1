"""Payments that go bad, by what a bank knows of them: a small neural network, scored by the area under its curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from colearn_ledger.tasks import SKLEARN, Options, Prepared, Task
from colearn_ledger.tasks.fraud_data import load_payments
from colearn_ledger.tasks.scores import area_under_curve
from colearn_ledger.tasks.split import skew

__all__ = ["TASK", "make_learners"]

# Bad payments, and good ones, in each part of each share: without any there is no curve.
EACH = 5


def _auc(model: Any, x: Any, y: Any) -> float:
    return area_under_curve(y, model.predict_proba(x)[:, 1])


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the payments that the folder holds."""
    from sklearn.neural_network import MLPClassifier

    from colearn_ledger.learners.sklearn import SklearnLearner

    assert options.data_dir is not None, "the task says that it must have a folder"
    options.say("loading the payments")
    data = load_payments(options.data_dir)
    shares = options.deal(data.x, data.y, each_class=EACH)
    return Prepared(
        [
            SklearnLearner(
                MLPClassifier((32,), alpha=0.001, learning_rate_init=options.learning_rate),
                share.train,
                share.vote,
                share.test,
                classes=np.arange(2),
                scorer=_auc,
                criterion="AUC",
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"{data.source}{skew(shares, options.alpha)}",
    )


TASK = Task(
    name="FRAUD",
    description="payments that go bad, a small neural network",
    framework=SKLEARN,
    data="a folder (UCI, ULB or IEEE-CIS)",
    metric="AUC",
    learning_rate=0.001,
    batch_size=64,
    epochs=1,
    folder="must",
    make=make_learners,
)
