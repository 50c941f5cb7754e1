"""Weights in the form that a schema gives them, where nothing is lost by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensors import as_number, as_scalar
from .tree import DTYPES, is_sequence

__all__ = ["fit"]

_NUMBERS = {"bool": bool, "int": int, "float": float}


def fit(value: Any, want: Any) -> Any:
    """A value in the form that a schema's JSON wants; as it is where they differ in more than form."""
    if isinstance(want, dict) and isinstance(value, dict):
        return {key: fit(child, want.get(key)) for key, child in value.items()}
    if is_sequence(want) and isinstance(value, list | tuple) and len(value) == len(want) - 1:
        kind = list if want[0] == "list" else tuple
        return kind(fit(child, shape) for child, shape in zip(value, want[1:], strict=True))
    number = as_number(value)
    if number is None:
        return value
    fitted = None
    if isinstance(want, str) and want in _NUMBERS:
        fitted = as_scalar(number, _NUMBERS[want])
    elif isinstance(want, list) and want[0] in ("array", "scalar") and want[2] == []:
        fitted = as_scalar(number, np.dtype("{}{}".format(*DTYPES[want[1]])))
        if fitted is not None and want[0] == "array":
            fitted = np.asarray(fitted)
    return value if fitted is None else fitted
