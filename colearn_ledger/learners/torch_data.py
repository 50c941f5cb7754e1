"""A learner's sets as PyTorch's tensors: on its device where they are small, else batch by batch."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from .memory import is_out_of_memory
from .parts import count, leaves, mapped

__all__ = ["RESIDENT", "TensorSet", "target_of", "tensor_of"]

Array = np.ndarray[Any, Any]

AHEAD = 64  # batches, whose row numbers go to the device at once: one by one they'd take as long as a small layer
RESIDENT = 1 << 30  # bytes: sets up to that stay on the device, which saves copying each batch to it


class TensorSet:
    """Inputs and targets as the model and its loss want them.

    Arrays in memory share theirs with the tensors where they can. A memory map is read batch by batch.

    Parameters
    ----------
    data: inputs and targets, arrays of one length, or several of each.
    device: where batches are wanted.
    kind: the floating type of the tensors; PyTorch's own if not given.
    resident: how many bytes may be kept there, on another device than the CPU.
    """

    def __init__(
        self,
        data: tuple[Any, ...],
        device: torch.device,
        *,
        kind: torch.dtype | None = None,
        resident: int = RESIDENT,
    ) -> None:
        self._device = device
        self._parts = [
            mapped(functools.partial(_part, convert=functools.partial(convert, kind=kind)), part)
            for convert, part in zip((tensor_of, target_of), data[:2], strict=True)
        ]
        self._count = count(data[0])
        self._resident = device.type == "cpu"
        if not self._resident and sum(part.nbytes for half in self._parts for part in leaves(half)) <= resident:
            self._settle()

    def _settle(self) -> None:
        """Move it to the device, if there is room."""
        try:
            self._parts = [
                mapped(lambda part: _Tensors(part.rows(slice(None)).to(self._device)), half) for half in self._parts
            ]
            self._resident = True
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise

    def __len__(self) -> int:
        return self._count

    def ahead(self, batches: Iterator[Array]) -> Iterator[Any]:
        """The batches' row numbers as :meth:`take` wants them: where the set is on another device many at once."""
        if not self._resident or self._device.type == "cpu":
            yield from batches
            return
        while drawn := [*itertools.islice(batches, AHEAD)]:
            yield from torch.from_numpy(np.concatenate(drawn)).to(self._device).split([len(rows) for rows in drawn])

    def take(self, rows: Any) -> tuple[Any, Any]:
        """Inputs and targets of these rows, on the device."""
        index = rows
        if self._resident:
            index = torch.as_tensor(rows).to(self._device, non_blocking=True)
        x, y = (mapped(lambda part: self._moved(part.rows(index)), half) for half in self._parts)
        return x, y

    def pieces(self, size: int) -> Iterator[tuple[Any, Any]]:
        """The whole set in its order, in pieces of ``size``."""
        for start in range(0, len(self), size):
            yield self._piece(slice(start, start + size))

    def _piece(self, rows: slice) -> tuple[Any, Any]:
        x, y = (mapped(lambda part: self._moved(part.rows(rows)), half) for half in self._parts)
        return x, y

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._resident:
            return tensor
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()  # from there it is copied while the device computes
        return tensor.to(self._device, non_blocking=True)


class _Tensors:
    """A part that is in memory."""

    def __init__(self, values: torch.Tensor) -> None:
        self._values = values
        self.shape = values.shape
        self.nbytes = values.numel() * values.element_size()

    def rows(self, index: Any) -> torch.Tensor:
        return self._values[index if isinstance(index, slice | torch.Tensor) else torch.from_numpy(index)]


class _Mapped:
    """A part that is read from a file as it is needed, and only then converted."""

    def __init__(self, values: Array, convert: Callable[[Any], torch.Tensor]) -> None:
        self._values, self._convert = values, convert
        self.shape = values.shape
        self.nbytes = values.nbytes

    def rows(self, index: Any) -> torch.Tensor:
        if isinstance(index, torch.Tensor):
            index = index.numpy()
        return self._convert(np.array(self._values[index]))


def _part(values: Any, convert: Callable[[Any], torch.Tensor]) -> _Tensors | _Mapped:
    return _Mapped(values, convert) if isinstance(values, np.memmap) else _Tensors(convert(values))


def tensor_of(values: Any, kind: torch.dtype | None = None) -> torch.Tensor:
    """In the floating type that is given, which a model's parameters have; by default PyTorch's own."""
    tensor = torch.as_tensor(values if isinstance(values, torch.Tensor) else np.asarray(values))
    return tensor.to(kind or torch.get_default_dtype()) if tensor.is_floating_point() else tensor


def target_of(values: Any, kind: torch.dtype | None = None) -> torch.Tensor:
    """Whole numbers in 64 bits, as the losses want them."""
    tensor = tensor_of(values, kind)
    return tensor if tensor.is_floating_point() or tensor.dtype is torch.bool else tensor.to(torch.int64)
