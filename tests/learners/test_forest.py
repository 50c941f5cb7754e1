"""Forests of scikit-learn as arrays, and the learner that grows them, on scikit-learn's own data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import CHANGES_NOTHING
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.trees.tree_arrays import ForestShape, forest_arrays, forest_trees
from colearn_ledger.tasks.split import split
from tests.kit.learners import assert_trains_the_same_after_a_restart
from tests.kit.quick import few

KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "random forest": (RandomForestClassifier, load_breast_cancer),
    "extra trees": (ExtraTreesClassifier, load_iris),
    "random forest regressor": (RandomForestRegressor, load_diabetes),
    "extra trees regressor": (ExtraTreesRegressor, load_diabetes),
}


def make(kind: str = "random forest", n: int = 3, **options: Any) -> list[ForestLearner]:
    forest, load = KINDS[kind]
    x, y = load(return_X_y=True)
    classes = None if "regressor" in kind else np.unique(y)
    options = {"steps_per_round": 3, "max_trees": 20, "classes": classes, **options}
    return [
        ForestLearner(forest(max_leaf_nodes=16), s.train, s.vote, s.test, seed=i, **options)
        for i, s in enumerate(split(x, y, n, 0.5, seed=1))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_check_learner__each_forest__keeps_the_promises(kind: str) -> None:
    check_learner(make(kind)[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_run__each_forest__learns_and_repeats(kind: str) -> None:
    first, second = run(5, make(kind)), run(5, make(kind))
    assert first.final_sha256 == second.final_sha256
    assert [r.weights_sha256 for r in first.rounds] == [r.weights_sha256 for r in second.rounds]
    last = next(r for r in reversed(first.rounds) if r.accepted)
    before, after = (np.mean([s for s in r.test_scores if s is not None]) for r in (first.initial, last))
    assert after > before
    assert after > (0.3 if "regressor" in kind else 0.85)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [False, True])
def test_arrays__there_and_back__predictions_are_identical(kind: str, missing: bool) -> None:
    forest, load = KINDS[kind]
    x, y = load(return_X_y=True)
    if missing:
        x[np.random.default_rng(0).random(x.shape) < 0.1] = np.nan
    fitted = forest(20, max_leaf_nodes=32, random_state=3).fit(x, y)
    trees = fitted.estimators_
    tree = trees[0].tree_
    shape = ForestShape(30, 63, tree.n_features, tree.n_outputs, tree.max_n_classes)
    arrays = forest_arrays(trees, shape)
    assert {name: (a.dtype, a.shape[0]) for name, a in arrays.items() if a.shape[0] != 30} == {}
    other = forest(1, max_leaf_nodes=32, random_state=4).fit(x, y)
    back = forest_trees({name: a.copy() for name, a in arrays.items()}, shape, other.estimators_[0])
    other.estimators_, other.n_estimators = back, len(back)
    ask = "predict" if "regressor" in kind else "predict_proba"
    np.testing.assert_array_equal(getattr(other, ask)(x), getattr(fitted, ask)(x))
    np.testing.assert_array_equal(other.apply(x), fitted.apply(x))
    assert [t.get_depth() for t in back] == [t.get_depth() for t in trees]
    assert encode(forest_arrays(back, shape)) == encode(arrays)


def test_propose__after_a_restart__grows_the_same_trees() -> None:
    assert_trains_the_same_after_a_restart(make()[0], make()[0])


def test_propose__forest_with_room__keeps_the_old_trees_and_adds_new_ones() -> None:
    learner = make()[0]
    before = learner.mli_get_current_weights().weights
    after = learner.mli_propose_weights().weights
    assert (before["nodes"] > 0).sum() == 1
    assert (after["nodes"] > 0).sum() == 4
    np.testing.assert_array_equal(after["threshold"][0], before["threshold"][0])
    assert len({after["threshold"][i].tobytes() for i in range(4)}) == 4  # no tree twice


def test_propose__full_forest__drops_the_oldest_trees() -> None:
    learner = make(max_trees=4)[0]
    learner.mli_accept_weights(learner.mli_propose_weights())
    full = learner.mli_get_current_weights().weights
    after = learner.mli_propose_weights().weights
    assert (after["nodes"] > 0).sum() == 4
    np.testing.assert_array_equal(after["threshold"][0], full["threshold"][3])
    assert len({after["threshold"][i].tobytes() for i in range(4)}) == 4
    make(max_trees=1, steps_per_round=1)[0].mli_propose_weights()


def test_propose__class_that_the_learner_has_no_samples_of__trees_know_it_all_the_same() -> None:
    x, y = load_iris(return_X_y=True)
    two = y < 2
    whole, part = (
        ForestLearner(ExtraTreesClassifier(max_leaf_nodes=8), d, d, d, classes=[0, 1, 2], steps_per_round=2)
        for d in ((x, y), (x[two], y[two]))
    )
    alone = part.mli_propose_weights().weights["value"]
    assert alone.shape[-1] == 3 and not alone[..., 2].any()
    part.mli_accept_weights(whole.mli_propose_weights())
    whole.mli_accept_weights(part.mli_propose_weights())
    assert whole.mli_test_weights(whole.mli_get_current_weights()).test_value > 0.6


# ------------------------------------------------------------------------------------------------ strangers


def spoilt(arrays: dict[str, Any], name: str, at: Any, value: Any) -> dict[str, Any]:
    copy = {key: array.copy() for key, array in arrays.items()}
    copy[name][at] = value
    return copy


@few(
    6,
    "name, at, value",
    [
        ("nodes", 0, 0),
        ("nodes", slice(None), 0),
        ("nodes", 0, -1),
        ("nodes", 1, 10_000),
        ("nodes", 19, 3),
        ("left", (0, 0), 0),
        ("left", (0, 0), -2),
        ("left", (0, 0), -1),
        ("left", (0, 0), 2**31 - 1),
        ("right", (0, 0), 1),
        ("right", (0, 0), 30),
        ("left", (0, 1), 0),
        ("feature", (0, 0), -2),
        ("feature", (0, 0), 30),
        ("missing_left", (0, 0), 7),
        ("value", (19, 0), 1.0),
        ("threshold", (0, 30), 1.0),
    ],
    ids=str,
)
def test_test__forest_that_is_none__invalid_and_nothing_changed(name: str, at: Any, value: Any) -> None:
    learner = make()[0]
    learner.mli_accept_weights(learner.mli_propose_weights())
    before = encode(learner.mli_get_current_weights().weights)
    good = learner.mli_propose_weights().weights
    if name == "threshold":
        good["nodes"][0] = min(good["nodes"][0], 30)
    bad = spoilt(good, name, at, value)
    with pytest.raises(InvalidWeights) as caught:
        learner.mli_test_weights(Weights(bad))
    assert not isinstance(caught.value, SchemaMismatch)
    with pytest.raises(InvalidWeights):
        learner.mli_accept_weights(Weights(bad))
    assert encode(learner.mli_get_current_weights().weights) == before
    assert learner.mli_test_weights(learner.mli_get_current_weights()).record.reason == CHANGES_NOTHING


def test_test__node_that_is_its_own_child__invalid() -> None:
    learner = make()[0]
    bad = learner.mli_propose_weights().weights
    for array in bad.values():
        array[1:] = 0
    bad["nodes"][0] = 3
    for name, array in bad.items():
        if name != "nodes":
            array[0, 3:] = 0
    bad["left"][0, :3], bad["right"][0, :3], bad["feature"][0, :3] = (-1, 1, -1), (-1, 2, -1), 0
    with pytest.raises(InvalidWeights, match="isn't a tree"):
        learner.mli_test_weights(Weights(bad))


def test_test__random_integers_for_trees__never_loaded() -> None:
    learner = make()[0]
    good = learner.mli_propose_weights().weights
    rng = np.random.default_rng(0)
    for _ in range(200):
        name = rng.choice(["left", "right", "feature", "nodes"])
        at = tuple(rng.integers(0, n) for n in np.array(good[name].shape) // (4 if name == "nodes" else 3))
        bad = spoilt(good, str(name), at, rng.integers(-5, 100))
        if encode(bad) == encode(good):
            continue
        try:
            judged = learner.mli_test_weights(Weights(bad))
        except InvalidWeights:
            continue
        assert name == "feature"  # another input to split by still makes a tree
        assert judged.vote is not None


# ------------------------------------------------------------------------------------------------ mistakes


def test_init__forest_that_cannot_be_carried__refused() -> None:
    x, y = load_iris(return_X_y=True)
    data = (x, y)
    with pytest.raises(LearnerError, match="no forest"):
        ForestLearner(GradientBoostingClassifier(), data, data, data)
    for forest in (
        RandomForestClassifier(),
        RandomForestClassifier(max_depth=40),
        RandomForestClassifier(max_depth=16),
    ):
        with pytest.raises(LearnerError, match="without a bound"):
            ForestLearner(forest, data, data, data)
    forest = RandomForestClassifier(max_depth=3)
    with pytest.raises(UsageError, match="steps_per_round"):
        ForestLearner(forest, data, data, data, steps_per_round=5, max_trees=4)
    with pytest.raises(UsageError, match="labels"):
        ForestLearner(forest, data, data, data, classes=[0, 1])
    with pytest.raises(UsageError, match="30 trees"):
        ForestLearner(RandomForestClassifier(30, max_depth=3).fit(x, y), data, data, data, max_trees=20)


def test_init__fitted_forest__is_where_it_starts() -> None:
    x, y = load_iris(return_X_y=True)
    fitted = RandomForestClassifier(10, max_depth=3, random_state=0).fit(x, y)
    learner = ForestLearner(fitted, (x, y), (x, y), (x, y))
    assert learner.mli_test_weights(learner.mli_get_current_weights()).test_value == fitted.score(x, y)
    assert len(fitted.estimators_) == 10
    learner.mli_propose_weights()
    assert len(fitted.estimators_) == 10


@pytest.mark.parametrize("weight", ["balanced", "balanced_subsample", {0: 1, 1: 5}])
@pytest.mark.parametrize("missing", [True, False])
def test_propose__class_weights_and_perhaps_a_class_missing__grows_trees_that_know_both(
    weight: Any, missing: bool
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 4)), np.zeros(600, int)
    y[300:] = x[300:, 0] > 1
    train = (x[:300], y[:300]) if missing else (x[300:], y[300:])
    estimator = RandomForestClassifier(max_leaf_nodes=8, class_weight=weight)
    learner = ForestLearner(estimator, train, (x[300:], y[300:]), (x, y), classes=[0, 1], steps_per_round=3)
    learner.mli_accept_weights(learner.mli_propose_weights())
    share = learner.model.predict_proba(x)
    assert share.shape == (600, 2) and np.isfinite(share).all()
    assert learner.model.class_weight == weight and estimator.class_weight == weight
    assert (learner.evaluate(learner.vote_set).score > 0.9) is not missing


@pytest.mark.parametrize("weight", ["balanced", "balanced_subsample", {0: 1, 1: 50}])
def test_propose__class_weights_with_a_class_missing__weigh_those_that_are_there(weight: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 2)), np.arange(400) % 20 == 0  # of which nothing can be learnt but how rare they are

    def share(weight: Any) -> float:
        estimator = RandomForestClassifier(max_leaf_nodes=4, class_weight=weight)
        sets = [(x, y.astype(int))] * 3
        learner = ForestLearner(estimator, *sets, classes=[0, 1, 2], steps_per_round=5, max_trees=5)
        learner.mli_accept_weights(learner.mli_propose_weights())
        return float(learner.model.predict_proba(x)[:, 1].mean())

    assert share(None) < 0.1 and share(weight) > 0.3
