"""All that a training of a PyTorch module goes on from, as bytes, for its checkpoint."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

import torch

from .torch_device import TorchDevice

__all__ = ["packed_training", "unpacked_training"]


def packed_training(
    model: torch.nn.Module, parts: dict[str, Any], on: TorchDevice, *, without: Collection[str] = ()
) -> bytes:
    """The module's state but for the frozen base (``without``), that of ``parts`` (optimizer, scaler, schedule; None
    where there is none), and of the generators."""
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in without}
    states = {name: part.state_dict() for name, part in parts.items() if part is not None}
    buffer = io.BytesIO()
    torch.save({"model": state, "parts": states, "random": on.generators()}, buffer)
    return buffer.getvalue()


def unpacked_training(data: bytes, parts: dict[str, Any], on: TorchDevice) -> dict[str, Any]:
    """Puts parts and generators back, and returns the module's state. Raises what PyTorch says of another one's."""
    saved = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)  # of tensors and plain values
    if saved["parts"].keys() != {name for name, part in parts.items() if part is not None}:
        raise ValueError(f"it has the states of {', '.join(sorted(saved['parts']))}")
    for name, state in saved["parts"].items():
        parts[name].load_state_dict(state)
    on.set_generators(saved["random"])
    found: dict[str, Any] = saved["model"]
    return found
