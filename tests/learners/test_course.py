"""Trainings with checkpoints: another learner goes on where one was broken off, to the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.template import TemplateLearner
from tests.kit.quick import few

from ..kit.checkpoints import InMemory, assert_goes_on, broken_off
from ..kit.later import Later
from ..kit.means import Momentum, Walk, proposed
from .test_keras_data import SETS, net, py_dataset

if TYPE_CHECKING:
    import keras

    from colearn_ledger.learners.keras import KerasLearner
    from colearn_ledger.learners.xgboost import XGBoostLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")
    XGBoostLearner = Later("colearn_ledger.learners.xgboost", "XGBoostLearner")


class Lasting(Momentum):
    """Its momentum is in its checkpoints."""

    def read_training(self) -> dict[str, Any]:
        return {**super().read_training(), "speed": self.speed}

    def write_training(self, state: Any) -> None:
        super().write_training(state)
        self.speed = state["speed"]


@pytest.mark.parametrize(
    "options",
    [{}, {"early_stop": 2}, {"early_stop": 1, "steps_per_round": 40}, {"batch_size": 7, "epochs": 2}, {"seed": 5}],
    ids=str,
)
@pytest.mark.parametrize("steps", [1, 2])
def test_checkpoint__a_training_broken_off__another_learner_goes_on_to_the_same_bytes(
    options: dict[str, Any], steps: int
) -> None:
    assert_goes_on(lambda: Lasting(**options), steps)


def test_checkpoint__not_due__nothing_is_saved_and_the_training_is_the_same() -> None:
    learner, kept = Lasting(), InMemory(due=False)
    learner.mli_set_checkpoint(kept)
    assert proposed(learner) == proposed(Lasting()) and kept.data is None


def test_checkpoint__after_the_last_step__nothing_is_left_to_do_and_the_bytes_are_the_same() -> None:
    learner, kept = Lasting(steps_per_round=3), InMemory()
    learner.mli_set_checkpoint(kept)
    expected = proposed(learner)
    other = Lasting(steps_per_round=3)
    other.mli_set_checkpoint(kept)
    other.mli_set_pause(lambda *_: pytest.fail("a step was done again"))
    assert proposed(other) == expected


@pytest.mark.parametrize(
    "changed, says", [({"batch_size": 16}, "batch_size was 32 and is 16"), ({"seed": 4}, "seed was 0 and is 4")]
)
def test_checkpoint__of_a_learner_made_otherwise__is_put_aside_and_the_training_is_whole(
    changed: dict[str, Any], says: str
) -> None:
    kept, other = broken_off(Lasting(), 2), Lasting(**changed)
    other.mli_begin_round(2)
    other.mli_set_checkpoint(kept)
    alone = Lasting(**changed)
    alone.mli_begin_round(2)
    assert proposed(other) == proposed(alone)
    assert (says in kept.said[0] and "steps was" not in kept.said[0]) or "batch_size" in changed


def test_checkpoint__of_another_model__is_put_aside_and_the_training_is_whole() -> None:
    class Larger(Lasting):
        def write_training(self, state: Any) -> None:
            super().write_training(state)
            raise ValueError("shapes (1,) and (2,) differ. Somebody has another model")

    kept, other = broken_off(Lasting(), 2), Larger()
    kept.data = kept.data.replace(b"Lasting", b"Larger ") if kept.data else None
    other.mli_set_checkpoint(kept)
    kept_settings = Larger.training_settings
    Larger.training_settings = property(lambda self: {**kept_settings.fget(self), "learner": "Larger "})  # type: ignore[attr-defined, assignment]
    assert proposed(other) == proposed(Lasting())
    assert kept.said == ["ValueError: shapes (1,) and (2,) differ"]


def test_checkpoint__an_adapter_that_does_not_give_its_optimizers_state__is_declined() -> None:
    learner, kept = Momentum(), InMemory()
    learner.mli_set_checkpoint(kept)
    assert proposed(learner) == proposed(Momentum()) and kept.data is None
    assert kept.said == ["Momentum has an optimizer or generators, and no read_training that gives their states"]


def test_checkpoint__an_adapter_that_never_asks_for_it__saves_nothing() -> None:
    learner, kept = Walk([1.0, 2.0]), InMemory()
    learner.mli_set_checkpoint(kept)
    assert proposed(learner) == 2.0 and kept.data is None


def forest() -> TemplateLearner:
    rng = np.random.default_rng(0)
    sets = [(rng.normal(size=(n, 4)), rng.integers(0, 2, n)) for n in (60, 200, 20)]
    return ForestLearner(RandomForestClassifier(max_depth=3), *sets, steps_per_round=5, max_trees=8)


def boosted(parameters: dict[str, Any] | None = None, **options: Any) -> TemplateLearner:
    rng = np.random.default_rng(0)
    sets = [(x := rng.normal(size=(n, 4)), (x[:, 0] + rng.normal(size=n) > 0).astype(int)) for n in (300, 250, 50)]
    parameters = {"objective": "binary:logistic", "max_depth": 3, **(parameters or {})}
    return XGBoostLearner(parameters, *sets, steps_per_round=6, max_rounds=20, **options)


@pytest.mark.parametrize(
    "make", [forest, boosted, lambda: boosted(early_stop=4)], ids=["forest", "xgboost", "xgboost that stops early"]
)
def test_checkpoint__trees__go_on_to_the_same_bytes(make: Callable[[], TemplateLearner]) -> None:
    assert_goes_on(make)


ESTIMATORS: dict[str, tuple[Any, dict[str, Any]]] = {
    "SGD": (SGDClassifier(), {}),
    "SGD that stops early": (SGDClassifier(learning_rate="adaptive", eta0=0.1), {"early_stop": 3}),
    "perceptron": (Perceptron(), {}),
    "network": (MLPClassifier((8,), learning_rate_init=0.01), {}),
    "network with momentum": (MLPClassifier((8,), solver="sgd"), {"optimizer_state": "keep"}),
    "Bayes": (GaussianNB(), {}),
    "clusters": (MiniBatchKMeans(3, n_init=1), {}),
    "one against the rest": (OneVsRestClassifier(SGDClassifier()), {}),
    "pipeline": (make_pipeline(StandardScaler(), MLPClassifier((8,))), {}),
}


@few(3, "name", ESTIMATORS)
def test_checkpoint__scikit_learn__goes_on_to_the_same_bytes(name: str) -> None:
    estimator, options = ESTIMATORS[name]
    x, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(x))
    sets = [(x[third], y[third]) for third in np.split(rows, 3)]
    assert_goes_on(lambda: SklearnLearner(estimator, *sets, batch_size=10, epochs=2, **options), 4)


def test_checkpoint__xgboost_that_samples__is_declined() -> None:
    learner, kept = boosted({"subsample": 0.7, "colsample_bynode": 0.5}), InMemory()
    learner.mli_set_checkpoint(kept)
    learner.mli_propose_weights()
    assert kept.data is None and kept.said == [
        "what XGBoost draws by colsample_bynode, subsample can't be gone on with"
    ]


def deep(optimizer: Any = None) -> Any:
    """With all that is hard: dropout, moving averages, a schedule, an optimizer with two moments."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, "sigmoid")])
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.8)
    model.compile(optimizer or keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.tensorflow
@pytest.mark.parametrize("options", [{}, {"early_stop": 3}, {"epochs": 2}, {"share": "*kernel*"}], ids=str)
def test_checkpoint__keras__goes_on_to_the_same_bytes(options: dict[str, Any]) -> None:
    assert_goes_on(lambda: KerasLearner(deep(), *SETS, **options))


@pytest.mark.tensorflow
def test_checkpoint__keras_data_that_gives_batches__goes_on_with_those_that_are_left() -> None:
    assert_goes_on(lambda: KerasLearner(net(), py_dataset(SETS[0]), *SETS[1:], epochs=2), 6)


@pytest.mark.tensorflow
def test_checkpoint__keras_with_what_has_a_state_of_its_own__is_declined() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    for options in ({"callbacks": [keras.callbacks.Callback()]}, {"privacy": DiffPrivConfig(2.0, 1e-3, 1.0, 1.0)}):
        learner, kept = KerasLearner(model, *SETS, steps_per_round=2, **options), InMemory()
        learner.mli_set_checkpoint(kept)
        learner.mli_propose_weights()
        assert kept.data is None and len(kept.said) == 1
