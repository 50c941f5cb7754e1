"""What a vote is by means one thing in all learners, and what can't be computed is refused when a learner is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import (
    brier_score_loss,
    fbeta_score,
    get_scorer,
    hamming_loss,
    log_loss,
    make_scorer,
    mean_absolute_error,
    roc_auc_score,
)
from sklearn.preprocessing import StandardScaler

from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.voting.criteria import criterion_of
from tests.kit.quick import few

X, Y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
SETS = (X[:200], Y[:200]), (X[200:400], Y[200:400]), (X[400:], Y[400:])


def sgd(**options: Any) -> SklearnLearner:
    return SklearnLearner(SGDClassifier(loss="log_loss"), *SETS, classes=[0, 1], batch_size=50, **options)


def forest(**options: Any) -> ForestLearner:
    estimator = RandomForestClassifier(max_leaf_nodes=8)
    return ForestLearner(estimator, *SETS, classes=[0, 1], steps_per_round=3, max_trees=10, **options)


def boosted(**options: Any) -> Any:
    pytest.importorskip("xgboost", reason="XGBoost is not installed")
    from colearn_ledger.learners.xgboost import XGBoostLearner

    return XGBoostLearner({"objective": "binary:logistic", "max_depth": 2}, *SETS, steps_per_round=2, **options)


LEARNERS: list[Callable[..., Any]] = [sgd, forest, boosted]


def share_of(learner: Any, x: Any) -> Any:
    """What the criterion goes by, such as a probability."""
    model = learner.model
    return model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else learner.predict(x)


def order_of(learner: Any, x: Any) -> Any:
    return learner.model.decision_function(x) if hasattr(learner.model, "decision_function") else share_of(learner, x)


def named(given: Any) -> str:
    return getattr(given, "__name__", given)


@pytest.mark.parametrize("make", LEARNERS)
@few(
    1,
    "given",
    ["roc_auc", roc_auc_score, get_scorer("roc_auc"), "AUC"],
    ids=["name", "function", "scorer", "usual name"],
)
def test_criterion__area_under_the_curve_in_any_word__is_what_the_vote_is_by(make: Any, given: Any) -> None:
    if make is boosted and hasattr(given, "_score_func"):
        given = make_scorer(roc_auc_score, response_method="predict_proba")
    for words in ({"criterion": given}, {"scorer": given, "criterion": "mine"}):
        learner = make(**words)
        learner.mli_accept_weights(learner.mli_propose_weights())
        judged = learner.mli_test_weights(learner.mli_propose_weights())
        learner.mli_accept_weights(judged.weights)
        x, y = SETS[2]
        assert judged.test_value == pytest.approx(roc_auc_score(y, order_of(learner, x)))
        assert judged.criterion == ("mine" if len(words) == 2 else given if isinstance(given, str) else "roc_auc_score")


@pytest.mark.parametrize("make", LEARNERS)
@pytest.mark.parametrize("given", ["neg_log_loss", log_loss, brier_score_loss, hamming_loss], ids=named)
def test_criterion__of_which_less_is_better__is_turned(make: Any, given: Any) -> None:
    learner = make(criterion=given)
    learner.mli_accept_weights(learner.mli_propose_weights())
    x, y = SETS[2]
    share = share_of(learner, x)
    function = log_loss if isinstance(given, str) else given
    wanted = -function(y, share > 0.5 if given is hamming_loss else share)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote_value < 0
    assert learner.evaluate(learner.test_set).score == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("make", LEARNERS)
def test_criterion__a_function_that_nobody_knows__must_be_told(make: Any) -> None:
    def mine(y: Any, guess: Any) -> float:
        return float(np.mean(np.abs(y - guess)))

    with pytest.raises(UsageError, match="nobody knows whether more of the criterion 'mine' is better"):
        make(criterion=mine)
    down, up = make(criterion=mine, higher_is_better=False), make(criterion=mine, higher_is_better=True)
    assert down.evaluate(down.vote_set).score == -up.evaluate(up.vote_set).score != 0


@pytest.mark.parametrize("make", LEARNERS)
def test_criterion__one_that_has_no_parts_and_a_paired_test__is_refused_at_once(make: Any) -> None:
    with pytest.raises(LearnerError, match="needs outcomes sample by sample"):
        make(criterion="roc_auc", vote_policy="paired")
    if make is not boosted:
        assert make(criterion="accuracy", vote_policy="paired").evaluate(SETS[1], outcomes=True).outcomes is not None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", LEARNERS)
def test_criterion__no_value_on_a_vote_set_of_one_class__is_refused_at_once(make: Any, monkeypatch: Any) -> None:
    ones = SETS[1][1] == 1
    monkeypatch.setitem(globals(), "SETS", (SETS[0], (SETS[1][0][ones], SETS[1][1][ones]), SETS[2]))
    with pytest.raises(LearnerError, match=r"no value \(NaN\) on the vote set, whose samples all have the same target"):
        make(criterion="roc_auc")


@pytest.mark.parametrize("given", ["area", "score_", 7, ""])
def test_criterion__no_word_of_anybodys__is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="the criterion is"):
        sgd(criterion=given)


def test_criterion__of_a_regression__by_its_words_and_not_an_accuracy() -> None:
    x, y = load_diabetes(return_X_y=True)
    sets = (x[:200], y[:200]), (x[200:400], y[200:400]), (x[400:], y[400:])
    learner = SklearnLearner(SGDRegressor(), *sets, criterion=mean_absolute_error, vote_policy="paired")
    found = learner.evaluate(sets[1], outcomes=True)
    assert found.outcomes is not None and found.score == pytest.approx(found.outcomes.mean()) and found.score < 0
    assert SklearnLearner(SGDRegressor(), *sets).evaluate(sets[1]).criterion == "R2"
    with pytest.raises(LearnerError, match="the criterion 'accuracy' can't be computed"):
        SklearnLearner(SGDRegressor(), *sets, criterion="accuracy")


def test_criterion_of__arguments__tell_a_scorer_from_a_function() -> None:
    assert criterion_of(lambda estimator, x, y: 1.0).function is None
    assert criterion_of(lambda estimator, X, y=None: 1.0).function is None
    assert criterion_of(lambda y, guess, eps=0.1: 1.0, higher_is_better=True).scorer is None
    half = criterion_of(partial(fbeta_score, beta=0.5))
    assert (half.sign, half.wants, half.name) == (1, "labels", "fbeta_score")
    with pytest.raises(UsageError, match="more is better"):
        criterion_of(fbeta_score, higher_is_better=False)
    with pytest.raises(UsageError, match="more is better"):
        criterion_of("f1", higher_is_better=False)
