"""A model that is taken home: ``learner.model``, predictions, files that each framework opens without this package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neural_network import MLPClassifier

from colearn_ledger import load_weights
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import ModelFormat, PredictionRequest
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, SchemaMismatch, UsageError
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.saved import named_parts, write_safetensors
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.template import TemplateLearner
from colearn_ledger.tasks.split import Share, split
from tests.kit.later import Later

keras = Later("colearn_ledger.tasks.keras_env", "keras")
KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")


def shares() -> list[Share]:
    x, y = load_digits(return_X_y=True)
    return split((x[:600] / 16).astype(np.float32), y[:600], 2, 0.5, seed=1)


def data() -> tuple[Any, Any, Any]:
    share = shares()[0]
    return share.train, share.vote, share.test


def keras_model() -> Any:
    keras.utils.set_random_seed(7)
    net = keras.Sequential(
        [keras.Input((64,)), keras.layers.BatchNormalization(), keras.layers.Dense(10, activation="softmax")]
    )
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return net


def xgboost_learner() -> TemplateLearner:
    pytest.importorskip("xgboost", reason="XGBoost is not installed")
    from colearn_ledger.learners.xgboost import XGBoostLearner

    return XGBoostLearner({"objective": "multi:softprob", "num_class": 10, "max_depth": 2}, *data())


CLASSES = {"classes": np.arange(10)}
LEARNERS = {
    "keras": lambda: KerasLearner(keras_model(), *data(), epochs=3),
    "sgd": lambda: SklearnLearner(SGDClassifier(), *data(), **CLASSES),
    "mlp": lambda: SklearnLearner(MLPClassifier((8,)), *data(), **CLASSES, batch_size=32),
    "bayes": lambda: SklearnLearner(MultinomialNB(), *data(), **CLASSES),
    "forest": lambda: ForestLearner(RandomForestClassifier(max_depth=3), *data(), **CLASSES, steps_per_round=3),
    "extra": lambda: ForestLearner(ExtraTreesRegressor(max_depth=3), *data(), steps_per_round=3),
    "xgboost": xgboost_learner,
}
EVERY = [pytest.param(name, marks=[pytest.mark.tensorflow] if name == "keras" else []) for name in LEARNERS]


def trained(name: str) -> TemplateLearner:
    """A learner that has adopted a training of its own."""
    learner = LEARNERS[name]()
    learner.mli_accept_weights(Weights(learner.mli_propose_weights().weights))
    return learner


def predicted(name: str, model: Any, x: Any) -> Any:
    """What the framework's own object predicts, by the framework alone."""
    if name == "keras":
        return model.predict(x, verbose=0)
    if name == "xgboost":
        import xgboost

        return model.predict(xgboost.DMatrix(x))
    return model.predict(x)


def opened(line: str) -> Any:
    """What the Python that opens a file makes."""
    names: dict[str, Any] = {}
    exec(line, names)
    return names["model"]


@pytest.mark.parametrize("name", EVERY)
def test_model__after_an_acceptance__predicts_as_the_framework_does_and_as_the_learner_says(name: str) -> None:
    learner = trained(name)
    x = learner.test_set[0]
    current = learner.mli_get_current_model()
    assert current.model_format is ModelFormat.NATIVE and current.model is learner.model
    answer = learner.mli_make_prediction(PredictionRequest("ten digits", x[:10]))
    assert answer.name == "ten digits"
    np.testing.assert_allclose(answer.prediction_data, predicted(name, learner.model, x[:10]), rtol=1e-6)
    before = LEARNERS[name]()
    assert not np.array_equal(before.predict(x), learner.predict(x))


@pytest.mark.parametrize("name", EVERY)
def test_save__every_learner__the_framework_opens_it_and_predicts_the_same(name: str, tmp_path: Path) -> None:
    learner = trained(name)
    files = learner.save(tmp_path / "taken")
    assert sorted(p.name for p in (tmp_path / "taken").iterdir()) == sorted(file.name for file in files)
    x, checked = learner.test_set[0], 0
    for file in files:
        if file.name.endswith(".safetensors"):
            arrays = safetensors.numpy.load_file(tmp_path / "taken" / file.name)
            assert sum(a.size for a in arrays.values()) > 0
            continue
        model = opened(file.line(tmp_path / "taken"))
        np.testing.assert_array_equal(predicted(name, model, x), predicted(name, learner.model, x))
        checked += 1
    assert checked == {"keras": 1, "xgboost": 2}.get(name, 1)


