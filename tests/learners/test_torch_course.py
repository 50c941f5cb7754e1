"""Checkpoints of trainings by PyTorch: optimizer, schedule, dropout, loaders' order."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from torch.utils.data import DataLoader

from colearn_ledger.learners.torch import TorchLearner

from ..kit.checkpoints import InMemory, assert_goes_on, broken_off
from ..kit.torch_learners import blobs, network, proposal
from .test_torch_datasets import Samples

pytestmark = pytest.mark.slow


def learner(**options: Any) -> TorchLearner:
    return TorchLearner(network(), *blobs(), **options)


def decaying(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)


SGD = {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9)}


@pytest.mark.parametrize(
    "options",
    [{}, {"early_stop": 2}, {"schedule": decaying, **SGD}, {"precision": "bf16"}, {"share": "*weight"}],
    ids=["adam", "early stop", "schedule", "bf16", "a part"],
)
def test_checkpoint__torch__goes_on_to_the_same_bytes(options: dict[str, Any]) -> None:
    assert_goes_on(lambda: learner(**options), 5)


@pytest.mark.parametrize("workers", [0, 2])
def test_checkpoint__a_loader_that_reads_ahead__goes_on_with_the_batches_that_were_not_done(workers: int) -> None:
    train, vote, test = blobs()

    def make() -> TorchLearner:
        return TorchLearner(network(), DataLoader(Samples(train), 32, num_workers=workers), vote, test, epochs=2)

    assert_goes_on(make, 17)  # the last of a pass, or the one before


def test_checkpoint__another_optimizer__is_put_aside_and_the_training_is_whole() -> None:
    kept, other = broken_off(learner(), 3), learner(**SGD)
    other.mli_set_checkpoint(kept)
    assert proposal(other, 2) == proposal(learner(**SGD), 2)
    assert "optimizer was 'Adam" in kept.said[0]


def test_checkpoint__bytes_that_pytorch_does_not_read__are_put_aside_and_the_training_is_whole() -> None:
    kept, other = broken_off(learner(), 3), learner()
    state = kept.load()
    state["state"]["training"] = b"no zip"
    kept.save(state)
    other.mli_set_checkpoint(kept)
    assert proposal(other, 2) == proposal(learner(), 2) and len(kept.said) == 1


def test_checkpoint__adapters_and_frozen_parts__the_base_is_not_in_it() -> None:
    def make() -> TorchLearner:
        model = network()
        for parameter in model[0].parameters():
            parameter.requires_grad = False
        return TorchLearner(model, *blobs(), share="trainable")

    assert_goes_on(make, 5)
    kept = InMemory()
    one = make()
    one.mli_set_checkpoint(kept)
    one.mli_propose_weights()
    assert kept.data is not None and b"0.weight" not in kept.data and b"4.weight" in kept.data
