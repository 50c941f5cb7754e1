"""The skeleton of a tree of arrays, in one pass over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidWeights
from .tree import DTYPES, MAX_NDIM, Leaf, Node, check_bounds, check_scalar, child_path, shown, text_of

__all__ = ["skeleton_of"]

_NAMES = {kind_size: name for name, kind_size in DTYPES.items() if name != "BF16"}
_FIX = "use lists, tuples, dicts with str keys, numpy arrays and scalars, int, float, bool, None, str and bytes"


def skeleton_of(tree: Any) -> tuple[Node, list[tuple[Leaf, npt.NDArray[Any]]]]:
    """Skeleton of a tree, and its leaves with their values (as arrays, not copied), in the tree's order."""
    walk = _Walk()
    return walk.node(tree, "", 0), walk.leaves


class _Walk:
    """One pass over a tree.

    An object and no function within a function: one that calls itself is a reference cycle, which would hold the arrays
    until the garbage collector runs.
    """

    def __init__(self) -> None:
        self.leaves: list[tuple[Leaf, npt.NDArray[Any]]] = []
        self._nodes = 0

    def node(self, value: Any, path: str, depth: int) -> Node:
        self._nodes += 1
        check_bounds(self._nodes, depth, path)
        if isinstance(value, np.ndarray):
            return self._leaf("array", path, value)
        if isinstance(value, np.generic):
            return self._leaf("scalar", path, np.asarray(value))
        if type(value) is bytes:
            return self._leaf("bytes", path, np.frombuffer(value, np.uint8))
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise _unfit(path, f"a dict with the key {key!r} ({type(key).__name__})")
            return {key: self.node(value[key], child_path(path, key), depth + 1) for key in map(text_of, value)}
        if type(value) is tuple:  # a named tuple would lose its names
            return tuple(self.node(child, child_path(path, i), depth + 1) for i, child in enumerate(value))
        if isinstance(value, list):
            return [self.node(child, child_path(path, i), depth + 1) for i, child in enumerate(value)]
        if type(value) in (bool, int, float, str) or value is None:
            check_scalar(value, path)
            return value  # type: ignore[no-any-return]
        raise _unfit(path, f"of type {type(value).__module__}.{type(value).__qualname__}")

    def _leaf(self, kind: str, path: str, value: npt.NDArray[Any]) -> Leaf:
        if type(value) not in (np.ndarray, np.memmap):
            raise _unfit(path, f"of type {type(value).__module__}.{type(value).__qualname__}")
        leaf = Leaf(path, kind, _dtype_name(value.dtype, path), value.shape)
        if len(leaf.shape) > MAX_NDIM:
            raise _unfit(path, f"an array of {len(leaf.shape)} dimensions, more than {MAX_NDIM}")
        self.leaves.append((leaf, value))
        return leaf


def _dtype_name(dtype: np.dtype[Any], path: str) -> str:
    name = _NAMES.get((dtype.kind, dtype.itemsize))
    if name is None and dtype.name == "bfloat16" and dtype.itemsize == 2:
        name = "BF16"
    if name is None:
        raise _unfit(path, f"an array of dtype {dtype}")
    return name


def _unfit(path: str, what: str) -> InvalidWeights:
    return InvalidWeights(f"weights can't hold what is at {shown(path)}: {what}", fix=_FIX)
