"""Hugging Face's datasets as the sets of PyTorch and Keras learners: from local data alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("datasets", reason="datasets is not installed")

import datasets
import torch
from torch.utils.data import DataLoader

from colearn_ledger import check_learner
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import UsageError
from colearn_ledger.learners.torch import TorchLearner

from ..kit.checkpoints import assert_goes_on
from ..kit.torch_learners import blobs, network, proposal

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def table(pair: tuple[Any, Any], kind: str | None = "torch") -> Any:
    return datasets.Dataset.from_dict({"x": pair[0], "label": pair[1]}).with_format(kind)


@pytest.mark.parametrize("kind", ["torch", "numpy", None])
def test_torch__a_table__the_bytes_of_arrays(kind: str | None, tmp_path: Path) -> None:
    sets = blobs()
    arrays = TorchLearner(network(), *sets, steps_per_round=8)
    tables = TorchLearner(network(), *(table(pair, kind) for pair in sets), steps_per_round=8)
    assert tables.reproducible and proposal(tables, 1) == proposal(arrays, 1)
    tables.mli_accept_weights(tables.mli_propose_weights())
    arrays.mli_accept_weights(arrays.mli_propose_weights())
    one, other = (learner.mli_test_weights(learner.mli_get_current_weights()) for learner in (tables, arrays))
    assert (one.vote_score, one.test_score) == (other.vote_score, other.test_score)


def test_torch__a_table_on_disk_in_a_loader__the_bytes_of_arrays(tmp_path: Path) -> None:
    train, vote, test = blobs()
    table(train).save_to_disk(str(tmp_path / "train"))
    stored = datasets.load_from_disk(str(tmp_path / "train")).with_format("torch")
    loaded = TorchLearner(network(), DataLoader(stored, 16), vote, test, steps_per_round=8)
    assert proposal(loaded, 1) == proposal(TorchLearner(network(), *blobs(), batch_size=16, steps_per_round=8), 1)


def test_torch__a_stream__goes_on_and_needs_the_number_of_steps() -> None:
    train, vote, test = blobs()
    stream = table(train, None).to_iterable_dataset()
    learner = TorchLearner(network(), stream, table(vote), table(test), steps_per_round=8)
    assert not learner.reproducible
    assert proposal(learner, 1) != proposal(learner, 2)
    with pytest.raises(UsageError, match="nobody knows how long a pass is"):
        TorchLearner(network(), stream, vote, test)
    with pytest.raises(UsageError, match="the vote set, a IterableDataset, has no length"):
        TorchLearner(network(), train, stream, test)


def test_torch__check_learner_and_checkpoints__as_with_arrays() -> None:
    sets = [table(pair) for pair in blobs()]
    check_learner(TorchLearner(network(), *sets, steps_per_round=3))
    assert_goes_on(lambda: TorchLearner(network(), *sets, steps_per_round=8))


class Sum(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, left: Any, right: Any) -> Any:
        return self.inner(torch.cat([left, right], 1))


def test_torch__several_columns__are_several_inputs() -> None:
    def halves(pair: tuple[Any, Any]) -> Any:
        x, y = pair
        return datasets.Dataset.from_dict({"left": x[:, :10], "right": x[:, 10:], "labels": y}).with_format("torch")

    learner = TorchLearner(Sum(), *(halves(pair) for pair in blobs()), steps_per_round=8)
    plain = TorchLearner(network(), *blobs(), steps_per_round=8)
    names = {f"inner.{name}": value for name, value in plain.mli_propose_weights().weights.items()}
    assert encode(learner.mli_propose_weights().weights) == encode(names)


def test_torch__no_column_of_targets__is_told() -> None:
    train, vote, test = blobs()
    with pytest.raises(UsageError, match="the vote set's samples have x, label_of_mine"):
        TorchLearner(network(), table(train), table(vote).rename_column("label", "label_of_mine"), test)


@pytest.mark.tensorflow
def test_keras__tables_and_streams__the_bytes_of_arrays() -> None:
    from colearn_ledger.learners.keras import KerasLearner
    from colearn_ledger.tasks.keras_env import keras

    def net() -> Any:
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dense(4, "softmax")]
        model = keras.Sequential([keras.Input((20,)), *layers])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        return model

    train, vote, test = blobs()
    arrays = KerasLearner(net(), train, vote, test, steps_per_round=8)
    tables = KerasLearner(net(), *(table(pair, None) for pair in (train, vote, test)), steps_per_round=8)
    assert tables.reproducible and proposal(tables, 1) == proposal(arrays, 1)
    one, other = (learner.mli_test_weights(learner.mli_get_current_weights()) for learner in (tables, arrays))
    assert (one.vote_score, one.test_score) == (other.vote_score, other.test_score)

    stream = table(train, None).to_iterable_dataset()
    learner = KerasLearner(net(), stream, vote, test, steps_per_round=8, batch_size=16)
    assert learner.batch_size == 16 and not learner.reproducible
    assert proposal(learner, 1) != proposal(learner, 2)
    with pytest.raises(UsageError, match="has no length"):
        KerasLearner(net(), stream, vote, test)
    with pytest.raises(UsageError, match="the train set's samples have x, y"):
        KerasLearner(net(), table(train).rename_column("label", "y"), vote, test)
    assert np.asarray(tables.vote_set[1]).tolist() == vote[1].tolist()
