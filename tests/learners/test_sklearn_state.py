"""scikit-learn estimators whose state lies deeper than in arrays of their own: walked to its numbers, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import Birch, MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler

from colearn_ledger import Bounded, EmbeddedLedger, run
from colearn_ledger.core.asking import ask_accept
from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import InvalidWeights, LearnerError, UsageError
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.tasks.split import split
from tests.kit.quick import few

X, Y = load_digits(return_X_y=True)
SHARES = split(X / 16, Y, 3, 0.5, seed=1)
Sets = list[tuple[Any, Any, Any]]


def sets(inputs: Callable[[Any], Any] = lambda x: x, targets: Callable[[Any], Any] = lambda y: y) -> Sets:
    def of(data: tuple[Any, Any]) -> tuple[Any, Any]:
        return inputs(data[0]), targets(data[1])

    return [(of(s.train), of(s.vote), of(s.test)) for s in SHARES]


def sgd() -> SGDClassifier:
    return SGDClassifier(loss="log_loss")


class Scaled(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The natural answer to "Pipeline has no partial_fit"."""

    def __init__(self) -> None:
        self.scaler, self.model = StandardScaler(), sgd()

    def partial_fit(self, x: Any, y: Any, classes: Any = None) -> Scaled:
        self.model.partial_fit(self.scaler.partial_fit(x).transform(x), y, classes=classes)
        self.classes_ = self.model.classes_
        return self

    def predict(self, x: Any) -> Any:
        return self.model.predict(self.scaler.transform(x))


class Centred(Scaled):
    """It remembers the mean of the first batch in a place of its own."""

    def partial_fit(self, x: Any, y: Any, classes: Any = None) -> Scaled:
        if not hasattr(self, "_mean"):
            self._mean = 3 * x.mean(0)
        return super().partial_fit(x - self._mean, y, classes)

    def predict(self, x: Any) -> Any:
        return super().predict(x - self._mean)


