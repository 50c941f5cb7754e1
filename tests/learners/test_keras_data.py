"""Keras learners on data that stays where it is: tf.data, PyDataset, generators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerError, UsageError
from tests.kit.later import Later

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from colearn_ledger.learners.keras import KerasLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    tf = Later("tensorflow")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")

pytestmark = pytest.mark.tensorflow

RNG = np.random.default_rng(0)
X = np.float32(RNG.normal(size=(600, 4)))
Y = np.float32(X[:, :1] > 0)
SETS = [(X[i : i + 200], Y[i : i + 200]) for i in (0, 200, 400)]


def net() -> Any:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.BatchNormalization(), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def batched(data: tuple[Any, Any], size: int = 40) -> Any:
    return tf.data.Dataset.from_tensor_slices(data).batch(size)


def py_dataset(data: tuple[Any, ...], size: int = 40) -> Any:
    class Rows(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(data[0]) // size

        def __getitem__(self, i: int) -> Any:
            return tuple(part[i * size : (i + 1) * size] for part in data)

    return Rows()


def endless(data: tuple[Any, ...], size: int = 40) -> Iterator[Any]:
    while True:
        for i in range(0, len(data[0]), size):
            yield tuple(part[i : i + size] for part in data)


@pytest.mark.parametrize("kind", ["tf.data", "PyDataset", "generator"])
def test_run__data_that_gives_batches__learns_and_scores_as_arrays_do(kind: str) -> None:
    def make(seed: int) -> KerasLearner:
        give: Any = {"tf.data": batched, "PyDataset": py_dataset, "generator": endless}[kind]
        others = [(batched if kind == "tf.data" else py_dataset)(data) for data in SETS[1:]]
        return KerasLearner(net(), give(SETS[0]), *others, steps_per_round=20, seed=seed)

    learners = [make(i) for i in range(2)]
    assert learners[0].reproducible is (kind == "PyDataset") and learners[0].batch_size == 40
    results = run(2, learners)
    last = results.rounds[-1].test_scores[0]
    assert last is not None and last > 0.8
    plain = KerasLearner(net(), *SETS)
    plain.mli_accept_weights(learners[0].mli_get_current_weights())
    assert plain.evaluate(plain.vote_set).score == pytest.approx(learners[0].evaluate(learners[0].vote_set).score)
    proposed = learners[0].mli_propose_weights()
    assert proposed.training_summary is not None and proposed.training_summary.samples == 20 * 40


def test_propose__a_py_dataset__the_seed_and_the_round_fix_it() -> None:
    found = {}
    for attempt in range(2):
        learner = KerasLearner(net(), py_dataset(SETS[0]), *SETS[1:], epochs=2, vote_policy="paired")
        for round in (1, 2, 1):
            learner.mli_begin_round(round)
            found[attempt, round] = encode(learner.mli_propose_weights().weights)
    assert learner.steps == 10
    assert found[0, 1] == found[1, 1] != found[0, 2] == found[1, 2]


def test_propose__tf_data__a_training_goes_on_where_the_last_one_ended() -> None:
    seen: list[int] = []

    def numbers() -> Iterator[Any]:
        for i in range(3):
            seen.append(i)
            yield np.float32(np.full((8, 4), i)), np.float32(np.ones((8, 1)))

    class Again:
        def __iter__(self) -> Iterator[Any]:
            return numbers()

    net_without = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    net_without.compile("sgd", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    learner = KerasLearner(net_without, Again(), *SETS[1:], steps_per_round=2)
    seen.clear()
    for _ in range(2):
        learner.mli_propose_weights()
    assert seen == [0, 1, 2, 0]


@pytest.mark.slow
def test_check_learner__tf_data__keeps_the_promises() -> None:
    learner = KerasLearner(net(), *map(batched, SETS), steps_per_round=2, class_weight={0: 2.0})
    assert any("not reproducible" in warning for warning in check_learner(learner).warnings)


WRONG: dict[str, Any] = {
    "single samples": (lambda: tf.data.Dataset.from_tensor_slices(SETS[0]), LearnerError, "single samples"),
    "no targets": (lambda: iter([X]), LearnerError, "the train set gives a ndarray"),
    "nothing": (lambda: iter([]), UsageError, "gives no batch"),
    "parts that differ": (lambda: iter([(X[:4], Y[:3])]), LearnerError, "differing numbers of samples"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_init__a_set_that_gives_something_else__is_one_message(kind: str) -> None:
    make, error, words = WRONG[kind]
    with pytest.raises(error, match=words):
        KerasLearner(net(), make(), *SETS[1:], steps_per_round=2)


def test_init__what_cannot_be_done_with_batches__is_refused() -> None:
    with pytest.raises(UsageError, match="the train set, a generator, has no length"):
        KerasLearner(net(), endless(SETS[0]), *SETS[1:])
    for vote in (endless(SETS[1]), batched(SETS[1]).repeat()):
        with pytest.raises(UsageError, match=r"the vote set, a .* has no length"):
            KerasLearner(net(), SETS[0], vote, SETS[2])
    with pytest.raises(UsageError, match="batch_size is 7, and the training set gives batches of 40"):
        KerasLearner(net(), batched(SETS[0]), *SETS[1:], batch_size=7)
    config = DiffPrivConfig(target_epsilon=8.0, target_delta=1e-3, max_grad_norm=1.0, noise_multiplier=1.0)
    with pytest.raises(UsageError, match="differential privacy with a training set that gives batches"):
        KerasLearner(net(), batched(SETS[0]), *SETS[1:], privacy=config)
    learner = KerasLearner(net(), iter([(X[:40], Y[:40])] * 3), *SETS[1:], steps_per_round=5)
    with pytest.raises(LearnerError, match="the train set, a list_iterator, has ended"):
        learner.mli_propose_weights()
