"""How weights may differ from their parent, leaf by leaf, as the schema's roles say.

A proposer's driver keeps its weights within it (:func:`kept_within`), every voter's refuses what isn't
(:func:`check_lineage`), and whoever tests or adopts weights keeps its own local leaves (:func:`with_own`).
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidWeights
from .blocks import Buffer, blocks
from .cid import CHUNK
from .roles import Bounded
from .schema import Schema
from .tensors import plain
from .tree import part_at, shown, with_parts
from .weights import parts_of_data, parts_of_tree

__all__ = [
    "NOTHING_NEW",
    "check_lineage",
    "check_parts",
    "is_new",
    "kept_within",
    "moved_within",
    "with_own",
    "with_parent",
]

NOTHING_NEW = "they change nothing that a score depends on"

Array = npt.NDArray[Any]
Parts = dict[str, Any]

_LARGEST = (1 << 64) - 1


def check_lineage(schema: Schema, tree: Any, parent: Buffer) -> None:
    """Raise InvalidWeights, naming the leaf, where weights differ from their parent as they must not.

    Parameters
    ----------
    tree: decoded weights of the schema.
    parent: the canonical bytes of those that they were trained from.
    """
    check_parts(schema, parts_of_tree(tree, schema), parts_of_data(parent))


def check_parts(schema: Schema, after: Parts, before: Parts) -> None:
    """The same of parts (:func:`.weights.parts_of_data`): the weights' own, and those of their parent."""
    for path, role in schema.roles:
        was, now = before[path], after[path]
        if role == "local" and not _same(was, now):
            raise InvalidWeights(
                f"what stays with each learner was changed: {shown(path)} of the weights",
                expected="the accepted weights' value there",
                fix="propose through colearn_ledger, which keeps it",
            )
        if isinstance(role, Bounded) and not _within(was, now, role.rise):
            raise InvalidWeights(
                f"{shown(path)} of the weights is beyond what one round can make of it",
                expected=f"at least the accepted weights' value there, and at most {role.rise:g} more",
                fix="propose through colearn_ledger, which keeps it within",
            )
    if not _new(schema, before, after):
        raise InvalidWeights(f"the weights are no proposal: {NOTHING_NEW}")


def is_new(schema: Schema, data: Buffer, parent: Buffer) -> bool:
    """Whether any leaf that a score may depend on differs from the parent's."""
    return _new(schema, parts_of_data(parent), parts_of_data(data))


def kept_within(schema: Schema, tree: Any, parent: Buffer) -> Any:
    """The tree with the parent's local leaves, and with each bounded leaf moved to where it may be."""
    if not schema.roles:
        return tree
    before, parts = parts_of_data(parent), {}
    for path, role in schema.roles:
        now = part_at(tree, path)
        parts[path] = (
            moved_within(before[path], now, role.rise) if isinstance(role, Bounded) else _as(before[path], now)
        )
    return with_parts(tree, parts)


def with_parent(schema: Schema, tree: Any, parent: Buffer) -> Any:
    """The tree with the parent's local leaves, so that it can be compared with what travels."""
    if not schema.local:
        return tree
    before = parts_of_data(parent)
    return with_parts(tree, {path: _as(before[path], part_at(tree, path)) for path in schema.local})


def with_own(schema: Schema, tree: Any, own: Any) -> Any:
    """The tree with copies of a learner's own local leaves; ``own`` are its current weights."""
    if not schema.local:
        return tree
    mine = schema.fit(plain(own))
    return with_parts(tree, {path: copy.copy(part_at(mine, path)) for path in schema.local})


def _new(schema: Schema, before: Parts, after: Parts) -> bool:
    held = dict(schema.roles)
    asked = [path for path in after if path not in held]
    if not asked:  # then what is bounded is all that there is to score
        asked = [path for path in after if held[path] != "local"]
    return not all(_same(before[path], after[path]) for path in asked)


def _same(a: Any, b: Any) -> bool:
    """Whether two parts have the same bytes: zeros of two signs differ."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.nbytes != b.nbytes:
            return False
        one, other = _bits(a), _bits(b)  # block by block, so that no second array of that size is made
        return all(np.array_equal(one[here], other[here]) for here in blocks(len(one), CHUNK, one, other))
    return type(a) is type(b) and bool(a == b) and (not isinstance(a, float) or repr(a) == repr(b))


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _within(was: Any, now: Any, rise: float) -> bool:
    if not isinstance(was, np.ndarray):
        return bool(was <= now <= was + rise)
    return bool(((now >= was) & (now <= _highest(was, rise))).all())


def moved_within(was: Any, now: Any, rise: float) -> Any:
    """A part of the weights at the value within its bound that is nearest; ``was`` is its parent's."""
    if not isinstance(was, np.ndarray):
        top = was + rise if isinstance(was, float) else min(was + int(rise), _LARGEST)
        return min(max(now, was), top)
    return _as(np.minimum(np.maximum(now, was), _highest(was, rise)), now)


def _highest(was: Array, rise: float) -> Array:
    """The largest values that may follow; they end where the dtype does."""
    if was.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(np.minimum(was.astype(np.float64) + rise, np.finfo(was.dtype).max)).astype(was.dtype)
    # Counted in 64 bits without a sign, where what is past the end comes round again.
    least, room = was.astype(np.uint64), np.uint64(np.iinfo(was.dtype).max) - was.astype(np.uint64)
    return np.asarray(least + np.minimum(room, np.uint64(min(int(rise), _LARGEST)))).astype(was.dtype)


def _as(value: Array, like: Any) -> Any:
    """A part as it lies in a file, in the form that a tree of the schema has it there: bytes, a scalar, an array."""
    if isinstance(like, bytes):
        return value.tobytes()
    if not isinstance(like, np.ndarray | np.generic):
        return value
    own = np.array(value).reshape(like.shape)
    own = own.view(like.dtype) if like.dtype.kind == "V" else own.astype(like.dtype)
    return own if isinstance(like, np.ndarray) else own[()]
