"""Do two learners that have the same weights predict the same? Where not, one keeps something beside the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .learner import Learner
from .summaries import PredictionRequest
from .tensors import plain

__all__ = ["first_inputs", "predictions", "tell_apart"]

_FEW = 64  # samples
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # as far as the same computation may differ, in other batches or threads


def first_inputs(learner: object) -> Any:
    """Some of the learner's test inputs, if it shows its sets as the built-in ones do; else None."""
    sets = getattr(learner, "test_set", None)
    if not isinstance(sets, tuple | list) or not sets:
        return None
    return _first(sets[0])


def predictions(learner: Learner, inputs: Any) -> list[Any] | None:
    """What the learner predicts with its current weights, as arrays; None where it can't be asked."""
    ask = getattr(learner, "mli_make_prediction", None)
    if inputs is None or not callable(ask):
        return None
    try:
        told = ask(PredictionRequest("check_learner", inputs))
    except NotImplementedError:
        return None
    return list(_arrays(plain(getattr(told, "prediction_data", told))))


def tell_apart(one: list[Any], other: list[Any]) -> str:
    """How two predictions differ, for people; empty where they are the same."""
    if [a.shape for a in one] != [b.shape for b in other]:
        return "of other shapes"
    for a, b in zip(one, other, strict=True):
        if a.dtype.kind in "fc":
            if not np.allclose(a, b, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True):
                return f"by up to {float(np.nanmax(np.abs(a.astype(np.float64) - b))):.3g}"
        elif not np.array_equal(a, b):
            return f"for {int((a != b).sum())} of {a.size} values"
    return ""


def _first(values: Any) -> Any:
    if isinstance(values, dict):
        parts = {key: _first(value) for key, value in values.items()}
        return None if any(part is None for part in parts.values()) else parts
    if isinstance(values, list | tuple) and values and all(hasattr(value, "shape") for value in values):
        several = [_first(value) for value in values]
        if any(part is None for part in several):
            return None
        return several if isinstance(values, list) else tuple(several)
    try:
        return values[:_FEW]
    except (TypeError, KeyError, IndexError):  # a dataset, say
        return None


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from _arrays(value[key])
    elif isinstance(value, list | tuple) and any(isinstance(child, np.ndarray | dict) for child in value):
        for child in value:
            yield from _arrays(child)
    else:
        yield np.asarray(value)
