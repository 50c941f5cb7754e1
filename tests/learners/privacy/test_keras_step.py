"""DP-SGD in the Keras learner: what a sample can do to a step, what is remembered, and when the learner declines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.privacy import measure
from colearn_ledger import check_learner
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import CHANGES_NOTHING, DiffPrivConfig, ErrorCodes
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import DataError, LearnerError, UsageError
from colearn_ledger.learners.privacy.ledger import PrivacyLedger
from colearn_ledger.tasks import Training, get_task
from tests.kit.later import Later

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from colearn_ledger.learners.keras import KerasLearner
    from colearn_ledger.learners.privacy.keras_step import PrivateStep
else:
    keras, tf = Later("keras"), Later("tensorflow")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")
    PrivateStep = Later("colearn_ledger.learners.privacy.keras_step", "PrivateStep")

pytestmark = pytest.mark.tensorflow

CLIP = 0.7
NOISE = 0.48  # lasts for two proposals of four steps of 20 in 300


def model(*layers: Any, optimizer: Any = "adam", loss: Any = None) -> keras.Model:
    keras.utils.set_random_seed(7)
    net = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(3)])
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    net.optimizer.build(net.trainable_variables)
    return net


def hard() -> keras.Model:
    """A model whose layers have losses of their own, a random state, and a normalization that keeps samples apart."""
    keras.utils.set_random_seed(7)  # layers draw their seeds when they are made
    return model(
        keras.layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
        keras.layers.LayerNormalization(),
        keras.layers.ActivityRegularization(l2=0.01),
        keras.layers.Dropout(0.2),
    )


def data(n: int, seed: int = 3, scale: float = 1.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    x[np.arange(n), y] += 2
    return x * np.float32(scale), y


def config(**changes: Any) -> DiffPrivConfig:
    return DiffPrivConfig(
        **{"target_epsilon": 8.0, "target_delta": 1e-3, "max_grad_norm": CLIP, "noise_multiplier": NOISE, **changes}
    )


def learner(net: Any = None, *, seed: int = 1, privacy: DiffPrivConfig | None = None, **options: Any) -> KerasLearner:
    train, vote, test = data(300, seed), data(210, 11), data(210, 12)
    privacy = privacy or config(deterministic=True)
    options = {"batch_size": 20, "steps": 4, "seed": seed, **options}
    return KerasLearner(net or model(), train, vote, test, privacy=privacy, **options)


def norm(arrays: list[Any]) -> float:
    return float(np.sqrt(sum(np.square(a.astype(np.float64)).sum() for a in arrays)))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_clipped_sum__any_sample__adds_at_most_the_clip_norm(scale: float) -> None:
    step = PrivateStep(hard(), clip=CLIP, noise_multiplier=1.0, batch_size=8)
    x, y = data(30, scale=scale)
    whole = step.clipped_sum(x, y)
    clipped = 0
    for i in range(len(x)):
        alone = step.clipped_sum(x[i : i + 1], y[i : i + 1])
        assert norm(alone) <= CLIP * (1 + 1e-5)
        clipped += norm(alone) > CLIP * 0.999
        others = np.arange(len(x)) != i
        without = step.clipped_sum(x[others], y[others])
        assert norm([a - b for a, b in zip(whole, without, strict=True)]) <= CLIP * (1 + 1e-4)
    assert clipped  # or nothing was shown


@pytest.mark.slow
def test_clipped_sum__a_loose_clip__is_the_sum_of_the_models_own_gradients() -> None:
    net = model(
        keras.layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
        keras.layers.ActivityRegularization(l2=0.01),
    )
    x, y = data(13)
    expected = [np.zeros(v.shape, np.float32) for v in net.trainable_variables]
    for i in range(len(x)):
        with tf.GradientTape() as tape:
            guess = net(x[i : i + 1], training=True)
            loss = net.compute_loss(y=tf.constant(y[i : i + 1]), y_pred=guess)
        for total, gradient in zip(
            expected, tape.gradient(loss, [v.value for v in net.trainable_variables]), strict=True
        ):
            total += gradient.numpy()
    found = PrivateStep(net, clip=1e6, noise_multiplier=1.0, batch_size=4).clipped_sum(x, y)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("poison", [np.nan, np.inf, 3e38])
def test_clipped_sum__a_sample_without_a_finite_gradient__counts_as_none(poison: float) -> None:
    net = hard()
    net.layers[0].kernel.assign(np.ones(net.layers[0].kernel.shape))  # six times 3e38 is infinite
    step = PrivateStep(net, clip=CLIP, noise_multiplier=1.0, batch_size=8)
    x, y = data(6)
    clean = step.clipped_sum(x[1:], y[1:])
    x[0] = poison
    for a, b in zip(step.clipped_sum(x, y), clean, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_step__nobody_in_the_sample__is_noise_of_the_scale_that_was_accounted_for() -> None:
    net = model(keras.layers.Dense(400), optimizer=keras.optimizers.SGD(1.0))
    step = PrivateStep(net, clip=CLIP, noise_multiplier=3.0, batch_size=10)
    x, y = data(0)
    before = [w.copy() for w in net.get_weights()]
    step(x, y, np.random.default_rng(5))
    moved = np.concatenate([(a - b).ravel() for a, b in zip(net.get_weights(), before, strict=True)])
    assert len(moved) > 4000
    assert moved.std() == pytest.approx(3.0 * CLIP / 10, rel=0.05)
    assert abs(moved.mean()) < 4 * 3.0 * CLIP / 10 / np.sqrt(len(moved))


@pytest.mark.slow
def test_step__layers_with_a_state__keep_it_as_it_was() -> None:
    net = hard()
    fixed = [np.array(v.numpy()) for v in net.non_trainable_variables]
    assert fixed  # the dropout's
    PrivateStep(net, clip=CLIP, noise_multiplier=1.0, batch_size=4)(*data(5), np.random.default_rng(0))
    for a, b in zip(fixed, net.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


def test_batches__poisson__differ_in_size_and_have_the_mean_that_was_asked_for() -> None:
    net = learner(steps=300, privacy=config(noise_multiplier=9.0))
    net.noise = np.random.default_rng(2)
    sizes = [len(rows) for rows in net.batches(np.random.default_rng(0))]
    assert len(sizes) == 300
    assert np.mean(sizes) == pytest.approx(20, abs=4 * np.sqrt(20 / 300))
    assert np.var(sizes) == pytest.approx(20 * (1 - 20 / 300), rel=0.4)


def test_init__batch_normalization__refused_even_inside_another_model() -> None:
    inner = keras.Sequential([keras.Input((6,)), keras.layers.BatchNormalization(name="inside")])
    with pytest.raises(LearnerError, match="inside") as caught:
        learner(model(inner))
    assert "LayerNormalization" in caught.value.fix


def test_init__what_contradicts_itself__refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keeps its state"):
        learner(optimizer_state="keep")
    with pytest.raises(UsageError, match="without privacy"):
        KerasLearner(model(), data(300), data(210), data(210), privacy_ledger=tmp_path / "x")
    learner(privacy=config(), optimizer_state="keep")


@pytest.mark.slow
def test_check_learner__with_privacy__keeps_the_promises() -> None:
    report = check_learner(learner(hard(), privacy=config()))
    assert any("not reproducible" in warning for warning in report.warnings)
    assert not check_learner(learner()).warnings


@pytest.mark.slow
def test_propose__each__tells_what_was_spent_until_it_declines_and_still_votes() -> None:
    net = learner()
    spent = []
    for round in (1, 2):
        net.mli_begin_round(round)
        proposed = net.mli_propose_weights()
        summary = proposed.training_summary
        assert summary is not None and summary.dp_budget is not None and summary.error_code is None
        assert summary.samples == 80  # the mean: the true number would tell something, too
        spent.append(summary.dp_budget.consumed_epsilon)
        net.mli_accept_weights(proposed)
    assert 0 < spent[0] < spent[1] <= 8
    before = encode(net.mli_get_current_weights().weights)
    net.mli_begin_round(3)
    declined = net.mli_propose_weights()
    summary = declined.training_summary
    assert summary is not None and summary.error_code is ErrorCodes.DP_BUDGET_EXCEEDED
    assert summary.dp_budget is not None and summary.dp_budget.consumed_epsilon == spent[1]
    assert encode(declined.weights) == encode(net.mli_get_current_weights().weights) == before
    assert net.mli_test_weights(net.mli_get_current_weights()).record.reason == CHANGES_NOTHING


@pytest.mark.slow
def test_propose__deterministic__by_seed_round_and_start_alone() -> None:
    first, again, other = learner(), learner(), learner(privacy=config(deterministic=True, noise_multiplier=2.0))
    for net in (first, again):
        net.mli_begin_round(5)
    assert encode(first.mli_propose_weights().weights) == encode(again.mli_propose_weights().weights)
    # From another start the noise is other noise: else the two proposals' difference would have none.
    drawn = []
    for start in (1.0, 2.0):
        other.mli_accept_weights(Weights([np.full_like(w, start) for w in other.mli_get_current_weights().weights]))
        other.mli_begin_round(5)
        seen: list[Any] = []
        other.train_batch = lambda rows, seen=seen: seen.append(other.noise.random())
        other.mli_propose_weights()
        drawn.append(seen[0])
    assert drawn[0] != drawn[1]


@pytest.mark.slow
def test_propose__without_deterministic__never_the_same_noise() -> None:
    first, second = learner(privacy=config()), learner(privacy=config())
    assert encode(first.mli_propose_weights().weights) != encode(second.mli_propose_weights().weights)


@pytest.mark.slow
def test_propose__asked_again_for_the_same_round__the_same_weights_and_spent_once(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    net = learner(privacy=config(), privacy_ledger=path)
    bytes_, lines = [], []
    for round in (1, 1, 2):
        net.mli_begin_round(round)
        proposed = net.mli_propose_weights()
        bytes_.append(encode(proposed.weights))
        lines.append(len(path.read_text().splitlines()))
        proposed.weights[0][...] = 7  # what was handed out is a copy
    assert bytes_[0] == bytes_[1] != bytes_[2]
    assert lines == [2, 2, 3]


@pytest.mark.slow
def test_propose__after_a_restart__the_spent_budget_is_still_spent(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    old = learner(privacy=config(), privacy_ledger=path)
    spent = old.mli_propose_weights().training_summary
    new = learner(privacy=config(), privacy_ledger=path)
    assert new.privacy is not None and spent is not None and new.privacy.budget == spent.dp_budget
    assert new.mli_propose_weights().training_summary.error_code is None  # type: ignore[union-attr]
    assert new.mli_propose_weights().training_summary.error_code is ErrorCodes.DP_BUDGET_EXCEEDED  # type: ignore[union-attr]


@pytest.mark.slow
def test_propose__ledger_that_cannot_be_written__nothing_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    net = learner(privacy=config(), privacy_ledger=folder / "privacy.jsonl")
    before = encode(net.mli_get_current_weights().weights)
    ledger = net.privacy.ledger  # type: ignore[union-attr]
    trained: list[int] = []
    train_batch = net.train_batch

    def train_then_lose_the_disk(rows: Any) -> None:
        train_batch(rows)
        trained.append(len(rows))
        if ledger.path is not None and ledger.path.exists():
            ledger.path.unlink()
            folder.rmdir()

    net.train_batch = train_then_lose_the_disk  # type: ignore[method-assign]
    with pytest.raises(DataError, match="can't be used") as caught:
        net.mli_propose_weights()
    assert "nothing is published" in caught.value.fix
    assert len(trained) == 4
    assert encode(net.mli_get_current_weights().weights) == before


@pytest.mark.slow
def test_propose__another_process_spent_the_rest_meanwhile__declines(tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    net = learner(privacy=config(), privacy_ledger=path)
    train_batch = net.train_batch

    def train_while_others_spend(rows: Any) -> None:
        train_batch(rows)
        with PrivacyLedger(path).open() as ledger:
            if len(ledger.spent) < 2:
                ledger.append(net.privacy.spending)  # type: ignore[union-attr]

    net.train_batch = train_while_others_spend  # type: ignore[method-assign]
    net.mli_begin_round(4)
    declined = net.mli_propose_weights()
    assert declined.training_summary.error_code is ErrorCodes.DP_BUDGET_EXCEEDED  # type: ignore[union-attr]
    assert encode(declined.weights) == encode(net.mli_get_current_weights().weights)
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
def test_task__with_privacy__the_learner_of_a_node_is_the_demos_but_for_its_ledger(tmp_path: Path) -> None:
    from colearn_node.task_learner import task_learner

    write_digits(tmp_path)
    path = tmp_path / "privacy.jsonl"
    options: dict[str, Any] = {"data_dir": str(tmp_path), "seed": 3, "batch_size": 10}
    private = {"epsilon": 8.0, "delta": 1e-3, "clip": CLIP, "proposals": 1}
    ours: Any = task_learner(index=1, of=2, **options, **private, privacy_ledger=str(path))
    config = DiffPrivConfig(8.0, 1e-3, CLIP, proposals=1)
    training = Training(batch_size=10, epsilon=8.0, delta=1e-3, clip=CLIP, proposals=1)
    demo: Any = get_task("KERAS_MNIST").make_learners(2, training, seed=3, data_dir=tmp_path).learners[1]
    assert ours.privacy.spending == demo.privacy.spending
    assert ours.privacy.config == config and not ours.privacy.config.deterministic
    assert ours.mli_propose_weights().training_summary.dp_budget.consumed_epsilon <= 8
    assert len(path.read_text().splitlines()) == 2
    again: Any = task_learner(index=1, of=2, **options, **private, privacy_ledger=str(path))
    assert again.mli_propose_weights().training_summary.error_code is ErrorCodes.DP_BUDGET_EXCEEDED


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*votes on:UserWarning")
def test_benchmark__a_target_and_none__measured_and_within_the_budget(tmp_path: Path) -> None:
    write_digits(tmp_path)
    private, plain = (measure(target, 1, 1, tmp_path) for target in (8.0, None))
    assert 0 < private["epsilon"] <= 8 and private["noise"] > 0 == plain["noise"]
    assert private["seconds"] > 0 and plain["seconds"] > 0
    assert all(0 <= found[key] <= 1 for found in (private, plain) for key in ("accepted", "accuracy"))


def write_digits(folder: Path) -> None:
    """Noise in the form of MNIST: what is learnt from it doesn't matter."""
    rng = np.random.default_rng(0)
    parts = {"train": 900, "test": 300}
    x = {f"x_{name}": rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for name, n in parts.items()}
    y = {f"y_{name}": rng.integers(0, 10, n, dtype=np.uint8) for name, n in parts.items()}
    np.savez(folder / "mnist.npz", **x, **y)
