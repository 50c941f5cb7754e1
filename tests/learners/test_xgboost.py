"""The XGBoost learner on scikit-learn's data, and models from strangers, none of which may reach XGBoost unchecked."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("xgboost", reason="XGBoost is not installed")

import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import CHANGES_NOTHING
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch, UsageError
from colearn_ledger.learners.trees.booster_json import BoosterShape, checked_trees, frame_of
from colearn_ledger.learners.xgboost import XGBoostLearner
from colearn_ledger.tasks.split import split
from tests.kit.learners import assert_trains_the_same_after_a_restart
from tests.kit.quick import examples

SMALL = {"max_depth": 2, "eta": 0.3}
KINDS: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "binary": ({**SMALL, "objective": "binary:logistic"}, load_breast_cancer),
    "raw": ({**SMALL, "objective": "binary:logitraw"}, load_breast_cancer),
    "classes": ({**SMALL, "objective": "multi:softmax", "num_class": 3}, load_iris),
    "probabilities": (
        {**SMALL, "objective": "multi:softprob", "num_class": 3, "subsample": 0.5, "num_parallel_tree": 2},
        load_iris,
    ),
    "regression": ({**SMALL, "objective": "reg:squarederror", "colsample_bytree": 0.5}, load_diabetes),
}


def make(kind: str = "binary", n: int = 3, more: dict[str, Any] | None = None, **options: Any) -> list[XGBoostLearner]:
    parameters, load = KINDS[kind]
    x, y = load(return_X_y=True)
    return [
        XGBoostLearner({**parameters, **(more or {})}, s.train, s.vote, s.test, seed=i, **options)
        for i, s in enumerate(split(x, y, n, 0.5, seed=1))
    ]


def model(learner: XGBoostLearner, rounds: int = 1) -> Any:
    """What the learner proposes, parsed."""
    return json.loads(learner.mli_propose_weights().weights["model"])


@pytest.mark.parametrize("kind", KINDS)
def test_check_learner__each_objective__keeps_the_promises(kind: str) -> None:
    check_learner(make(kind)[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_run__each_objective__learns_and_repeats(kind: str) -> None:
    first, second = run(4, make(kind)), run(4, make(kind))
    assert [r.weights_sha256 for r in first.rounds] == [r.weights_sha256 for r in second.rounds]
    last = next(r for r in reversed(first.rounds) if r.accepted)
    before, after = (np.mean([s for s in r.test_scores if s is not None]) for r in (first.initial, last))
    assert after > before
    assert after > (-8000 if kind == "regression" else 0.85)


def test_weights__loaded_by_xgboost_itself__are_the_model() -> None:
    learner = make("probabilities")[0]
    learner.mli_accept_weights(learner.mli_propose_weights())
    weights = learner.mli_get_current_weights().weights
    assert list(weights) == ["model"]
    x, y = learner.test_set
    own = xgboost.Booster(model_file=bytearray(weights["model"])).predict(xgboost.DMatrix(x))
    expected = float((own.argmax(axis=1) == y).mean())
    assert learner.mli_test_weights(Weights(weights)).test_value == expected


def test_propose__after_a_restart__grows_the_same_trees() -> None:
    assert_trains_the_same_after_a_restart(make("probabilities")[0], make("probabilities")[0])


def test_propose__other_round__other_samples() -> None:
    learner = make("probabilities")[0]
    proposed = []
    for number in (1, 2, 1):
        learner.mli_begin_round(number)
        proposed.append(learner.mli_propose_weights().weights["model"])
    assert proposed[0] == proposed[2] != proposed[1]


def test_propose__full_booster__trains_its_last_rounds_anew() -> None:
    learner = make(steps_per_round=3, max_rounds=4)[0]
    learner.mli_accept_weights(learner.mli_propose_weights())
    first = json.loads(learner.mli_get_current_weights().weights["model"])["learner"]["gradient_booster"]["model"]
    learner.mli_accept_weights(learner.mli_propose_weights())
    after = model(learner)["learner"]["gradient_booster"]["model"]
    assert len(after["trees"]) == 4
    assert after["trees"][0] == first["trees"][0]


def test_criterion__each__is_what_it_says() -> None:
    learner = make("probabilities", criterion="log_loss", vote_policy="paired")[0]
    proposed = learner.mli_propose_weights()
    judged = learner.mli_test_weights(proposed)
    x, y = learner.test_set
    own = xgboost.Booster(model_file=bytearray(proposed.weights["model"])).predict(xgboost.DMatrix(x))
    assert judged.test_value == pytest.approx(float(np.log(own[np.arange(len(y)), y]).mean()))
    assert judged.criterion == "log_loss"
    assert judged.record is not None and judged.record.p_value is not None

    def wrong(y: Any, guess: Any) -> float:
        return float((y != (guess > 0.5)).sum())

    learner = make("binary", criterion="negative", scorer=wrong, higher_is_better=False)[0]
    judged = learner.mli_test_weights(learner.mli_propose_weights())
    assert (judged.criterion, judged.test_value == round(judged.test_value) <= 0) == ("negative", True)


# ------------------------------------------------------------------------------------------------ strangers

DROP = object()


def change(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(tree)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if value is DROP:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return changed


BOOSTER = ("learner", "gradient_booster")
TREE = (*BOOSTER, "model", "trees", 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("learner",), DROP),
        (("learner",), []),
        ((*BOOSTER, "name"), "gblinear"),
        ((*BOOSTER, "name"), ["gbtree"]),
        (("learner", "objective", "name"), "reg:squarederror"),
        (("learner", "learner_model_param", "num_feature"), "31"),
        (("learner", "learner_model_param", "num_feature"), "9" * 5000),
        (("learner", "learner_model_param", "num_class"), "2"),
        (("learner", "learner_model_param", "base_score"), "[9E-1]"),
        (("learner", "learner_model_param", "base_score"), "[NaN]"),
        (("learner", "learner_model_param", "base_score"), 0.5),
        ((*BOOSTER, "model", "trees"), {}),
        ((*BOOSTER, "model", "trees"), [1, 2]),
        ((*BOOSTER, "model", "tree_info"), [1, 0, 0, 0, 0]),
        ((*BOOSTER, "model", "tree_info"), [0]),
        ((*TREE, "left_children"), []),
        ((*TREE, "left_children"), [1, -1]),
        ((*TREE, "left_children", 0), 0),
        ((*TREE, "left_children", 0), 2**40),
        ((*TREE, "left_children", 0), -2),
        ((*TREE, "left_children", 0), -1),
        ((*TREE, "left_children", 0), 1.0),
        ((*TREE, "left_children", 0), True),
        ((*TREE, "left_children", 1), 0),
        ((*TREE, "right_children", 0), 1),
        ((*TREE, "split_indices", 0), 30),
        ((*TREE, "split_indices", 0), -1),
        ((*TREE, "default_left", 0), 2),
        ((*TREE, "split_conditions", 0), 1e39),
        ((*TREE, "split_conditions", 0), float("nan")),
        ((*TREE, "split_conditions", 0), "1"),
        ((*TREE, "split_conditions", 0), None),
        ((*TREE, "base_weights"), "000"),
        ((*TREE, "sum_hessian", 0), 10**400),
        ((*TREE, "loss_changes"), DROP),
        ((*TREE, "split_type", 0), 1),
        ((*TREE, "categories"), [1]),
        ((*TREE, "tree_param", "size_leaf_vector"), "3"),
        ((*TREE, "tree_param"), None),
    ],
    ids=lambda value: "DROP" if value is DROP else str(value)[-60:],
)
def test_test__model_that_is_none__invalid_and_nothing_changed(path: tuple[Any, ...], value: Any) -> None:
    learner = make()[0]
    learner.mli_accept_weights(learner.mli_propose_weights())
    before = encode(learner.mli_get_current_weights().weights)
    bad = {"model": json.dumps(change(model(make()[0]), path, value)).encode()}
    for call in (learner.mli_test_weights, learner.mli_accept_weights):
        with pytest.raises(InvalidWeights) as caught:
            call(Weights(bad))
        assert not isinstance(caught.value, SchemaMismatch)
        assert len(str(caught.value)) < 1000
    assert encode(learner.mli_get_current_weights().weights) == before
    assert learner.mli_test_weights(learner.mli_get_current_weights()).record.reason == CHANGES_NOTHING


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"learner":' * 50, b"1" * 5000, b" " * (17 << 20)],
    ids=lambda raw: repr(raw[:12]),
)
def test_test__bytes_that_are_no_model__invalid(raw: bytes) -> None:
    with pytest.raises(InvalidWeights):
        make()[0].mli_test_weights(Weights({"model": raw}))


def test_test__ubj_or_pickle__invalid() -> None:
    import pickle

    learner = make()[0]
    for raw in (bytes(learner._booster.save_raw("ubj")), pickle.dumps(learner._booster)):
        with pytest.raises(InvalidWeights):
            learner.mli_test_weights(Weights({"model": raw}))


def test_test__round_that_is_not_whole_or_a_node_that_is_its_own_child__invalid() -> None:
    learner = make("probabilities")[0]
    good = model(learner)
    inner = (*BOOSTER, "model")
    trees = good["learner"]["gradient_booster"]["model"]["trees"]
    short = change(change(good, (*inner, "trees"), trees[:-1]), (*inner, "tree_info"), [0, 0, 1, 1, 2, 2] * 4 + [0] * 5)
    at, three = next((i, tree) for i, tree in enumerate(trees) if len(tree["left_children"]) == 3)
    loop = change(good, (*inner, "trees", at), {**three, "left_children": [-1, 1, -1], "right_children": [-1, 2, -1]})
    for bad, said in ((short, "29 trees"), (loop, "no tree")):
        with pytest.raises(InvalidWeights, match=said):
            learner.mli_test_weights(Weights({"model": json.dumps(bad).encode()}))


def test_test__too_many_rounds__invalid() -> None:
    small, large = make(steps_per_round=2, max_rounds=3)[0], make(steps_per_round=4)[0]
    proposed = large.mli_propose_weights()
    with pytest.raises(InvalidWeights, match="4 trees"):
        small.mli_test_weights(proposed)


def test_test__what_is_not_checked__never_reaches_xgboost() -> None:
    """Attributes, names, a configuration: nothing but trees is taken from a stranger."""
    learner = make()[0]
    parsed = model(learner)
    parsed["learner"]["attributes"] = {"best_iteration": "0"}
    parsed["learner"]["feature_names"] = ["x"] * 30
    parsed["learner"]["gradient_booster"]["model"]["iteration_indptr"] = [0, 5]
    parsed["learner"]["gradient_booster"]["model"]["trees"][0]["parents"] = [5, 5, 5]
    parsed["version"] = [99, 0, 0]
    learner.mli_test_weights(Weights({"model": json.dumps(parsed).encode()}))
    learner.mli_accept_weights(Weights({"model": json.dumps(parsed).encode()}))
    assert learner._booster.attributes() == {}
    assert learner._booster.num_boosted_rounds() == 5


_EMPTY_SHAPE: list[tuple[BoosterShape, Any]] = []


def shape_and_model() -> tuple[BoosterShape, Any]:
    if not _EMPTY_SHAPE:
        learner = make(steps_per_round=2)[0]
        _EMPTY_SHAPE.append((learner._shape, model(learner)))
    return _EMPTY_SHAPE[0]


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(-2, 9))


@settings(max_examples=examples(200))
@given(st.data(), JUNK)
def test_checked_trees__anything_anywhere__trees_or_invalid(data: st.DataObject, junk: Any) -> None:
    shape, good = shape_and_model()
    path, at = [], good
    while isinstance(at, dict | list) and at:
        keys = list(at) if isinstance(at, dict) else range(len(at))
        path.append(data.draw(st.sampled_from(keys)))
        at = at[path[-1]]
        if data.draw(st.integers(0, 9)) == 0:
            break
    try:
        trees = checked_trees(json.dumps(change(good, tuple(path), junk)).encode(), shape)
    except InvalidWeights:
        return
    assert len(trees) % shape.trees_per_round == 0
    for tree in trees:
        n = len(tree["left_children"])
        for left, right, feature in zip(
            tree["left_children"], tree["right_children"], tree["split_indices"], strict=True
        ):
            assert (left, right) == (-1, -1) or (0 < left < n and 0 < right < n)
            assert 0 <= feature < shape.frame.features


def test_frame_of__base_score_of_older_versions__the_same() -> None:
    _, parsed = shape_and_model()
    older = change(parsed, ("learner", "learner_model_param", "base_score"), "5E-1")
    assert frame_of(older["learner"]) == frame_of(parsed["learner"])


# ------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ({"booster": "dart"}, {}),
        ({"tree_method": "exact"}, {}),
        ({"multi_strategy": "multi_output_tree"}, {}),
        ({"objective": "multi:softprob", "num_class": 1}, {}),
        ({"objective": "rank:pairwise"}, {}),
        ({}, {"criterion": "squared_error"}),
        ({}, {"criterion": "area"}),
        pytest.param({}, {"criterion": lambda y, guess: 0.0}, id="a function"),
        ({}, {"steps_per_round": 0}),
        ({}, {"steps_per_round": 9, "max_rounds": 8}),
    ],
    ids=str,
)
def test_init__what_cannot_be_carried__refused(more: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        make(more=more, **options)
    assert caught.value.expected and caught.value.fix


def test_init__no_objective_or_a_parameter_that_is_none__told() -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(UsageError, match="objective"):
        XGBoostLearner({}, (x, y), (x, y), (x, y))
    with pytest.warns(UserWarning, match="max_dept"):
        make(more={"max_dept": 3}, n=2)


def test_propose__larger_than_its_own_cap__says_so() -> None:
    learner = make(max_bytes=2000)[0]
    with pytest.raises(LearnerError, match="at most 2,000"):
        learner.mli_propose_weights()


@pytest.mark.parametrize("device", ["cuda", "gpu:3", "tpu"])
@pytest.mark.parametrize("as_parameter", [False, True])
def test_device__that_xgboost_doesnt_find__is_refused(device: str, as_parameter: bool) -> None:
    given: dict[str, Any] = {"more": {"device": device}} if as_parameter else {"device": device}
    with pytest.raises(UsageError, match=f"there is no device '{device}' for XGBoost here"):
        make(n=1, **given)


def test_threads__more_than_one__are_xgboosts_and_it_says_that_it_isnt_reproducible() -> None:
    one, two = make(n=1)[0], make(n=1, threads=2)[0]
    assert one.reproducible and not two.reproducible
    assert json.loads(two.model.save_config())["learner"]["generic_param"]["nthread"] == "2"
    assert two.mli_test_weights(two.mli_propose_weights()).test_value > 0.5
    with pytest.raises(UsageError, match="threads is 0"):
        make(n=1, threads=0)


def test_classes__labels_of_any_kind__are_numbered_and_strange_ones_refused() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    sets = [(x[i::3], names[y[i::3]]) for i in range(3)]
    parameters = KINDS["probabilities"][0]
    with pytest.raises(UsageError, match="texts or objects, such as 'setosa'"):
        XGBoostLearner(parameters, *sets)
    learner = XGBoostLearner(parameters, *sets, classes=names[::-1], steps_per_round=5)
    learner.mli_accept_weights(learner.mli_propose_weights())
    assert learner.evaluate(learner.test_set).score > 0.8
    assert (names[learner.predict(x[2::3]).argmax(axis=1)] == sets[2][1]).mean() > 0.8
    with pytest.raises(UsageError, match=r"vote set has the labels \['virginica'\]"):
        XGBoostLearner(parameters, (x[:90], names[y[:90]]), *sets[1:], classes=names[:2])
