"""Where and how PyTorch computes for a learner: device, precision, threads, randomness, and when memory runs out."""

from __future__ import annotations

import contextlib
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, get_args

import torch

from ..errors import LearnerError, OutOfMemory, UsageError
from .memory import first_words, is_out_of_memory, memory_told

__all__ = ["Precision", "TorchDevice"]

Precision = Literal["float32", "bf16", "fp16"]

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


class TorchDevice:
    """A device, and the way in which a learner computes on it.

    Parameters
    ----------
    device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` or another of PyTorch's, or ``"auto"``: CUDA's if there is
        one, else MPS, else the CPU.
    precision: ``"bf16"`` and ``"fp16"`` compute in mixed precision (autocast), fp16 with a scaled loss; the weights
        stay as they are.
    threads: of the CPU.
    deterministic: have PyTorch take algorithms alone that give the same bytes each time.

    Attributes
    ----------
    device: with its number, where it has one.
    reproducible: whether the same computation gives the same bytes: on the CPU in one thread, elsewhere only with
        deterministic algorithms.

    Raises UsageError where there is no such device, or an option is out of range.
    """

    def __init__(self, device: str | torch.device, precision: Precision, threads: int, deterministic: bool) -> None:
        if precision not in get_args(Precision):
            known = ", ".join(map(repr, get_args(Precision)))
            raise UsageError(f"the precision is {precision!r}", expected=f"one of {known}", fix="choose one of these")
        if threads < 1:
            raise UsageError(f"threads is {threads}", expected="1 or more", fix="give a larger number")
        self.device = _found(device)
        self._half, self._threads, self._deterministic = _HALVES.get(precision), threads, deterministic
        on_cpu = self.device.type == "cpu"
        self.reproducible = threads == 1 if on_cpu else deterministic
        if deterministic and self.device.type == "cuda":
            os.environ.setdefault(_CUBLAS, ":4096:8")  # asked for by PyTorch, before the first product of matrices

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """With the learner's threads and algorithms; the program's own are put back."""
        threads, algorithms = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        warn_only, benchmark = torch.is_deterministic_algorithms_warn_only_enabled(), torch.backends.cudnn.benchmark
        if threads != self._threads:  # several threads add up in another order each time, and learners share the cores
            torch.set_num_threads(self._threads)
        if self._deterministic:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False  # it chooses by the clock
        try:
            yield
        except RuntimeError as error:
            if self._deterministic and "deterministic" in str(error):
                raise LearnerError(
                    f"the PyTorch model can't be computed deterministically: {first_words(error)}",
                    expected="layers for which PyTorch has deterministic algorithms",
                    fix="deterministic=False, or another layer",
                ) from error
            raise
        finally:
            if self._deterministic:
                torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
                torch.backends.cudnn.benchmark = benchmark
            if threads != self._threads:
                torch.set_num_threads(threads)

    def autocast(self) -> Any:
        """A context in which the model computes in mixed precision, if that was asked for."""
        if self._half is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self._half)

    def scaler(self) -> Any:
        """What scales a loss so that its gradients don't vanish in fp16; None where none is needed."""
        return torch.amp.GradScaler(self.device.type) if self._half is torch.float16 else None

    def generators(self) -> list[torch.Tensor]:
        """The states of the generators of the CPU and the device."""
        state = torch.get_rng_state()
        if self.device.type == "cpu":
            return [state]
        return [state, torch.get_device_module(self.device).get_rng_state(*self._place)]

    def set_generators(self, states: Sequence[torch.Tensor]) -> None:
        """Put them back."""
        torch.set_rng_state(states[0])
        for state in states[1:]:
            torch.get_device_module(self.device).set_rng_state(state, *self._place)

    @property
    def _place(self) -> tuple[torch.device, ...]:
        return () if self.device.index is None else (self.device,)

    def random_state(self) -> Callable[[], None]:
        """What puts the generators of the CPU and the device back to where they are now."""
        return functools.partial(self.set_generators, self.generators())

    @contextlib.contextmanager
    def own_randomness(self) -> Iterator[None]:
        """The program's random state is afterwards as it was."""
        put_back = self.random_state()
        try:
            yield
        finally:
            put_back()

    def free(self) -> None:
        """Give memory that nothing uses back to the device, for others."""
        if self.device.type != "cpu":
            torch.get_device_module(self.device).empty_cache()

    def memory(self, doing: str, fix: str) -> AbstractContextManager[None]:
        """Too little memory is told in one message: see :func:`.memory.memory_told`."""
        return memory_told(doing, str(self.device), fix, self.free)


def _found(wanted: str | torch.device) -> torch.device:
    if isinstance(wanted, str) and wanted == "auto":
        wanted = next(iter(_there()), "cpu")
    try:
        if not isinstance(wanted, str | torch.device):
            raise TypeError(f"a {type(wanted).__name__} is no name of a device")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a driver that is too old: the error says it, too
            probe = torch.empty(1, device=wanted)
        if probe.device.type == "meta":
            raise RuntimeError("what is on it has no values")
        return probe.device
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"there is no memory left on {wanted}: {first_words(error)}", fix="see which other processes use it"
            ) from None
        raise UsageError(
            f"there is no device {str(wanted)!r} here: {first_words(error)}",
            expected=f"one of {', '.join(['auto', 'cpu', *_there()])}",
            fix="choose one of these, or install the device's driver and a build of PyTorch for it",
        ) from None


def _there() -> list[str]:
    """Devices that aren't the CPU, the best first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"cuda:{i}" for i in range(cuda)] + (["mps"] if torch.backends.mps.is_available() else [])
