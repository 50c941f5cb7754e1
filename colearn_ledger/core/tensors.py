"""A learner's own kinds of arrays: into plain numpy on the way out, and back again on the way in.

Learners hold their weights as tensors of a framework, in ordered dicts, in named tuples. The codec knows numpy arrays,
lists, tuples and dicts. What lies between is here, for every driver alike. No framework is imported: a tensor is known
by its methods, and made by the framework that the learner has loaded itself.
"""

from __future__ import annotations

import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import InvalidWeights, LearnerError
from .tree import MAX_DEPTH, MAX_NODES, shown

__all__ = ["arrays_of", "as_number", "as_scalar", "bfloat16", "like", "parts_of", "plain"]

# What makes a tensor of a framework: its name in the framework, whose module the learner's own tensor comes from.
_MAKERS = {"tensorflow": "convert_to_tensor", "keras": "ops.convert_to_tensor"}


def plain(tree: Any) -> Any:
    """A learner's weights as the codec takes them; arrays are not copied.

    Tensors become arrays, mappings dicts, named tuples tuples, bytearrays bytes. The rest stays as it is, and whether
    it can be weights is the codec's to say.

    Raises InvalidWeights for a tensor that can't be an array, as a sparse one.
    """
    return _plain(tree, "", 0, itertools.count(1))


def like(tree: Any, example: Any) -> Any:
    """Decoded weights in the form in which a learner holds its own.

    Parameters
    ----------
    tree: what :func:`~.weights.decode` gave. Its arrays may become the result's own: decode anew for each learner.
    example: the learner's current weights. Where it has a tensor the result has a tensor, on the same device; an
        ordered dict stays one, and dicts have their keys in its order; scalars of Python and numpy alike. Where the
        two differ in more than form, what was decoded stays as it is.
    """
    if isinstance(example, Mapping) and isinstance(tree, dict):
        if tree.keys() != example.keys():
            return tree
        children = {key: like(tree[key], example[key]) for key in example}
        return OrderedDict(children) if isinstance(example, OrderedDict) else children
    if isinstance(example, list | tuple) and isinstance(tree, list | tuple):
        if len(tree) != len(example):
            return tree
        parts = [like(value, own) for value, own in zip(tree, example, strict=True)]
        if isinstance(example, list):
            return parts
        return example._make(parts) if hasattr(example, "_make") else tuple(parts)
    if isinstance(example, bytearray) and isinstance(tree, bytes):
        return bytearray(tree)
    if isinstance(tree, np.ndarray) and _is_tensor(example):
        return _tensor(tree, example)
    number = as_number(tree)
    return tree if number is None else _scalar_like(tree, number, example)


def parts_of(tree: Any) -> Iterator[tuple[str, Any]]:
    """Everything in a tree that isn't a list, tuple or mapping, with its path."""
    return _parts(tree, "", 0)


def arrays_of(tree: Any) -> Iterator[Any]:
    """Everything in a tree that is an array or a tensor."""
    return (value for _, value in parts_of(tree) if isinstance(value, np.ndarray) or _is_tensor(value))


def as_number(value: Any) -> bool | int | float | None:
    """A scalar of Python or numpy, or an array without dimensions, as Python's; None for all else."""
    if isinstance(value, np.ndarray | np.generic):
        return value.item() if value.shape == () and value.dtype.kind in "biuf" else None
    return value if type(value) in (bool, int, float) else None


def as_scalar(number: bool | int | float, kind: type | np.dtype[Any]) -> Any:
    """The number as ``kind``; None where that would be another one. A bool is no number, and a float no integer."""
    if isinstance(kind, np.dtype):
        kinds = {"b": bool, "i": int, "u": int, "f": float}
        rough = as_scalar(number, kinds.get(kind.kind, type(None)))
        try:
            exact = None if rough is None else np.array(rough, kind)[()]
        except OverflowError:
            return None
        return exact if exact is not None and exact.item() == number else None
    if type(number) is kind:
        return number
    return float(number) if kind is float and type(number) is int and int(float(number)) == number else None


def bfloat16() -> np.dtype[Any]:
    """numpy's bfloat16, which a package of its own brings. Raises LearnerError where it isn't installed."""
    try:
        import ml_dtypes
    except ImportError:
        raise LearnerError(
            "the weights have bfloat16 arrays, which need the package ml_dtypes", fix="pip install ml-dtypes"
        ) from None
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _plain(value: Any, path: str, depth: int, nodes: Iterator[int]) -> Any:
    if depth > MAX_DEPTH or next(nodes) > MAX_NODES:  # a cycle, perhaps: the codec refuses it, with the reason
        return value
    if isinstance(value, Mapping):
        return {key: _plain(child, f"{path}/{key}", depth + 1, nodes) for key, child in value.items()}
    if isinstance(value, list | tuple):
        kind = list if isinstance(value, list) else tuple
        return kind(_plain(child, f"{path}/{i}", depth + 1, nodes) for i, child in enumerate(value))
    if isinstance(value, bytearray):
        return bytes(value)
    return _array(value, path) if _is_tensor(value) else value


def _is_tensor(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic | type):
        return False
    return callable(getattr(value, "numpy", None)) and hasattr(value, "shape") and hasattr(value, "dtype")


def _array(tensor: Any, path: str) -> np.ndarray[Any, Any]:
    """The values of a tensor; those of one on the CPU may be the tensor's own memory."""
    try:
        for step in ("detach", "cpu"):  # PyTorch: out of the graph, off the device
            move: Callable[[], Any] | None = getattr(tensor, step, None)
            if callable(move):
                tensor = move()
        torch = sys.modules.get("torch")
        if torch is not None and tensor.dtype is torch.bfloat16:  # PyTorch gives numpy no bfloat16, but its bits
            return np.asarray(tensor.contiguous().view(torch.int16).numpy()).view(bfloat16())
        return np.asarray(tensor.numpy())
    except (TypeError, RuntimeError, ValueError, NotImplementedError) as error:
        raise InvalidWeights(
            f"the {type(tensor).__name__} at {shown(path)} of the weights can't be an array: {str(error)[:200]}",
            expected="a dense tensor of numbers",
            fix="convert it to one, or to a numpy array",
        ) from error


def _scalar_like(value: Any, number: bool | int | float, example: Any) -> Any:
    if as_number(example) is None:
        return value
    if isinstance(example, np.ndarray | np.generic):
        scalar = as_scalar(number, example.dtype)
        return value if scalar is None else np.asarray(scalar) if isinstance(example, np.ndarray) else scalar
    scalar = as_scalar(number, type(example))
    return value if scalar is None else scalar


def _tensor(array: np.ndarray[Any, Any], example: Any) -> Any:
    """The array as a tensor of the kind that ``example`` is; as it is where nothing is known that makes one."""
    torch = sys.modules.get("torch")
    if torch is not None and example.dtype is torch.bfloat16 and array.dtype == bfloat16():
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).to(example.device)
    if callable(getattr(example, "new_tensor", None)):  # PyTorch: copies, to the example's device
        return example.detach().new_tensor(array)
    framework = type(example).__module__.partition(".")[0]
    maker: Any = sys.modules.get(framework)
    for name in _MAKERS.get(framework, "").split("."):
        maker = getattr(maker, name, None)
    return array if maker is None else maker(array)


def _parts(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _parts(child, f"{path}/{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for i, child in enumerate(value):
            yield from _parts(child, f"{path}/{i}", depth + 1)
    else:
        yield path, value
