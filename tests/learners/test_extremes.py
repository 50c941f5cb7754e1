"""Weights at their extremes: whoever proposes them gets a vote or a rejection, and the voter stays as it is."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor

from colearn_ledger import EmbeddedLedger, InProcess, run
from colearn_ledger.core.asking import ask_current, ask_judge
from colearn_ledger.core.learner import Learner, Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import InvalidWeights, LearnerWarning
from colearn_ledger.learners.attacks import Attacker
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.tasks import Training, get_task

IRIS, DIABETES = load_iris(return_X_y=True), load_diabetes(return_X_y=True)


def parts(data: Any) -> tuple[Any, Any, Any]:
    x, y = data
    return tuple((x[i::3], y[i::3]) for i in range(3))  # type: ignore[return-value]


def log_likelihood(estimator: Any, x: Any, y: Any) -> float:
    return -float(log_loss(y, estimator.predict_proba(x), labels=[0, 1, 2]))


def booster() -> Learner:
    from colearn_ledger.learners.xgboost import XGBoostLearner

    return XGBoostLearner({"objective": "reg:squarederror", "max_depth": 2}, *parts(DIABETES), steps_per_round=2)


def network() -> Learner:
    from colearn_ledger.tasks import keras_mnist  # noqa: F401  (sets TensorFlow's environment before it is imported)
    from colearn_ledger.learners.keras import KerasLearner  # isort: skip
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return KerasLearner(model, *parts((np.float32(IRIS[0]), IRIS[1])), steps_per_round=2)


def module() -> Learner:
    torch = pytest.importorskip("torch")
    from colearn_ledger.learners.torch import TorchLearner

    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3))
    optimizer = lambda parameters: torch.optim.SGD(parameters, lr=0.1)  # noqa: E731
    train, vote, test = parts((np.float32(IRIS[0]), IRIS[1]))
    return TorchLearner(layers, train, vote, test, optimizer=optimizer, steps_per_round=2)


LEARNERS: dict[str, Callable[[], Learner]] = {
    "sgd": lambda: SklearnLearner(SGDClassifier(), *parts(IRIS)),
    "likelihood": lambda: SklearnLearner(SGDClassifier("log_loss"), *parts(IRIS), scorer=log_likelihood),
    "regressor": lambda: SklearnLearner(SGDRegressor(), *parts(DIABETES)),
    "mlp": lambda: SklearnLearner(MLPRegressor(hidden_layer_sizes=(4,)), *parts(DIABETES)),
    "bayes": lambda: SklearnLearner(GaussianNB(), *parts(IRIS)),
    "trees": lambda: ForestLearner(ExtraTreesClassifier(max_leaf_nodes=4), *parts(IRIS), steps_per_round=2),
    "forest": lambda: ForestLearner(RandomForestRegressor(max_leaf_nodes=4), *parts(DIABETES), steps_per_round=2),
    "xgboost": booster,
    "keras": network,
    "torch": module,
}


def extremes(array: Any) -> list[Any]:
    if array.dtype.kind == "b":
        return [False, True]
    limits = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.finfo(array.dtype)
    return [limits.min, limits.max, 0, *([-1] if array.dtype.kind != "u" else [])]


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(tree, dict | list | tuple):
        for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(child, (*path, key))
    elif isinstance(tree, np.ndarray):
        yield path, tree


def spoilt(tree: Any) -> Iterator[tuple[str, bytes]]:
    """The weights with one array, and with all arrays, at each of their extremes; and with signs by turns."""
    data = encode(tree)
    for path, array in leaves(tree):
        for value in extremes(array):
            copy = decode(data)
            at = copy
            for key in path:
                at = at[key]
            at[...] = value
            yield f"{path} = {value}", encode(copy)
    for which in range(3):
        copy = decode(data)
        for _, array in leaves(copy):
            array[...] = (values := extremes(array))[min(which, len(values) - 1)]
        yield f"all at extreme {which}", encode(copy)
    copy = decode(data)
    for _, array in leaves(copy):
        if array.dtype.kind == "f":
            array.reshape(-1)[::2], array.reshape(-1)[1::2] = np.finfo(array.dtype).max, np.finfo(array.dtype).min
    yield "signs by turns", encode(copy)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in ("keras", "torch") else []) for n in LEARNERS]
)
def test_ask_judge__every_array_at_its_extremes__is_a_vote_or_a_rejection_and_changes_nothing(name: str) -> None:
    learner = LEARNERS[name]()
    before = ask_current(learner).weights
    data, schema = encode(before), Schema.of(before)
    for what, proposal in spoilt(before):
        with contextlib.suppress(InvalidWeights):
            judged = ask_judge(learner, Weights(decode(proposal, schema)))
            assert judged.vote in (True, False), what
            assert judged.vote is False or np.isfinite(judged.vote_value), what
        assert encode(ask_current(learner).weights) == data, what


class Overflows(Attacker):
    """Proposes the largest numbers that there are."""

    def mli_propose_weights(self) -> Weights:
        tree = decode(encode(self._learner.mli_get_current_weights().weights))
        for _, array in leaves(tree):
            array[...] = extremes(array)[1] if array.dtype.kind == "f" else array
        return Weights(tree)


@pytest.mark.slow
def test_run__a_proposal_whose_predictions_overflow__is_rejected_by_all_in_process_and_on_the_ledger() -> None:
    def learners() -> list[Learner]:
        made = get_task("DIABETES").make_learners(3, Training(), seed=1).learners
        return [Overflows(made[0]), *made[1:]]

    outcomes = []
    for backend in (InProcess(), EmbeddedLedger()):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            results = run(3, learners(), backend=backend)
        first, *later = results.rounds
        assert first.votes == (None, False, False) and not first.accepted
        assert any(r.accepted for r in later), "the others go on"
        told = {str(w.message) for w in said if w.category is LearnerWarning}
        assert any("'R2' can't be computed: ValueError: Input contains" in text for text in told), told
        outcomes.append([(r.votes, r.accepted, r.weights_sha256) for r in results.rounds])
    assert outcomes[0] == outcomes[1]
