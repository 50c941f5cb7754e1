"""The PyTorch learner's device, precision, threads and memory, as far as a machine without a GPU can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch

from colearn_ledger import check_learner
from colearn_ledger.core.asking import ask_judge
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import LearnerError, OutOfMemory, UsageError
from colearn_ledger.learners.torch import TorchLearner

from ..kit.torch_learners import blobs, network, proposal

pytestmark = pytest.mark.slow


def make(module: torch.nn.Module | None = None, **options: Any) -> TorchLearner:
    train, vote, test = blobs()
    return TorchLearner(module or network(), train, vote, test, **{"steps_per_round": 3, **options})


class Hungry(torch.nn.Module):
    """Finds no memory for more than ``most`` samples at once."""

    def __init__(self, most: int, error: BaseException | None = None) -> None:
        super().__init__()
        self.inner = network()
        self.most, self.error = most, error or torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate all.")

    def forward(self, x: torch.Tensor) -> Any:
        if len(x) > self.most:
            raise self.error
        return self.inner(x)


# ------------------------------------------------------------------------------------------------ which device


@pytest.mark.parametrize("device", ["gpu", "cuda:64", "meta", "", 7, None])
def test_device__that_isnt_there__is_refused_and_those_that_are_there_are_named(device: Any) -> None:
    with pytest.raises(UsageError) as error:
        make(device=device)
    assert f"there is no device {str(device)!r} here" in error.value.what
    assert "auto, cpu" in error.value.expected and "\n" not in error.value.what


def test_device__auto_without_a_gpu__is_the_cpu_with_its_bytes() -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is a GPU")  # what is told of one is in test_torch_gpu.py
    auto, plain = make(device="auto"), make()
    assert proposal(auto, 1) == proposal(plain, 1)
    assert auto.reproducible


@pytest.mark.parametrize("options", [{"precision": "float16"}, {"threads": 0}])
def test_options__out_of_range__are_refused(options: Any) -> None:
    with pytest.raises(UsageError):
        make(**options)


def test_threads__more_than_one__are_used_and_it_says_that_it_isnt_reproducible() -> None:
    seen = []

    class Looks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> Any:
            seen.append(torch.get_num_threads())
            return self.inner(x)

    before = torch.get_num_threads()
    learner = make(Looks(), threads=3)
    assert not learner.reproducible
    learner.mli_test_weights(learner.mli_propose_weights())
    assert set(seen) == {3}
    assert torch.get_num_threads() == before
    assert any("not reproducible" in warning for warning in check_learner(learner).warnings)


# ------------------------------------------------------------------------------------------------ precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_precision__mixed__trains_otherwise_and_as_well_with_weights_of_the_same_types(precision: Any) -> None:
    mixed, plain = (make(steps_per_round=60, precision=p) for p in (precision, "float32"))
    trained = proposal(mixed, 1)
    assert trained != proposal(plain, 1)
    assert trained == proposal(make(steps_per_round=60, precision=precision), 1)
    types = [{name: value.dtype for name, value in decode(data).items()} for data in (trained, proposal(plain, 1))]
    assert types[0] == types[1]
    judged = mixed.mli_test_weights(Weights(decode(trained)))
    assert judged.test_value > 0.9
    assert check_learner(mixed).kept


def test_precision__mixed_with_privacy__is_refused() -> None:
    pytest.importorskip("opacus")
    from colearn_ledger.core.summaries import DiffPrivConfig

    config = DiffPrivConfig(target_epsilon=8.0, target_delta=1e-3, max_grad_norm=1.0, noise_multiplier=1.0)
    with pytest.raises(UsageError, match="differential privacy in the precision"):
        make(precision="bf16", privacy=config)


def test_deterministic__a_layer_without_such_an_algorithm__is_told_in_one_message() -> None:
    class Refuses(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> Any:
            if torch.are_deterministic_algorithms_enabled():
                raise RuntimeError("put_ does not have a deterministic implementation, but you set 'torch.use_...'")
            return self.inner(x)

    with pytest.raises(LearnerError, match="can't be computed deterministically") as error:
        make(Refuses(), deterministic=True).mli_propose_weights()
    assert "deterministic=False" in error.value.fix
    assert not torch.are_deterministic_algorithms_enabled()


# ------------------------------------------------------------------------------------------------ memory

NO_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."),
    RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError(),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_memory__too_little_to_train__names_the_batch_size_to_try_and_leaves_the_weights(error: BaseException) -> None:
    module = Hungry(4096, error)
    learner = make(module, batch_size=32)
    module.most = 31
    before = encode(learner.mli_get_current_weights().weights)
    with pytest.raises(OutOfMemory) as told:
        learner.mli_propose_weights()
    assert "batches of 32" in told.value.what and "cpu" in told.value.what
    assert "batch_size=16" in told.value.fix
    assert encode(learner.mli_get_current_weights().weights) == before == encode(learner.read_weights())
    module.most = 4096
    assert encode(learner.mli_propose_weights().weights) != before


def test_memory__too_little_to_score_whole_sets__is_scored_in_smaller_pieces_with_the_same_score() -> None:
    small, large = make(Hungry(100), batch_size=32), make(Hungry(5000), batch_size=32)
    weights = large.mli_propose_weights()
    scores = [one.mli_test_weights(weights).test_value for one in (small, large)]
    assert scores[0] == pytest.approx(scores[1])
    assert len(small.predict(blobs()[1][0])) == len(blobs()[1][0])


def test_memory__too_little_to_score_at_all__is_no_vote_against_the_weights() -> None:
    module = Hungry(4096)
    learner = make(module, batch_size=32)
    weights = learner.mli_propose_weights()
    module.most = 31
    with pytest.raises(OutOfMemory, match="scoring in pieces of"):
        ask_judge(learner, Weights(decode(encode(weights.weights))))


def test_memory__short_while_others_weights_are_tested_alone__is_no_vote_against_them_either() -> None:
    class Chance(Hungry):
        def forward(self, x: torch.Tensor) -> Any:
            first = next(network().parameters())
            self.most = 4096 if torch.equal(first, next(self.inner.parameters())) else 0
            return super().forward(x)

    other, learner = make(), make(Chance(4096), steps_per_round=1)
    weights = {f"inner.{name}": value for name, value in decode(proposal(other, 1)).items()}
    learner.mli_test_weights(learner.mli_get_current_weights())
    with pytest.raises(OutOfMemory):
        ask_judge(learner, Weights(weights))


# ------------------------------------------------------------------------------------------------ data on disk


def test_data__memory_mapped__trains_to_the_same_bytes_as_arrays(tmp_path: Path) -> None:
    sets = blobs()
    mapped = []
    for name, (x, y) in zip(("train", "vote", "test"), sets, strict=True):
        for part, values in (("x", x.astype(np.float64)), ("y", y.astype(np.int16))):
            np.save(tmp_path / f"{name}-{part}.npy", values)
        mapped.append(tuple(np.load(tmp_path / f"{name}-{part}.npy", mmap_mode="r") for part in "xy"))
    from_disk, in_memory = (TorchLearner(network(), *data, steps_per_round=30) for data in (mapped, sets))
    assert proposal(from_disk, 1) == proposal(in_memory, 1)
    weights = from_disk.mli_propose_weights()
    assert from_disk.mli_test_weights(weights).vote_value == in_memory.mli_test_weights(weights).vote_value
    check_learner(from_disk)


def test_data__larger_than_memory__is_read_batch_by_batch(tmp_path: Path) -> None:
    n, width = 1 << 19, 1 << 17  # 256 GiB, none of which is on the disk
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(n, width))
    y = np.arange(n) % 2
    module = torch.nn.Linear(width, 2)
    few = (np.zeros((200, width), np.float32), np.arange(200) % 2)
    learner = TorchLearner(module, (x, y), few, few, steps_per_round=2)
    assert encode(learner.mli_propose_weights().weights)
