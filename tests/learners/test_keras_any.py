"""Any compiled Keras model: metrics of any direction, several inputs and outputs, weights, callbacks, schedules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from colearn_ledger.core.driver import run
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerError, UsageError
from tests.kit.later import Later

if TYPE_CHECKING:
    import keras

    from colearn_ledger.learners.keras import KerasLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")

pytestmark = pytest.mark.tensorflow

RNG = np.random.default_rng(0)
X = np.float32(RNG.normal(size=(600, 4)))
Y = np.float32(X[:, :1] + 0.3 * RNG.normal(size=(600, 1)) > 0)


def thirds(x: Any, y: Any, *weight: Any) -> list[tuple[Any, ...]]:
    def rows(part: Any, third: slice) -> Any:
        if isinstance(part, dict):
            return {key: rows(child, third) for key, child in part.items()}
        if isinstance(part, list | tuple):
            return type(part)(rows(child, third) for child in part)
        return part[third]

    return [tuple(rows(p, slice(i, i + 200)) for p in (x, y, *weight)) for i in (0, 200, 400)]


def net(
    metrics: Any = (), loss: Any = "binary_crossentropy", optimizer: Any = None, activation: Any = "sigmoid"
) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation)])
    model.compile(optimizer or keras.optimizers.Adam(0.1), loss, metrics=list(metrics), jit_compile=False)
    return model


# ------------------------------------------------------------------------------------------------ directions

KNOWN: dict[str, Callable[[], Any]] = {
    "log-cosh": lambda: keras.metrics.LogCoshError(),
    "Poisson": lambda: keras.metrics.Poisson(),
    "false positives": lambda: keras.metrics.FalsePositives(),
    "cross entropy under a short name": lambda: keras.metrics.BinaryCrossentropy(name="bce"),
    "an accuracy that is called an error": lambda: keras.metrics.BinaryAccuracy(name="error_free_rate"),
    "an AUC that is called a loss": lambda: keras.metrics.AUC(name="loss_of_nothing"),
    "a word": lambda: "mse",
    "a function": lambda: keras.losses.binary_crossentropy,
    "a loss": lambda: keras.losses.Huber(),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_vote__by_a_metric_of_keras__goes_by_its_class_and_not_by_its_name(kind: str) -> None:
    learner = KerasLearner(net([KNOWN[kind]()]), *thirds(X, Y), steps_per_round=60)
    good = learner.mli_propose_weights()
    bad = learner.mli_get_current_weights()
    bad.weights = [-w for w in good.weights]
    assert learner.mli_test_weights(good).vote is True
    assert learner.mli_test_weights(bad).vote is False


def nll(y: Any, guess: Any) -> Any:
    return keras.losses.binary_crossentropy(y, guess)


def test_init__a_metric_that_nobody_knows__must_be_told() -> None:
    class Own(keras.metrics.MeanSquaredError):  # type: ignore[misc]
        def result(self) -> Any:
            return -super().result()

    for metric in (nll, Own(), keras.metrics.MeanMetricWrapper(nll, name="accuracy")):
        with pytest.raises(UsageError, match="nobody knows whether more of the criterion"):
            KerasLearner(net([metric]), *thirds(X, Y))
    learner = KerasLearner(net([nll]), *thirds(X, Y), higher_is_better=False, steps_per_round=60)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote is True
    assert KerasLearner(net([nll]), *thirds(X, Y), criterion="loss").evaluate((X, Y)).score < 0


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_criterion__in_scikit_learns_words__is_what_the_vote_is_by(activation: str | None) -> None:
    x, y = thirds(X, Y)[2]
    loss = keras.losses.BinaryCrossentropy(from_logits=activation is None)
    learner = KerasLearner(net(["accuracy"], loss, activation=activation), *thirds(X, Y), criterion="roc_auc", steps=20)
    judged = learner.mli_test_weights(learner.mli_propose_weights())
    learner.mli_accept_weights(judged.weights)
    assert judged.test_value == pytest.approx(roc_auc_score(y[:, 0], learner.predict(x)[:, 0]))
    other = KerasLearner(net((), loss, activation=activation), *thirds(X, Y), criterion=brier_score_loss)
    share = other.predict(x)[:, 0] if activation else 1 / (1 + np.exp(-other.predict(x)[:, 0]))
    assert other.evaluate((x, y)).score == pytest.approx(-brier_score_loss(y[:, 0], share), rel=1e-5)
    with pytest.raises(UsageError, match="nobody knows what this Keras model's outputs mean"):
        KerasLearner(net((), nll), *thirds(X, Y), criterion="roc_auc")
    mine = KerasLearner(net((), nll), *thirds(X, Y), criterion=lambda y, out: out.mean(), higher_is_better=True)
    assert mine.evaluate((x, y)).score == pytest.approx(float(mine.predict(x).mean()))


# ------------------------------------------------------------------------------------------------ any model


def two_in_two_out(form: str) -> Any:
    keras.utils.set_random_seed(0)
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    both = keras.layers.BatchNormalization()(keras.layers.Concatenate()([a, b]))
    sign = keras.layers.Dense(1, "sigmoid", name="sign")(both)
    size = keras.layers.Dense(1, name="size")(both)
    inputs: Any = {"a": a, "b": b} if form == "dict" else [a, b]
    model = keras.Model(inputs, {"sign": sign, "size": size} if form == "dict" else [sign, size])
    losses, metrics = {"sign": "binary_crossentropy", "size": "mse"}, {"sign": ["accuracy"], "size": ["mae"]}
    if form != "dict":
        losses, metrics = [*losses.values()], [*metrics.values()]  # type: ignore[assignment]
    model.compile(keras.optimizers.Adam(0.05), losses, metrics=metrics, jit_compile=False)
    return model


@pytest.mark.parametrize("form", ["dict", pytest.param("list", marks=pytest.mark.slow), "tuple"])
def test_run__several_inputs_and_outputs__learns(form: str) -> None:
    x: Any = {"a": X[:, :2], "b": X[:, 2:]}
    y: Any = {"sign": Y, "size": X[:, 1:2]}
    if form != "dict":
        kind: Any = list if form == "list" else tuple
        x, y = kind(x.values()), kind(y.values())
    learners = [KerasLearner(two_in_two_out(form), *thirds(x, y), steps_per_round=40, seed=i) for i in range(2)]
    results = run(2, learners)
    assert results.initial.test_scores[0] is not None and results.rounds[-1].test_scores[0] is not None
    assert results.rounds[-1].test_scores[0] > max(0.8, results.initial.test_scores[0])
    assert learners[0].evaluate(learners[0].vote_set).criterion == "sign_accuracy"
    found = learners[0].predict(x)
    assert [part.shape for part in (found.values() if form == "dict" else found)] == [(600, 1), (600, 1)]
    by_size = KerasLearner(two_in_two_out(form), *thirds(x, y), criterion="size_mae", steps_per_round=40)
    assert by_size.mli_test_weights(by_size.mli_propose_weights()).vote is True
    with pytest.raises(LearnerError, match="'loss' has none"):
        KerasLearner(two_in_two_out(form), *thirds(x, y), criterion="loss", vote_policy="paired")


def test_evaluate__a_set_of_several_pieces__is_scored_as_a_whole() -> None:
    x, y = np.concatenate([X] * 5), np.concatenate([Y, 1 - Y, Y, Y, Y])
    learner = KerasLearner(net(["accuracy"]), *thirds(X, Y), steps_per_round=40)
    learner.mli_accept_weights(learner.mli_propose_weights())
    found = learner.evaluate((x, y), outcomes=True)
    guess = learner.predict(x)
    assert found.score == pytest.approx(((guess > 0.5) == (y > 0.5)).mean(), abs=1e-6) and 0.6 < found.score < 0.8
    assert found.outcomes is not None and found.outcomes.mean() == pytest.approx(found.score, abs=1e-6)
    share = np.where(y > 0.5, guess, 1 - guess)
    assert found.loss == pytest.approx(-np.log(np.clip(share, 1e-7, 1)).mean(), rel=1e-4)


def test_init__parts_of_differing_lengths__is_refused() -> None:
    sets = thirds({"a": X[:, :2], "b": X[:, 2:]}, {"sign": Y, "size": Y})
    short = ({"a": X[:9, :2], "b": X[:8, 2:]}, {"sign": Y[:9], "size": Y[:9]})
    with pytest.raises(UsageError, match="differing numbers of inputs"):
        KerasLearner(two_in_two_out("dict"), short, *sets[1:])
    with pytest.raises(LearnerError, match="the train set gives single samples"):
        KerasLearner(net(), (row for row in zip(X, Y, strict=True)), *sets[1:])


def test_init__a_model_that_is_not_built_yet__is_built_on_the_first_sample() -> None:
    def unbuilt() -> Any:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
        return model

    learners = [KerasLearner(unbuilt(), *thirds(X, Y), steps_per_round=40) for _ in range(2)]
    assert encode(learners[0].mli_get_current_weights().weights) == encode(
        learners[1].mli_get_current_weights().weights
    )
    assert run(2, learners).rounds[-1].accepted
    broken = keras.Sequential([keras.layers.Conv2D(3, 2)])
    broken.compile("sgd", "mse")
    with pytest.raises(LearnerError, match="not built, and can't be"):
        KerasLearner(broken, *thirds(X, Y))


def test_init__texts_as_labels__are_numbered_by_classes() -> None:
    words = np.array(["no", "yes"])[Y[:, 0].astype(int)]
    with pytest.raises(UsageError, match=r"such as '(no|yes)'"):
        KerasLearner(net(["accuracy"]), *thirds(X, words))
    learner = KerasLearner(net(["accuracy"]), *thirds(X, words), classes=["yes", "no"], steps_per_round=60)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote_value > 0.8


# ------------------------------------------------------------------------------------------------ fit's options


def test_train__weights_of_classes_and_samples__as_keras_own() -> None:
    order = np.arange(200)
    weight = np.float32(RNG.uniform(0, 2, 600))
    classes = {0: 1.0, 1: 5.0}
    want = net(["accuracy"], optimizer="sgd")
    want.train_on_batch(X[order], Y[order], sample_weight=weight[order] * np.where(Y[order, 0] > 0, 5, 1))
    train, vote, test = thirds(X, Y, weight)
    learner = KerasLearner(
        net(["accuracy"], optimizer="sgd"), train, vote[:2], test[:2], class_weight=classes, batch_size=200
    )
    found = learner.mli_propose_weights().weights
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found, want.get_weights(), strict=True))
    bare = KerasLearner(net(["accuracy"], optimizer="sgd"), *thirds(X, Y), batch_size=200)
    assert not np.allclose(found[0], bare.mli_propose_weights().weights[0], atol=1e-6)
    weighted = KerasLearner(net((), optimizer="sgd"), train, vote, test)
    assert weighted.evaluate(vote).score != weighted.evaluate(vote[:2]).score
    with pytest.raises(LearnerError, match="'loss' has none"):
        KerasLearner(net(()), train, vote, test, vote_policy="paired")
    sets = thirds([X[:, :2], X[:, 2:]], [Y, Y])
    with pytest.raises(UsageError, match="class_weight for targets of several parts"):
        KerasLearner(two_in_two_out("list"), *sets, class_weight=classes)


def test_train__callbacks__see_each_training_as_an_epoch_and_may_end_it() -> None:
    class Counting(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.seen.append(epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(sorted(logs))
            self.model.stop_training = batch == 1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            assert 0 < logs["loss"] < 2

        def on_train_end(self, logs: Any = None) -> None:
            self.seen.append("end")

    counting = Counting()
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
    learner = KerasLearner(net(["accuracy"]), *thirds(X, Y), steps_per_round=5, callbacks=[counting, rates])
    learner.mli_begin_round(3)
    proposed = learner.mli_propose_weights()
    assert counting.seen == [2, ["accuracy", "loss"], ["accuracy", "loss"], "end"]
    assert proposed.training_summary is not None and proposed.training_summary.samples == 64
    assert float(learner.model.optimizer.learning_rate) == pytest.approx(0.1 / 3)
    learner.mli_begin_round(3)
    assert encode(learner.mli_propose_weights().weights) == encode(proposed.weights)


def test_train__a_learning_rate_schedule__goes_on_over_the_rounds(tmp_path: Path) -> None:
    def make() -> KerasLearner:
        decay = keras.optimizers.schedules.PiecewiseConstantDecay([9], [0.5, 0.0])
        return KerasLearner(net(["accuracy"], optimizer=keras.optimizers.SGD(decay)), *thirds(X, Y), steps_per_round=5)

    learner = make()
    before = encode(learner.mli_get_current_weights().weights)
    found = {}
    for round in (1, 2, 3):
        learner.mli_begin_round(round)
        found[round] = encode(learner.mli_propose_weights().weights)
    assert (
        before != found[1] and found[3] == before
    )  # the rate is 0 from the tenth step on, which is in the second round
    again = make()
    again.mli_begin_round(2)
    assert encode(again.mli_propose_weights().weights) == found[2]
    learner.save(tmp_path)
    opened = keras.saving.load_model(tmp_path / "model.keras")
    assert type(opened.optimizer.get_config()["learning_rate"]["class_name"]) is str
