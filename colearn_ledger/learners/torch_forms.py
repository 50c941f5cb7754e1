"""Modules that take or give several tensors, or aren't made yet: how they are called, and outputs put together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from ..errors import LearnerError
from .parts import is_several

__all__ = ["Called", "caller_of", "floats_of", "is_lazy", "joined_outputs", "mapped_outputs", "to_floats"]

_HALVES = (torch.bfloat16, torch.float16)


def caller_of(model: torch.nn.Module, x: Any) -> Callable[[Any], Any]:
    """How the module is called with such inputs: each part an argument, or all of them one if it takes one alone."""
    whole: Callable[[Any], Any] = model
    if not is_several(x):
        return whole
    by_name = isinstance(x, dict)
    try:
        signature = inspect.signature(model.forward)
        signature.bind(**x) if by_name else signature.bind(*x)
    except (TypeError, ValueError):
        return whole
    return (lambda parts: model(**parts)) if by_name else (lambda parts: model(*parts))


class Called(torch.nn.Module):  # type: ignore[misc]
    """The module, called in this way, for what calls modules with one argument."""

    def __init__(self, model: torch.nn.Module, call: Callable[[Any], Any]) -> None:
        super().__init__()
        self.model, self._call = model, call

    def forward(self, boxed: Callable[[], Any]) -> Any:
        """``boxed()`` are the inputs."""
        return self._call(boxed())


def floats_of(model: torch.nn.Module) -> torch.dtype:
    """The floating type in which the module computes: that of its first parameter."""
    kinds = (p.dtype for p in model.parameters() if p.dtype.is_floating_point)
    return next(kinds, torch.get_default_dtype())


def is_lazy(model: torch.nn.Module) -> bool:
    """Whether it has parameters whose shape the first batch will tell."""
    tensors = (*model.parameters(), *model.buffers())
    return any(isinstance(t, UninitializedParameter | UninitializedBuffer) for t in tensors)


def mapped_outputs(function: Callable[[torch.Tensor], Any], output: Any) -> Any:
    """The same form with ``function`` of each tensor; what is no tensor stays."""
    if isinstance(output, torch.Tensor):
        return function(output)
    if isinstance(output, Mapping):
        return type(output)(**{key: mapped_outputs(function, value) for key, value in output.items()})
    if isinstance(output, tuple | list):
        return _like(output, [mapped_outputs(function, value) for value in output])
    return output


def to_floats(output: Any) -> Any:
    """Halves as 32-bit floats, which scores are computed in."""
    return mapped_outputs(lambda t: t.float() if t.dtype in _HALVES else t, output)


def joined_outputs(pieces: list[Any], sizes: list[int]) -> Any:
    """The outputs of a whole set, out of those of its pieces, whose numbers of samples are ``sizes``."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if isinstance(first, torch.Tensor):
        if any(piece.ndim == 0 or len(piece) != size for piece, size in zip(pieces, sizes, strict=True)):
            raise LearnerError(
                f"an output of the PyTorch module has the shape {tuple(first.shape)} for {sizes[0]} samples",
                expected="outputs whose first dimension is the samples, so that a large set can be scored in pieces",
                fix="have the module return what the loss and the metric need alone",
            )
        return torch.cat(pieces)
    if isinstance(first, Mapping):
        return type(first)(**{key: joined_outputs([piece[key] for piece in pieces], sizes) for key in first})
    if isinstance(first, tuple | list):
        return _like(first, [joined_outputs([piece[i] for piece in pieces], sizes) for i in range(len(first))])
    return first


def _like(form: Any, values: list[Any]) -> Any:
    if isinstance(form, list):
        return values
    make = getattr(form, "_make", None)
    return make(values) if make is not None else tuple(values)
