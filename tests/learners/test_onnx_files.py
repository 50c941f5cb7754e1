"""Models as ONNX: ONNX Runtime predicts with them what the learner does, and what can't be written is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.learner import Weights
from colearn_ledger.errors import LearnerError, OutOfMemory, UsageError
from colearn_ledger.learners.onnx_files import exporting
from tests.kit.later import Later
from tests.kit.saving import classifier

keras = Later("colearn_ledger.tasks.keras_env", "keras")
KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")


def keras_learner(several: bool = False) -> Any:
    """One input, or two by their names."""
    keras.utils.set_random_seed(7)
    inputs = {name: keras.Input((3,), name=name) for name in ("left", "right")[: 2 if several else 1]}
    joined = keras.layers.Concatenate()([*inputs.values()]) if several else inputs["left"]
    x = keras.layers.BatchNormalization()(joined)
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, activation="relu")(x))
    net = keras.Model(inputs if several else inputs["left"], keras.layers.Dense(2, activation="softmax")(x))
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    rng = np.random.default_rng(1)
    parts = {name: rng.normal(size=(300, 3)).astype(np.float32) for name in inputs}
    y = (parts["left"].sum(1) > 0).astype(np.int64)
    data = (parts if several else parts["left"]), y
    return KerasLearner(net, data, data, data, steps_per_round=5)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("several", [False, True], ids=["one input", "two inputs"])
def test_save_onnx__keras__the_runtime_predicts_the_same_for_any_number_of_samples(
    several: bool, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    learner = keras_learner(several)
    learner.mli_accept_weights(Weights(learner.mli_propose_weights().weights))
    file = learner.save_onnx(tmp_path / "taken")
    names: dict[str, Any] = {}
    exec(file.line(tmp_path / "taken"), names)
    assert isinstance(names["model"], runtime.InferenceSession)
    x = learner.test_set[0]
    for count in (1, 7):
        some = {name: part[:count] for name, part in x.items()} if several else x[:count]
        by_name = some if several else {names["model"].get_inputs()[0].name: some}
        (found,) = names["model"].run(None, by_name)
        np.testing.assert_allclose(found, learner.predict(some), rtol=1e-5, atol=1e-6)


def test_save_onnx__scikit_learn__is_refused_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a SklearnLearner has no ONNX form"):
        classifier().save_onnx(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_exporting__what_it_needs_is_missing__names_it_and_how_to_get_it(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="ONNX of a Learner needs no_such_exporter") as told,
        exporting("Learner", tmp_path / "model.onnx", ("json", "no_such_exporter")),
    ):
        pytest.fail("the exporter ran")
    assert '".[onnx]"' in told.value.fix


@pytest.mark.parametrize("raised", [ValueError("no such operator"), SystemError("bug")])
def test_exporting__exporter_fails__says_why(raised: Exception, tmp_path: Path) -> None:
    with pytest.raises(LearnerError, match=str(raised)), exporting("Learner", tmp_path / "model.onnx", ()):
        raise raised


@pytest.mark.parametrize("raised", [OSError(28, "No space left on device"), OutOfMemory("too little memory")])
def test_exporting__what_is_not_the_exporters_fault__stays_what_it_is(raised: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(raised)) as told, exporting("Learner", tmp_path / "model.onnx", ()):
        raise raised
    assert told.value is raised


def test_exporting__no_file_in_the_end__is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(LearnerError, match=r"has written no model\.onnx"),
        exporting("Learner", tmp_path / "model.onnx", ()),
    ):
        pass
