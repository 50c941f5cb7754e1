"""The PyTorch learner on a GPU. ``scripts/gpu_check`` runs this where PyTorch, numpy and pytest are all that is there.

``COLEARN_GPU_DEVICE`` names the device, ``cuda`` by default; ``cpu`` tries the tests themselves.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from colearn_ledger import check_learner, run
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import OutOfMemory, UsageError
from colearn_ledger.learners.torch import TorchLearner
from colearn_ledger.learners.torch_data import TensorSet

from ..kit.torch_learners import blobs, network, proposal

DEVICE = os.environ.get("COLEARN_GPU_DEVICE", "cuda")
ON_CPU = DEVICE == "cpu"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="PyTorch finds no CUDA device"),
]


def make(module: torch.nn.Module | None = None, *, seed: int = 0, **options: Any) -> TorchLearner:
    return TorchLearner(module or network(), *blobs(seed), **{"device": DEVICE, "steps_per_round": 20, **options})


def convolutions() -> torch.nn.Module:
    torch.manual_seed(5)
    layers = [torch.nn.Unflatten(1, (1, 4, 5)), torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.BatchNorm2d(16)]
    return torch.nn.Sequential(*layers, torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(320, 4))


def places(learner: TorchLearner) -> set[str]:
    tensors = [*learner.model.state_dict().values()]
    return {tensor.device.type for tensor in tensors}


def test_device__auto__finds_it() -> None:
    if ON_CPU:
        pytest.skip("the device is the CPU")
    assert places(make(device="auto")) == {torch.device(DEVICE).type}


def test_device__a_number_that_isnt_there__is_refused_by_a_message_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="there is no device 'cuda:63' here") as error:
        make(device="cuda:63")
    assert DEVICE in error.value.expected


@pytest.mark.parametrize("deterministic", [False, True])
def test_check_learner__on_the_device__keeps_the_promises_and_says_whether_it_is_reproducible(
    deterministic: bool,
) -> None:
    learner = make(deterministic=deterministic, steps_per_round=3)
    assert learner.reproducible is (deterministic or ON_CPU)
    report = check_learner(learner, make=lambda: make(deterministic=deterministic, steps_per_round=3))
    assert any("not reproducible" in warning for warning in report.warnings) is not learner.reproducible
    assert places(learner) == {torch.device(DEVICE).type}


@pytest.mark.parametrize("module", [network, convolutions])
def test_deterministic__the_same_round__gives_the_same_bytes_whatever_came_between(module: Any) -> None:
    learner, restarted = (make(module(), deterministic=True) for _ in range(2))
    first = proposal(learner, 1)
    assert proposal(learner, 2) != first
    learner.mli_test_weights(learner.mli_get_current_weights())
    torch.rand(9, device=DEVICE)
    assert proposal(learner, 1) == proposal(restarted, 1) == first
    assert not torch.are_deterministic_algorithms_enabled()


def test_random_state__of_the_program__is_left_as_it_was() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(4, device=DEVICE)
    learner = make()
    torch.manual_seed(1)
    learner.mli_test_weights(learner.mli_propose_weights())
    assert torch.equal(torch.rand(4, device=DEVICE), wanted)


def test_training__against_the_cpus__comes_to_nearly_the_same_weights() -> None:
    def plain() -> torch.nn.Module:
        torch.manual_seed(3)
        return torch.nn.Linear(20, 4)

    ours, cpu = (decode(proposal(make(plain(), device=d), 1)) for d in (DEVICE, "cpu"))
    for name, value in cpu.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_run__three_learners_on_the_device__learn(precision: Any) -> None:
    learners = [make(seed=i, precision=precision, vote_policy="margin:-0.02") for i in range(3)]
    results = run(6, learners)
    assert min(s for s in results.rounds[-1].current_scores if s is not None) > 0.85
    assert {value.dtype.name for value in learners[0].mli_get_current_weights().weights.values()} == {
        "float32",
        "int64",
    }


def test_pause__others_weights_tested_amid_a_training__goes_on_as_if_nothing_had_been() -> None:
    learner, plain = (make(deterministic=True, optimizer_state="keep", early_stop=3) for _ in range(2))
    other = make(seed=1).mli_propose_weights()

    def pause(*_: int) -> bool:
        learner.mli_test_weights(other)
        assert encode(learner.mli_get_current_weights().weights) == before
        return True

    before = encode(learner.mli_get_current_weights().weights)
    learner.mli_set_pause(pause)
    paused = proposal(learner, 1)
    learner.mli_set_pause(None)
    assert paused == proposal(plain, 1)
    for one in (learner, plain):
        one.mli_accept_weights(Weights(decode(paused)))
        assert encode(one.read_weights()) == paused and places(one) == {torch.device(DEVICE).type}
    assert proposal(learner, 2) == proposal(plain, 2)  # with the momenta that the first training left


def test_batches__of_a_set_too_large_for_the_device__are_those_of_one_that_stays_there(tmp_path: Path) -> None:
    x, y = blobs()[0]
    np.save(tmp_path / "x.npy", x.astype(np.float64))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    device = torch.empty(0, device=DEVICE).device
    sets = [
        TensorSet((x, y), device),
        TensorSet((x, y), device, resident=0),
        TensorSet((mapped, y), device, resident=0),
    ]
    rows = np.random.default_rng(0).permutation(len(x))[:64]
    wanted = [part.cpu() for part in sets[0].take(rows)]
    assert torch.equal(wanted[0], torch.from_numpy(x[rows]))
    for data in sets:
        found = [data.take(rows), *data.pieces(64)]
        assert {part.device for pair in found for part in pair} == {device}
        assert all(torch.equal(part.cpu(), want) for part, want in zip(found[0], wanted, strict=True))
        assert torch.equal(torch.cat([inputs for inputs, _ in found[1:]]).cpu(), torch.from_numpy(x))


class Endless(IterableDataset[Any]):
    """Samples again and again, and no length."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield from zip(self.x, self.y, strict=True)


