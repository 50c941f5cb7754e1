"""Learners that hold PyTorch's tensors, written as for the published interface."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

from colearn_ledger import EmbeddedLedger, InProcess, ProposedWeights, Weights, check_learner, run
from colearn_ledger.core.learner import MachineLearningInterface
from colearn_ledger.core.tensors import like, plain
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import InvalidWeights, LearnerError

pytestmark = pytest.mark.slow


class Net(MachineLearningInterface):
    """The whole state of a small net: weights, and the statistics and the counter of its batch normalisation."""

    def __init__(self, seed: int, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2)).to(
            dtype
        )
        self.x = torch.randn(64, 4, dtype=dtype)
        self.y = (self.x.sum(dim=1) > 0).long()
        self.vote_score = self.score()

    def mli_propose_weights(self) -> Weights:
        current = self.mli_get_current_weights()
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.2)
        self.model.train()
        for rows in torch.arange(64).split(16):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows]).backward()
            optimizer.step()
        new = self.mli_get_current_weights()
        self.model.load_state_dict(current.weights)
        return new

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        current = self.mli_get_current_weights()
        self.model.load_state_dict(weights.weights)
        score = self.score()
        self.model.load_state_dict(current.weights)
        return ProposedWeights(weights=weights, vote_score=score, test_score=score, vote=score < self.vote_score)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.model.load_state_dict(weights.weights)
        self.vote_score = self.score()

    def mli_get_current_weights(self) -> Weights:
        return Weights(weights=OrderedDict((k, v.clone()) for k, v in self.model.state_dict().items()))

    def score(self) -> Any:
        self.model.eval()
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(self.model(self.x), self.y)  # a tensor without dimensions


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_net__both_backends__same_bytes(dtype: torch.dtype) -> None:
    runs = [run(4, [Net(i, dtype) for i in range(3)], backend=backend) for backend in (InProcess(), EmbeddedLedger())]
    assert runs[0].final_sha256 == runs[1].final_sha256
    assert any(r.accepted for r in runs[0].rounds)
    assert runs[0].rounds[-1].votes == runs[1].rounds[-1].votes


def test_check_learner__net__keeps_the_promises() -> None:
    report = check_learner(Net(0), make=lambda: Net(0))
    assert ["mli_begin_round" in warning for warning in report.warnings] == [True]


def test_check_learner__state_without_copies__says_that_it_is_the_models() -> None:
    class Aliasing(Net):
        def mli_get_current_weights(self) -> Weights:
            return Weights(weights=self.model.state_dict())

    with pytest.raises(LearnerError, match="mli_propose_weights changed the current weights"):
        check_learner(Aliasing(0))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([[1.5, -2.0]], requires_grad=True) * 1,
        torch.nn.Parameter(torch.ones(3, dtype=torch.float64)),
        torch.tensor(7),
        torch.tensor([True, False]),
        torch.arange(6).reshape(2, 3).T,
        torch.zeros(0, 3),
        torch.tensor([1.0, 3.140625], dtype=torch.bfloat16),
        torch.tensor(0.5, dtype=torch.float16),
    ],
)
def test_like__each_tensor__the_same_again_with_memory_of_its_own(tensor: torch.Tensor) -> None:
    before = tensor.detach().clone()
    back = like(decode(encode(plain([tensor]))), [tensor])[0]
    assert isinstance(back, torch.Tensor)
    assert (back.dtype, back.shape, back.device) == (tensor.dtype, tensor.shape, tensor.device)
    assert torch.equal(back, tensor)
    back.add_(1) if back.dtype != torch.bool else back.logical_not_()
    assert torch.equal(tensor, before)


def test_plain__sparse_tensor__refused_in_one_sentence() -> None:
    with pytest.raises(InvalidWeights, match="'/w'"):
        plain({"w": torch.eye(2).to_sparse()})


def test_like__numpy_learner_of_a_torch_proposal__gets_arrays() -> None:
    data = encode(plain([torch.ones(2)]))
    assert isinstance(like(decode(data), [np.zeros(2, np.float32)])[0], np.ndarray)
