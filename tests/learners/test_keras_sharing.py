"""Keras learners that share a part of their model: personal heads, local normalisation, frozen bases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from colearn_ledger import check_learner, run
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import SchemaMismatch, UsageError
from tests.kit.later import Later

if TYPE_CHECKING:
    import keras

    from colearn_ledger.learners.keras import KerasLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]


def data(seed: int) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Train, vote and test sets: clouds around three centres, the same ones for every seed."""
    centres = np.random.default_rng(7).normal(0, 1.5, (3, 8))
    rng = np.random.default_rng([5, seed])
    labels = [rng.integers(0, 3, n) for n in (600, 250, 250)]
    return [((centres[y] + rng.normal(0, 1, (len(y), 8))).astype(np.float32), y) for y in labels]


def model(*, frozen: bool = False, shift: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(3)
    made = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, activation="relu", name="body", trainable=not frozen),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.1, name="drop"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    made.get_layer("body").bias.assign(np.full(16, shift, np.float32))
    made.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return made


def make(seed: int = 0, kind: keras.Model | None = None, **options: Any) -> KerasLearner:
    options = {"steps_per_round": 30, "share": "body/*", **options}
    return KerasLearner(kind or model(), *data(seed), seed=seed, **options)


def test_read_weights__names_that_keras_counts_up__are_not_in_them() -> None:
    def counted() -> keras.Model:
        made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16), keras.layers.Dense(3, "softmax")])
        made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made

    first, second = (make(kind=counted(), share=lambda path, v: v.shape[-1] == 16) for _ in range(2))
    assert set(first.mli_get_current_weights().weights["shared"]) == {"0.kernel", "1.bias"}
    second.mli_accept_weights(first.mli_get_current_weights())


def test_read_weights__shared_paths__travel_and_nothing_else() -> None:
    learner = make(share=["body", "norm/gamma"])
    assert set(learner.mli_get_current_weights().weights["shared"]) == {"0.kernel", "1.bias", "2.gamma"}
    assert learner.parts is not None
    assert [key.partition(".")[2] for key in learner.parts.own] == [
        *("beta", "moving_mean", "moving_variance"),
        *("kernel", "bias"),
    ]
    assert not learner.parts.base


@pytest.mark.parametrize("share", ["body", "trainable"])
def test_check_learner__a_part_is_shared__promises_are_kept(share: str) -> None:
    check_learner(make(steps_per_round=3, share=share))


def test_own_part__training_and_acceptance__changes_only_with_the_latter() -> None:
    learner = make()
    before = learner.model.get_layer("head").get_weights()[0]
    proposed = learner.mli_propose_weights()
    np.testing.assert_array_equal(learner.model.get_layer("head").get_weights()[0], before)
    judged = learner.mli_test_weights(proposed)
    learner.mli_accept_weights(proposed)
    assert not np.array_equal(learner.model.get_layer("head").get_weights()[0], before)
    assert learner.mli_test_weights(proposed).vote_value == pytest.approx(judged.vote_value)


def test_frozen_layers__are_the_base__whose_hash_must_be_alike() -> None:
    learner, alike, other = (make(i, model(frozen=True, shift=s), share="head") for i, s in enumerate((0, 0, 1e-3)))
    weights = learner.mli_get_current_weights().weights
    assert weights["base"] == {learner.base_sha256: None} and alike.base_sha256 == learner.base_sha256
    with pytest.raises(SchemaMismatch, match="the frozen base of the model isn't the one"):
        learner.mli_test_weights(other.mli_get_current_weights())


def test_run__local_normalisation_on_a_frozen_base__same_bytes_on_the_ledger_and_it_learns() -> None:
    runs = []
    for backend in (None, EmbeddedLedger()):
        learners = [make(i, model(frozen=True), share="head") for i in range(2)]
        runs.append(run(3, learners, backend=backend))
        assert all(not learner.model.get_layer("body").bias.numpy().any() for learner in learners)
        means = [learner.model.get_layer("norm").moving_mean.numpy() for learner in learners]
        assert not np.array_equal(*means)
    assert runs[0].final_sha256 == runs[1].final_sha256
    assert np.mean(runs[0].rounds[-1].test_scores) > 0.8 > np.mean(runs[0].initial.test_scores)


def test_normalization_layer__own__predicts_by_what_this_member_has_after_a_restart(tmp_path: Path) -> None:
    def adapted(seed: int) -> keras.Model:
        keras.utils.set_random_seed(3)
        scale = keras.layers.Normalization(name="scale")
        scale.adapt(data(seed)[0][0])
        made = keras.Sequential([keras.Input((8,)), scale, keras.layers.Dense(3, activation="softmax", name="body")])
        made.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made

    path = tmp_path / "own"
    learner = make(kind=adapted(0), own_file=path)
    learner.mli_accept_weights(learner.mli_propose_weights())
    again = make(kind=adapted(1), own_file=path)  # whose layer saw other data
    again.mli_accept_weights(learner.mli_get_current_weights())
    x = data(2)[2][0]
    np.testing.assert_allclose(again.predict(x), learner.predict(x), rtol=1e-6)


def test_pattern__that_shares_nothing__is_refused_with_the_paths_there_are() -> None:
    with pytest.raises(UsageError, match=r"'body\.\*' shares nothing of the model") as caught:
        make(share="body.*")
    assert "body/kernel" in (caught.value.expected or "")