@pytest.mark.parametrize("kind", ["dataset", "loader with pinned memory", "no length"])
def test_run__samples_come_from_where_the_user_has_them__learns_on_the_device(kind: str) -> None:
    learners = []
    for seed in range(3):
        sets = [TensorDataset(torch.from_numpy(x), torch.from_numpy(y)) for x, y in blobs(seed)]
        train: Any = sets[0]
        if kind == "loader with pinned memory":
            train = DataLoader(train, batch_size=32, shuffle=True, pin_memory=not ON_CPU)
        elif kind == "no length":
            train = Endless(*sets[0].tensors)
        learners.append(
            TorchLearner(
                network(), train, *sets[1:], device=DEVICE, steps_per_round=20, seed=seed, vote_policy="paired"
            )
        )
    results = run(3, learners)
    assert any(r.accepted for r in results.rounds)
    assert places(learners[0]) == {torch.device(DEVICE).type}
    scores = [one.mli_test_weights(one.mli_get_current_weights()).test_value for one in learners]
    assert min(scores) > 0.5, scores


def test_share__a_part_of_the_model__travels_and_the_rest_stays_on_the_device() -> None:
    learners = [make(seed=seed, share=["0"], vote_policy="paired") for seed in range(3)]
    assert all("4.weight" not in str(one.mli_get_current_weights().weights) for one in learners)
    run(2, learners)
    shared, own = ([one.model.state_dict()[name].cpu() for one in learners] for name in ("0.weight", "4.weight"))
    assert all(torch.equal(one, shared[0]) for one in shared) and not torch.equal(own[0], own[1])
    assert places(learners[0]) == {torch.device(DEVICE).type}


def test_memory__too_little_on_the_device__is_told_and_passes() -> None:
    class Hungry(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.each = network(), 1  # bytes a sample

        def forward(self, x: torch.Tensor) -> Any:
            torch.empty(len(x) * self.each, dtype=torch.uint8, device=x.device)
            return self.inner(x)

    module = Hungry()
    learner = make(module, batch_size=32)  # which scores its vote set once
    module.each = 1 << 36
    with pytest.raises(OutOfMemory, match="a training with batches of 32") as error:
        learner.mli_propose_weights()
    assert "batch_size=16" in error.value.fix
    with pytest.raises(OutOfMemory, match="scoring in pieces of 32"):
        learner.mli_test_weights(learner.mli_get_current_weights())
    module.each = 1
    assert learner.mli_test_weights(learner.mli_propose_weights()).test_value > 0.3


def test_predict_and_save__from_the_device__open_anywhere(tmp_path: Path) -> None:
    learner = make()
    x = blobs()[2][0]
    found = learner.predict(x)
    learner.save(tmp_path)
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert {tensor.device.type for tensor in state.values()} == {"cpu"}
    module = network()
    module.load_state_dict(state)
    module.eval()
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(x)).numpy(), found, rtol=1e-3, atol=1e-4)


def test_memory__after_a_training__holds_no_gradients_and_momenta() -> None:
    if ON_CPU:
        pytest.skip("the CPU's memory isn't counted")
    torch.manual_seed(0)
    learner = make(torch.nn.Sequential(torch.nn.Linear(20, 1 << 20), torch.nn.ReLU(), torch.nn.Linear(1 << 20, 4)))
    before = torch.cuda.memory_allocated()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.mli_propose_weights()
    assert torch.cuda.memory_allocated() < before + (64 << 20)  # a model's worth is 100 MB
