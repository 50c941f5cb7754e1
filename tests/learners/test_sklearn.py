"""The scikit-learn learner on scikit-learn's digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import CHANGES_NOTHING
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import DataError, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.voting.policy import VoteRule
from colearn_ledger.tasks.split import split
from tests.kit.learners import assert_trains_the_same_after_a_restart

X, Y = load_digits(return_X_y=True)
ESTIMATORS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: SGDClassifier(loss="log_loss"),
    "perceptron": Perceptron,
    "mlp": lambda: MLPClassifier((32,), learning_rate_init=0.005),
    "gaussian": GaussianNB,
    "multinomial": MultinomialNB,
    "regressor": lambda: SGDRegressor(eta0=0.001),
}


def make(kind: str = "sgd", n: int = 3, **options: Any) -> list[SklearnLearner]:
    classes = None if kind == "regressor" else np.arange(10)
    return [
        SklearnLearner(ESTIMATORS[kind](), s.train, s.vote, s.test, classes=classes, batch_size=64, seed=i, **options)
        for i, s in enumerate(split(X / 16, Y, n, 0.5, seed=1))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_check_learner__each_estimator__keeps_the_promises(kind: str) -> None:
    check_learner(make(kind)[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_run__each_estimator__same_seed_same_bytes(kind: str) -> None:
    assert run(4, make(kind)).final_sha256 == run(4, make(kind)).final_sha256


@pytest.mark.parametrize("kind", ["sgd", "mlp", "gaussian"])
def test_propose__after_a_restart__trains_the_same(kind: str) -> None:
    assert_trains_the_same_after_a_restart(make(kind)[0], make(kind)[0])


def test_propose__other_round__other_order() -> None:
    learner = make()[0]
    learner.mli_begin_round(1)
    first = encode(learner.mli_propose_weights().weights)
    learner.mli_begin_round(2)
    assert encode(learner.mli_propose_weights().weights) != first
    learner.mli_begin_round(1)
    assert encode(learner.mli_propose_weights().weights) == first


def test_run__mlp__learns_digits_that_no_learner_trained_on() -> None:
    results = run(10, make("mlp", epochs=4))
    scores = [s for s in results.rounds[-1].test_scores if s is not None]
    assert min(scores) > 0.8
    assert max(s for s in results.initial.test_scores if s is not None) < 0.4


def test_vote__default__approves_what_is_not_worse_and_strict_does_not() -> None:
    for rule, approves in (
        ("not worse", True),
        ("strict", False),
        (VoteRule(margin=0.1), False),
        (VoteRule(margin=-0.1), True),
    ):
        learner = make(vote_rule=rule)[0]
        now = learner.mli_get_current_weights().weights
        judged = learner.mli_test_weights(Weights({**now, "intercept_": now["intercept_"] + 1e-9}))
        assert judged.vote_score == judged.current_score
        assert judged.vote is approves
        same = learner.mli_test_weights(Weights(now))
        assert same.vote is False and same.record is not None and (same.record.reason == CHANGES_NOTHING) is approves


def test_vote__worse_weights__rejected_and_current_score_reported() -> None:
    learner = make()[0]
    learner.mli_begin_round(1)
    learner.mli_accept_weights(learner.mli_propose_weights())
    good = learner.mli_get_current_weights().weights
    judged = learner.mli_test_weights(Weights({**good, "coef_": -good["coef_"]}))
    assert judged.vote is False
    assert judged.current_score is not None
    assert judged.current_score > 0.5 > judged.vote_value


def test_scorer__given__is_what_is_voted_by() -> None:
    learner = make(scorer=lambda estimator, x, y: -7.0)[0]
    assert learner.mli_test_weights(learner.mli_get_current_weights()).vote_score == -7.0


def test_accept__weights_that_do_not_fit__refused_and_nothing_changed() -> None:
    learner = make()[0]
    before = encode(learner.mli_get_current_weights().weights)
    good = learner.mli_get_current_weights().weights
    for bad in (
        [1],
        {},
        {**good, "coef_": good["coef_"][:, :-1]},
        {**good, "coef_": good["coef_"].astype(np.float32)},
        {**good, "extra_": good["coef_"]},
    ):
        with pytest.raises(SchemaMismatch):
            learner.mli_accept_weights(Weights(bad))
    assert encode(learner.mli_get_current_weights().weights) == before


def test_init__estimator_that_cannot_go_on__refused() -> None:
    data = (X[:50], Y[:50])
    with pytest.raises(LearnerError, match="partial_fit"):
        SklearnLearner(LinearRegression(), data, data, data)
    with pytest.raises(LearnerError, match="average"):
        SklearnLearner(SGDClassifier(average=True), data, data, data)
    with pytest.raises(UsageError, match="vote set"):
        SklearnLearner(SGDClassifier(), data, (X[:0], Y[:0]), data)
    with pytest.raises(UsageError, match="epochs"):
        SklearnLearner(SGDClassifier(), data, data, data, epochs=0)
    with pytest.raises(UsageError, match="vote rule"):
        SklearnLearner(SGDClassifier(), data, data, data, vote_rule="kind")


@pytest.mark.parametrize("score", [float("nan"), 0.5])
def test_vote_rule__nan__never_approved(score: float) -> None:
    assert not VoteRule().approves(score, float("nan"))
    assert not VoteRule(strict=True).approves(score, float("nan"))
    with pytest.raises(UsageError):
        VoteRule(margin=float("nan"))


@pytest.mark.parametrize("kind", ["sgd", "regressor"])
def test_evaluate__outcomes__order_models_as_the_score_does(kind: str) -> None:
    learner = make(kind)[0]
    found = []
    for _ in range(2):
        one = learner.evaluate(learner.vote_set, outcomes=True)
        assert one.outcomes is not None and len(one.outcomes) == one.samples == learner.vote_samples
        if kind == "sgd":
            assert one.outcomes.dtype == np.bool_ and one.outcomes.mean() == one.score
        found.append((one.score, one.outcomes.mean()))
        learner.mli_accept_weights(learner.mli_propose_weights())
    assert found[0][0] < found[1][0] and found[0][1] < found[1][1]
    assert learner.evaluate(learner.vote_set).outcomes is None


def test_optimizer_state__keep__only_where_there_is_one() -> None:
    kept, reset = make("mlp", optimizer_state="keep")[0], make("mlp")[0]
    for learner in (kept, reset):
        learner.mli_begin_round(1)
        learner.mli_propose_weights()
        learner.mli_begin_round(2)
    assert encode(kept.mli_propose_weights().weights) != encode(reset.mli_propose_weights().weights)
    with pytest.raises(UsageError, match="GaussianNB has no optimizer"):
        make("gaussian", optimizer_state="keep")


def test_init__label_that_classes_lacks__refused() -> None:
    with pytest.raises(UsageError, match="labels"):
        SklearnLearner(SGDClassifier(), (X, Y), (X, Y), (X, Y), classes=[0, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which, name", [(0, "train"), (1, "vote"), (2, "test")])
def test_init__a_value_that_is_not_finite_in_any_set__is_told_at_once(bad: float, which: int, name: str) -> None:
    sets = [(X[i::3].copy(), Y[i::3]) for i in range(3)]
    sets[which][0][-1, -1] = bad
    with pytest.raises(DataError, match=f"1 values of the inputs of the {name} set are NaN"):
        SklearnLearner(SGDClassifier(), *sets)
    sparse = [(csr_matrix(x), y) for x, y in sets]
    with pytest.raises(DataError, match="NaN or infinite"):
        SklearnLearner(SGDClassifier(), *sparse)


def test_init__targets_that_are_not_finite_or_lists__are_told() -> None:
    sets: Any = [(X[i::3], np.float64(Y[i::3])) for i in range(3)]
    sets[1][1][0] = np.nan
    with pytest.raises(DataError, match="targets of the vote set are NaN"):
        SklearnLearner(SGDRegressor(), *sets)
    for part, named in enumerate(("inputs", "targets")):
        lists = [tuple(v.tolist() if i == part else v for i, v in enumerate((X[j::3], Y[j::3]))) for j in range(3)]
        with pytest.raises(DataError, match=f"the {named} of the train set are a list"):
            SklearnLearner(SGDClassifier(), *lists)


def test_init__an_estimator_of_ones_own_that_takes_nan__is_let() -> None:
    class Fills(SGDClassifier):
        def partial_fit(self, x: Any, y: Any, **more: Any) -> Any:
            return super().partial_fit(np.nan_to_num(x), y, **more)

        def predict(self, x: Any) -> Any:
            return super().predict(np.nan_to_num(x))

    sets = [(X[i::3].copy(), Y[i::3]) for i in range(3)]
    sets[0][0][0, 0] = np.nan
    SklearnLearner(Fills(), *sets).mli_propose_weights()


def test_init__training_that_diverges__says_what_to_do() -> None:
    with pytest.raises(LearnerError, match="the training of SGDRegressor diverged"):
        SklearnLearner(SGDRegressor(eta0=1e300), *[(X[i::3], Y[i::3]) for i in range(3)])