class Bare(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What it learns isn't named as scikit-learn does."""

    def partial_fit(self, x: Any, y: Any, classes: Any = None) -> Bare:
        self.classes_ = np.arange(10)
        self.w = getattr(self, "w", 0) + x.T @ (np.eye(10)[y] - 0.1)
        return self

    def predict(self, x: Any) -> Any:
        return (x @ self.w).argmax(1)


DEEP: dict[str, tuple[Callable[[], Any], Sets, Any]] = {
    "one-vs-rest": (lambda: OneVsRestClassifier(sgd()), sets(), np.arange(10)),
    "one-vs-one": (lambda: OneVsOneClassifier(sgd()), sets(), np.arange(10)),
    "outputs of a regression": (
        lambda: MultiOutputRegressor(SGDRegressor(eta0=0.001)),
        sets(targets=lambda y: np.c_[y, 2.0 * y]),
        None,
    ),
    "outputs of a classification": (
        lambda: MultiOutputClassifier(sgd()),
        sets(targets=lambda y: np.c_[y % 2, y % 3]),
        None,
    ),
    "counting naive Bayes inside": (lambda: OneVsRestClassifier(MultinomialNB()), sets(), np.arange(10)),
    "a wrapper of one's own": (Scaled, sets(), np.arange(10)),
    "pipeline": (lambda: make_pipeline(StandardScaler(), sgd()), sets(), np.arange(10)),
    "pipeline of several": (
        lambda: make_pipeline(MinMaxScaler(), PCA(20, random_state=0), sgd()),
        sets(),
        np.arange(10),
    ),
    "pipeline without a state": (lambda: make_pipeline(Normalizer(), "passthrough", sgd()), sets(), np.arange(10)),
    "texts as labels": (sgd, sets(targets=lambda y: np.array([*"abcdefghij"])[y]), [*"abcdefghij"]),
    "objects as labels": (sgd, sets(targets=lambda y: np.array([*"abcdefghij"], object)[y]), [*"abcdefghij"]),
}


def make(kind: str, **options: Any) -> list[SklearnLearner]:
    estimator, members, classes = DEEP[kind]
    return [SklearnLearner(estimator(), *m, classes=classes, seed=i, **options) for i, m in enumerate(members)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEEP)
def test_run__state_inside__travels_and_all_predict_the_same(kind: str) -> None:
    learners = make(kind)
    results = run(3, learners)
    first, last = (np.mean([s for s in r.test_scores if s is not None]) for r in (results.initial, results.rounds[-1]))
    assert any(r.accepted for r in results.rounds) and last > first
    x = learners[0].vote_set[0]
    told = [learner.predict(x) for learner in learners]
    assert all(np.array_equal(told[0], one) for one in told[1:])


@pytest.mark.slow
def test_run__a_pipeline__same_bytes_on_a_ledger() -> None:
    results = [run(2, make("pipeline"), backend=backend) for backend in (None, EmbeddedLedger())]
    assert results[0].final_sha256 == results[1].final_sha256


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one-vs-rest", "pipeline", "a wrapper of one's own", "counting naive Bayes inside"])
def test_check_learner__state_inside__keeps_the_promises(kind: str) -> None:
    learner = make(kind)[0]
    small = SklearnLearner(
        DEEP[kind][0](), *((x[:250, 20:26], y[:250]) for x, y in DEEP[kind][1][0]), classes=DEEP[kind][2]
    )
    assert check_learner(small).kept
    assert learner.steps


def test_leaf_roles__counters_inside__are_bounded_where_they_are() -> None:
    roles = make("one-vs-rest")[0].leaf_roles
    assert set(roles) == {f"/estimators_/{i}/t_" for i in range(10)} and all(
        isinstance(r, Bounded) for r in roles.values()
    )
    assert set(make("pipeline")[0].leaf_roles) == {"/steps/sgdclassifier/t_", "/steps/standardscaler/n_samples_seen_"}


def test_accept__a_scaler_that_each_fitted_on_its_own_data__is_the_accepted_one() -> None:
    one, other = (
        SklearnLearner(make_pipeline(StandardScaler(), sgd()), *m, classes=np.arange(10))
        for m in (sets()[0], sets(inputs=lambda x: 5 * x + 1)[1])
    )
    x = one.test_set[0]
    assert not np.array_equal(one.predict(x), other.predict(x))
    ask_accept(other, one.mli_get_current_weights(), schema=Schema.of(one.mli_get_current_weights().weights))
    assert np.array_equal(one.predict(x), other.predict(x))


WORDS = sets(inputs=lambda x: (x[:, 20:26] * 16).astype(int).astype(str).astype(object))
EVERY_WORD = [[str(i) for i in range(17)]] * 6
REFUSED: dict[str, tuple[Callable[[], Any], Sets, str]] = {
    "state in a place of its own": (Centred, sets(), "state that they can't carry: _mean"),
    "no name that tells": (Bare, sets(), "weights of Bare are empty"),
    "clusters in a tree": (Birch, sets(), "Birch doesn't predict by its weights alone"),
    "categories that each finds": (
        lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), sgd()),
        WORDS,
        "onehotencoder/categories_, which is no numbers, on each member's own data",
    ),
    "samples that are remembered": (lambda: make_pipeline(KNNImputer(), sgd()), sets(), "knnimputer/_fit_X"),
    "scores without a value": (lambda: make_pipeline(SelectKBest(k=30), sgd()), sets(), "selectkbest.scores_"),
    "a last step that fits at once": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        sets(),
        "no partial_fit",
    ),
    "a solver that fits at once": (lambda: MLPClassifier(solver="lbfgs"), sets(), "solver 'lbfgs'"),
    "a step that fails": (lambda: make_pipeline(PCA(500), sgd()), sets(), r"step 'pca' \(PCA\) can't prepare"),
    "averages inside": (lambda: OneVsRestClassifier(SGDClassifier(average=True)), sets(), "averages its weights"),
    "no score": (lambda: IncrementalPCA(2), sets(), "no score to vote by"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_init__state_that_weights_cannot_carry__is_refused_by_name(kind: str) -> None:
    estimator, members, words = REFUSED[kind]
    options: dict[str, Any] = {} if kind == "no score" else {"criterion": lambda estimator, x, y: 0.5}
    with pytest.raises(LearnerError, match=words):
        SklearnLearner(estimator(), *members[0], classes=np.arange(10), **options)


def test_accept__categories_that_were_given_alike_or_not__taken_or_refused() -> None:
    def one(member: int, categories: Any) -> SklearnLearner:
        pipeline = make_pipeline(OneHotEncoder(categories=categories, handle_unknown="ignore"), sgd())
        return SklearnLearner(pipeline, *WORDS[member], classes=np.arange(10))

    learner = one(0, EVERY_WORD)
    one(1, EVERY_WORD).mli_accept_weights(learner.mli_get_current_weights())
    with pytest.raises(InvalidWeights, match="other labels, or whose pipeline fitted other categories"):
        one(1, [[*words[:16], "x"] for words in EVERY_WORD]).mli_accept_weights(learner.mli_get_current_weights())


def test_run__clusters__carry_no_labels_of_a_batch_and_get_closer() -> None:
    learners = [SklearnLearner(MiniBatchKMeans(10), *m, seed=i) for i, m in enumerate(sets())]
    assert set(learners[0].mli_get_current_weights().weights) == {"cluster_centers_"}
    results = run(3, learners)
    assert any(r.accepted for r in results.rounds)


@few(1, "kind", [MultinomialNB, BernoulliNB, ComplementNB])
def test_run__naive_bayes_whose_first_rows_lack_a_class__learns(kind: Any) -> None:
    rng = np.random.default_rng(0)

    def member() -> tuple[Any, Any, Any]:
        y = np.r_[np.zeros(40, int), rng.integers(0, 2, 960)]
        x = rng.poisson(1 + y[:, None] * np.arange(10) / 5)
        return (x[:400], y[:400]), (x[400:700], y[400:700]), (x[700:], y[700:])

    members = [member() for _ in range(3)]
    members[1] = ((members[1][0][0][:40], members[1][0][1][:40]), *members[1][1:])  # it has one class alone
    results = run(4, [SklearnLearner(kind(), *m, classes=[0, 1], seed=i) for i, m in enumerate(members)])
    assert any(r.accepted for r in results.rounds)


def test_init__classes_for_outputs__one_list_each() -> None:
    estimator, members, _ = DEEP["outputs of a classification"]
    SklearnLearner(estimator(), *members[0], classes=[[0, 1], [0, 1, 2]])
    with pytest.raises(UsageError, match="1 outputs, and there are 2"):
        SklearnLearner(estimator(), *members[0], classes=[[0, 1]])


@pytest.mark.parametrize("forest", [False, True])
def test_accept__as_many_labels_but_not_the_same__is_refused(forest: bool) -> None:
    def make(labels: Any) -> Any:
        x, y = X[:300] / 16, np.asarray(labels)[Y[:300] % 3]
        if forest:
            return ForestLearner(RandomForestClassifier(max_leaf_nodes=4), (x, y), (x, y), (x, y), steps_per_round=1)
        return SklearnLearner(sgd(), (x, y), (x, y), (x, y))

    plain, odd, words, others = (make(labels) for labels in ([0, 1, 2], [0, 1, 3], [*"abc"], [*"abd"]))
    assert "fixed_sha256" not in plain.mli_get_current_weights().weights
    make([*"abc"]).mli_accept_weights(words.mli_get_current_weights())
    with pytest.raises(InvalidWeights, match="fixed_sha256"):
        odd.mli_accept_weights(plain.mli_get_current_weights())
    with pytest.raises(InvalidWeights, match="other labels"):
        others.mli_accept_weights(words.mli_get_current_weights())
