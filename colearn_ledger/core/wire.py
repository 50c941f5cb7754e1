"""As what floats may travel, with half the bytes of float32; how they get there is in :mod:`.rounding`."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["WIRES", "Wire", "wire_of"]

Wire = Literal["bfloat16", "float16"]
WIRES: dict[Wire, str] = {"bfloat16": "BF16", "float16": "F16"}  # and the dtype of the weights' format


def wire_of(name: Any) -> Wire | None:
    """The wire of this name, if there is one."""
    return next((wire for wire in WIRES if wire == name), None)
