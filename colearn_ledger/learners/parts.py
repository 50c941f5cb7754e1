"""Sets whose inputs or targets are several arrays: in a tuple, a list or a dict, as some models take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import UsageError

__all__ = ["as_array", "count", "in_parts", "is_several", "joined", "leaves", "mapped", "numbered", "rows_of"]

Array = np.ndarray[Any, Any]


def is_several(value: Any) -> bool:
    """Whether it is several arrays: a dict, or a list or tuple of things that have samples each."""
    if isinstance(value, dict):
        return True
    return isinstance(value, list | tuple) and bool(value) and all(is_several(v) or _ndim(v) > 0 for v in value)


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same with ``function`` of each array."""
    if isinstance(value, dict):
        return {key: mapped(function, child) for key, child in value.items()}
    if is_several(value):
        children = [mapped(function, child) for child in value]
        return children if isinstance(value, list) else tuple(children)
    return function(value)


def leaves(value: Any) -> Iterator[Any]:
    """Its arrays, one after the other."""
    if isinstance(value, dict):
        for child in value.values():
            yield from leaves(child)
    elif is_several(value):
        for child in value:
            yield from leaves(child)
    else:
        yield value


def rows_of(value: Any, rows: Any) -> Any:
    """These rows of each array: an index or a slice."""
    return value[rows] if not is_several(value) else mapped(lambda array: array[rows], value)


def joined(pieces: list[Any], join: Callable[[list[Any]], Any]) -> Any:
    """Pieces of one form, put together array by array: ``join`` makes one array out of a list."""
    first = pieces[0]
    if isinstance(first, dict):
        return {key: joined([piece[key] for piece in pieces], join) for key in first}
    if isinstance(first, list | tuple):
        children = [joined([piece[i] for piece in pieces], join) for i in range(len(first))]
        return children if isinstance(first, list) else tuple(children)
    return join(pieces)


def in_parts(value: Any, samples: int | None) -> Any:
    """What somebody gave as inputs or targets, with arrays in the place of data frames and tensors.

    A list is several arrays unless it has as many items as there are ``samples``: then these are the samples.
    """
    if isinstance(value, list) and is_several(value) and len(value) == samples:
        return value
    return mapped(as_array, value)


def count(value: Any) -> int:
    """Number of samples, the same in all arrays, or -1; sparse matrices have no length."""
    if not is_several(value):
        return int(value.shape[0]) if hasattr(value, "shape") else len(value)
    counts = {count(child) for child in leaves(value)}
    return counts.pop() if len(counts) == 1 else -1


def as_array(value: Any) -> Any:
    """A data frame or another framework's tensor as an array; everything else as it is."""
    if hasattr(value, "to_numpy"):
        return value.to_numpy()
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which numpy hasn't
            value = value.float()
    return value.numpy() if callable(getattr(value, "numpy", None)) else value


def numbered(name: str, y: Any, classes: Any) -> Any:
    """Targets that are labels, as their places among ``classes``; without classes they stay what they are.

    Raises UsageError for a label that isn't among them, and for texts without classes: how would all members number
    them alike?
    """
    if is_several(y):
        if classes is not None:
            raise UsageError(
                f"classes for targets of several parts, in the {name} set",
                expected="numbers for each output",
                fix="number the labels first: np.searchsorted(sorted_labels, y)",
            )
        return y
    labels = np.asarray(y) if classes is not None or not hasattr(y, "dtype") else y
    if classes is None:
        if getattr(getattr(labels, "dtype", None), "kind", "") in ("U", "S", "O") and not isinstance(y, np.memmap):
            first = np.asarray(labels, object).reshape(-1)[0]
            raise UsageError(
                f"the targets of the {name} set are texts or objects, such as {first!r}",
                expected="numbers, or classes=[every label there is, the same for every learner]",
                fix="give classes, by which labels are numbered",
            )
        return y
    every = np.unique(classes)
    places = np.searchsorted(every, labels).clip(0, len(every) - 1)
    strange = np.unique(labels[every[places] != labels])
    if len(strange):
        raise UsageError(
            f"the {name} set has the labels {strange[:5].tolist()}",
            expected=f"only labels that classes has: {every[:20].tolist()}",
            fix="name every label there is, the same for every learner",
        )
    return places.astype(np.int64)


def _ndim(value: Any) -> int:
    shape = getattr(value, "shape", None)
    return 0 if shape is None else len(shape)
