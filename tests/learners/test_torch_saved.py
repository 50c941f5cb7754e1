"""A PyTorch model that is taken home: the module, its predictions, and files that PyTorch opens by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import safetensors.torch
import torch
from sklearn.datasets import load_digits

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.summaries import ModelFormat, PredictionRequest
from colearn_ledger.core.weights import encode
from colearn_ledger.learners.torch import TorchLearner
from colearn_ledger.tasks.split import split

pytestmark = pytest.mark.slow


def model(dtype: Any = torch.float32) -> Any:
    torch.manual_seed(7)
    layers = torch.nn.Linear(64, 16), torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 10)
    return torch.nn.Sequential(*layers).to(dtype)


def trained() -> TorchLearner:
    x, y = load_digits(return_X_y=True)
    (share, _) = split((x / 16).astype(np.float32), y, 2, 0.5, seed=1)
    learner = TorchLearner(model(), share.train, share.vote, share.test, steps_per_round=20)
    learner.mli_accept_weights(Weights(learner.mli_propose_weights().weights))
    return learner


def outputs(module: Any, x: Any) -> Any:
    module.eval()
    with torch.no_grad():
        return module(torch.as_tensor(x)).numpy()


def test_model__after_an_acceptance__predicts_as_the_module_does() -> None:
    learner = trained()
    x = learner.test_set[0]
    current = learner.mli_get_current_model()
    assert current.model_format is ModelFormat.NATIVE and current.model is learner.model
    answer = learner.mli_make_prediction(PredictionRequest("digits", x)).prediction_data
    np.testing.assert_allclose(answer, outputs(learner.model, x), rtol=1e-6)
    np.testing.assert_array_equal(answer, learner.mli_make_prediction(PredictionRequest("digits", x)).prediction_data)


def test_save__state_dict__pytorch_opens_it_without_pickles_and_predicts_the_same(tmp_path: Path) -> None:
    learner = trained()
    x = learner.test_set[0]
    pt, tensors = learner.save(tmp_path)
    assert (
        sorted(p.name for p in tmp_path.iterdir())
        == sorted([pt.name, tensors.name])
        == ["model.pt", "model.safetensors"]
    )
    names: dict[str, Any] = {}
    exec(pt.line(tmp_path), names)
    for state in (names["state"], safetensors.torch.load_file(tmp_path / tensors.name)):
        module = model()
        module.load_state_dict(state)
        np.testing.assert_array_equal(outputs(module, x), outputs(learner.model, x))


def test_load__weights_of_another_member__become_the_current_ones(tmp_path: Path) -> None:
    learner, path = trained(), tmp_path / "weights.safetensors"
    path.write_bytes(encode(learner.mli_get_current_weights().weights))
    x = learner.test_set[0]
    other = TorchLearner(model(), learner.train_set, learner.vote_set, learner.test_set)
    other.load(path)
    np.testing.assert_array_equal(other.predict(x), learner.predict(x))
