"""PyTorch modules as ONNX: ONNX Runtime predicts what the learner does, and the file tells nothing of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

import torch

from colearn_ledger.core.learner import Weights
from colearn_ledger.errors import LearnerError
from colearn_ledger.learners.torch import TorchLearner

pytestmark = pytest.mark.slow


class Parts(torch.nn.Module):
    """Takes two arguments, and gives two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop, self.out = torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5), torch.nn.Linear(6, 2)

    def forward(self, left: Any, right: Any) -> Any:
        return self.out(self.drop(torch.cat([self.norm(left), right], 1)))


class Whole(Parts):
    """Takes its inputs as one dict."""

    def forward(self, inputs: Any) -> Any:
        return super().forward(inputs["left"], inputs["right"])


class Choosing(Parts):
    """Its way depends on the numbers, which no exporter can express."""

    def forward(self, left: Any, right: Any) -> Any:
        return super().forward(left, right if left.sum().item() > 0 else left)


def parts() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(300, 3)).astype(np.float32) for name in ("left", "right")}


def learner(model: Any, x: Any) -> TorchLearner:
    y = (parts()["left"].sum(1) > 0).astype(np.int64)
    made = TorchLearner(model, (x, y), (x, y), (x, y), steps_per_round=5)
    made.mli_accept_weights(Weights(made.mli_propose_weights().weights))
    return made


def plain() -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
    )


def first(x: Any, count: int) -> Any:
    if isinstance(x, dict):
        return {name: part[:count] for name, part in x.items()}
    return tuple(part[:count] for part in x) if isinstance(x, tuple) else x[:count]


@pytest.mark.parametrize(
    "model, x, names",
    [
        (plain, parts()["left"], ["input"]),
        (Parts, parts(), ["left", "right"]),
        (Parts, tuple(parts().values()), ["input_0", "input_1"]),
        (Whole, parts(), ["left", "right"]),
    ],
    ids=["one input", "by name", "in order", "as one"],
)
def test_save_onnx__module__the_runtime_predicts_the_same_for_any_number_of_samples(
    model: Any, x: Any, names: list[str], tmp_path: Path
) -> None:
    trained = learner(model(), x)
    trained.model.train()  # as in the midst of a training: the file is for predictions all the same
    file = trained.save_onnx(tmp_path)
    assert trained.model.training and [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    found: dict[str, Any] = {}
    exec(file.line(tmp_path), found)
    assert [one.name for one in found["model"].get_inputs()] == names
    for count in (1, 7):
        some = first(x, count)
        values = some.values() if isinstance(some, dict) else some if isinstance(some, tuple) else [some]
        (output,) = found["model"].run(None, dict(zip(names, values, strict=True)))
        np.testing.assert_allclose(output, trained.predict(some), rtol=1e-5, atol=1e-6)
    data = (tmp_path / "model.onnx").read_bytes()
    assert b".py" not in data and str(Path(__file__).parent).encode() not in data


def test_save_onnx__module_that_cannot_be_expressed__is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LearnerError, match="a TorchLearner can't be written as ONNX"):
        learner(Choosing(), parts()).save_onnx(tmp_path)
    assert [*tmp_path.iterdir()] == []