@pytest.mark.tensorflow
def test_save__a_keras_optimizer_that_has_trained__its_momenta_are_not_in_the_file(tmp_path: Path) -> None:
    learner = LEARNERS["keras"]()
    learner.mli_propose_weights()
    before = [np.copy(v) for v in learner.model.optimizer.variables]
    (file, _) = learner.save(tmp_path)
    assert any(np.any(value) for value in before[2:])
    assert not any(np.any(v) for v in opened(file.line(tmp_path)).optimizer.variables[2:])
    assert all(np.array_equal(a, b) for a, b in zip(before, learner.model.optimizer.variables, strict=True))


@pytest.mark.parametrize("name", EVERY)
def test_load__weights_of_another_member__become_the_current_ones(name: str, tmp_path: Path) -> None:
    learner, path = trained(name), tmp_path / "weights.safetensors"
    path.write_bytes(encode(learner.mli_get_current_weights().weights))
    other = LEARNERS[name]()
    other.load(path)
    x = learner.test_set[0]
    np.testing.assert_array_equal(other.predict(x), learner.predict(x))
    assert encode(load_weights(path)) == path.read_bytes()


def test_predict__in_the_midst_of_a_training__by_the_current_weights_and_the_training_goes_on() -> None:
    plain, asked = LEARNERS["mlp"](), LEARNERS["mlp"]()
    x, seen = plain.test_set[0], []

    def look(*_: int) -> bool:
        seen.append(asked.mli_make_prediction(PredictionRequest("now", x)).prediction_data)
        return True

    now = plain.predict(x)
    asked.mli_set_pause(look)
    assert encode(asked.mli_propose_weights().weights) == encode(plain.mli_propose_weights().weights)
    assert len(seen) == asked.steps and all(np.array_equal(one, now) for one in seen)


def test_load__another_models_weights__a_mismatch_and_nothing_changed(tmp_path: Path) -> None:
    learner, path = LEARNERS["sgd"](), tmp_path / "weights.safetensors"
    path.write_bytes(encode({"coef_": np.zeros((10, 3))}))
    before = encode(learner.mli_get_current_weights().weights)
    with pytest.raises(SchemaMismatch):
        learner.load(path)
    assert encode(learner.mli_get_current_weights().weights) == before


def test_load_weights__what_is_none__is_told_with_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        load_weights(tmp_path / "nothing.safetensors")
    with pytest.raises(UsageError):
        load_weights(tmp_path)
    data = encode([np.ones(3), 0.5])
    for wrong in (b"", data[:-1], data + b"x", data.replace(b"F64", b"F16"), b"\x80\x04K\x01."):
        path = tmp_path / "weights.safetensors"
        path.write_bytes(wrong)
        with pytest.raises(InvalidWeights, match=re.escape(str(path))):
            load_weights(path)


def test_make_prediction__a_key_for_reading_the_data__is_refused() -> None:
    with pytest.raises(UsageError, match="way of reading"):
        LEARNERS["sgd"]().mli_make_prediction(PredictionRequest("x", np.zeros((1, 64)), pred_dataloader_key="images"))


def test_named_parts__a_tree__names_people_know_and_pointers_where_two_would_be_one() -> None:
    arrays, scalars = named_parts({"coefs_": [np.ones(2), np.zeros(3)], "fc/w": np.ones(1), "steps": 3, "raw": b"ab"})
    assert sorted(arrays) == ["coefs_.0", "coefs_.1", "fc/w", "raw"] and scalars == {"steps": 3}
    arrays, _ = named_parts({"a.b": np.ones(1), "a": {"b": np.zeros(1)}})
    assert {name: value[0] for name, value in arrays.items()} == {"/a.b": 1.0, "/a/b": 0.0}
    assert list(named_parts(np.ones(2))[0]) == ["weights"]


DTYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f4", ">i2"])
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))


@pytest.mark.slow
@given(st.dictionaries(st.text(min_size=1, max_size=8), ARRAYS))
def test_write_safetensors__any_arrays__the_library_reads_the_same(tmp_path_factory: Any, tensors: Any) -> None:
    path = tmp_path_factory.mktemp("one") / "model.safetensors"
    tensors.pop("__metadata__", None)
    write_safetensors(path, tensors, {"steps": 3})
    found = safetensors.numpy.load_file(path)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], value)
