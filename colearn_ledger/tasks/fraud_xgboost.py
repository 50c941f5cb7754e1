"""FRAUD with gradient-boosted trees: each proposal adds some to those that were accepted."""

from __future__ import annotations

from colearn_ledger.tasks import XGBOOST, Options, Prepared, Task
from colearn_ledger.tasks.fraud import EACH
from colearn_ledger.tasks.fraud_data import load_payments
from colearn_ledger.tasks.scores import area_under_curve
from colearn_ledger.tasks.split import skew

__all__ = ["TASK", "make_learners"]


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the payments that the folder holds."""
    from colearn_ledger.learners.xgboost import XGBoostLearner

    assert options.data_dir is not None, "the task says that it must have a folder"
    options.say("loading the payments")
    data = load_payments(options.data_dir)
    shares = options.deal(data.x, data.y, each_class=EACH)
    parameters = {"objective": "binary:logistic", "eta": options.learning_rate, "max_depth": 4, "min_child_weight": 5}
    return Prepared(
        [
            XGBoostLearner(
                parameters,
                share.train,
                share.vote,
                share.test,
                scorer=area_under_curve,
                higher_is_better=True,
                criterion="AUC",
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"{data.source}{skew(shares, options.alpha)}",
    )


TASK = Task(
    name="FRAUD_XGBOOST",
    description="payments that go bad, gradient-boosted trees",
    framework=XGBOOST,
    data="a folder (UCI, ULB or IEEE-CIS)",
    metric="AUC",
    learning_rate=0.1,
    batch_size=None,
    steps=5,
    folder="must",
    make=make_learners,
)
