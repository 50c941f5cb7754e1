"""Weights as bytes: safetensors with a canonical tree, so that the same weights give the same bytes everywhere.

``docs/weights-format.md`` has the format, its limits and the attacks that it refuses. In short: the header is written
here, byte for byte as safetensors writes it, and a file whose header isn't exactly the one that :func:`encode` would
write for what it says is refused. That one comparison covers offsets, holes, overlaps, order, spacing and duplicates;
the checks before it only give the reasons names. Nothing is allocated for an array before its place in the data is
known to be right. Never pickle.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidWeights
from .blocks import Buffer, blocks, pieces
from .cid import CHUNK, CidHasher
from .header import MAX_HEADER, header_of, in_file_order, parse_header
from .protocol import WeightsRef
from .rounding import rounded, widened
from .schema import Schema
from .skeleton import skeleton_of
from .tensors import bfloat16
from .tree import DTYPES, Leaf, Node, leaves_of, scalars_of, shown, with_parts
from .wire import WIRES

__all__ = [
    "MAX_HEADER",
    "check_head",
    "decode",
    "encode",
    "encoded",
    "is_encoding",
    "laid_out",
    "parts_of_data",
    "parts_of_tree",
    "weights_ref",
]

_BLOCK = 1 << 16  # elements looked at in one go: they stay in the cache, and what is made of them is small

Array = npt.NDArray[Any]


def encode(tree: Any, schema: Schema | None = None, *, max_header: int = MAX_HEADER) -> bytes:
    """The canonical bytes of a tree of weights; :func:`encoded` in memory."""
    return b"".join(encoded(tree, schema, max_header=max_header))


def encoded(tree: Any, schema: Schema | None = None, *, max_header: int = MAX_HEADER) -> Iterator[Buffer]:
    """The canonical bytes of a tree of weights, piece by piece; each is to be used, or copied, before the next comes.

    The order of dicts, the arrays' memory layout and their byte order don't matter. ``schema``: whose weights they are,
    and which says what is rounded on its way; without it nothing is.

    Raises
    ------
    InvalidWeights: something in the tree can't be weights: its type, its dtype, a NaN or infinity, too many parts, a
        number that the wire's type doesn't have. That of a value comes with the piece that it is in.
    """
    header, arrays = _written(tree, schema)
    if len(header) > max_header:
        raise InvalidWeights(
            f"the weights' header would have {len(header):,} bytes", expected=f"at most {max_header:,}"
        )
    return _all_pieces(header, arrays)


def _all_pieces(header: bytes, arrays: list[tuple[Leaf, Array]]) -> Iterator[Buffer]:
    yield len(header).to_bytes(8, "little") + header
    for leaf, value in arrays:
        for part in _in_blocks(value):
            stored = _stored(leaf, part)
            _check_values(leaf, stored)
            yield stored.view(np.uint8).data


def is_encoding(data: Buffer, tree: Any, schema: Schema | None = None) -> bool:
    """Whether ``tree`` is what :func:`decode` makes of ``data`` with the schema, without making it.

    ``data`` are canonical bytes, decoded before or encoded here: so values that equal theirs are good ones. Where
    nothing is rounded on its way they are what :func:`encode` would make of the tree.

    Raises
    ------
    InvalidWeights: something in the tree can't be weights: its type, its dtype, too many parts.
    """
    view = memoryview(data).cast("B")
    header, arrays = _written(tree, schema)
    start = 8 + len(header)
    if view[:start] != len(header).to_bytes(8, "little") + header:
        return False
    for leaf, value in arrays:  # the same header: so the same sizes
        if not leaf.nbytes:
            continue
        there = np.frombuffer(view, _stored_dtype(leaf.dtype), value.size, start)
        start += leaf.nbytes
        for here, part in zip(blocks(len(there), _BLOCK, there), _in_blocks(value), strict=True):
            stored, own = _alike(leaf, there[here], part)
            if not np.array_equal(_bits(stored), _bits(own)):
                return False
    return start == len(view)


def _alike(leaf: Leaf, there: Array, value: Array) -> tuple[Array, Array]:
    """A block of a file and one of a tree in the same form, in which equal values have equal bits."""
    if _is_shortened(leaf, value):  # whoever was given what is there has it widened, and no other numbers
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        return widened(there, leaf.dtype, native.dtype), native
    return there, _stored(leaf, value)


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).view(np.uint8)


def decode(
    data: Buffer,
    schema: Schema | None = None,
    *,
    max_header: int = MAX_HEADER,
    verified: bool = False,
    room: memoryview | None = None,
) -> Any:
    """The tree of weights in ``data``, as writable arrays of its own; in the learners' types, if ``schema`` says them.

    Whoever calls it has compared size and hash with the chain's; nothing here trusts the content.

    Parameters
    ----------
    verified: that was done, and these very bytes were decoded before, or encoded here: the values aren't looked at a
        second time.
    room: the same bytes once more, writable, and from now on nobody else's: arrays that lie there as the learners have
        them stay there. None: each is copied.

    Raises
    ------
    InvalidWeights: these bytes are not weights, or not canonical, or have a NaN or infinity.
    SchemaMismatch: they are weights, but not of this model.
    LearnerError: they have bfloat16 arrays, and this machine can't hold them (says nothing about the weights).
    """
    view = memoryview(data).cast("B")
    header, skeleton = parse_header(view, len(view), max_header)
    own: dict[str, str] = {}
    if schema is not None:
        schema.check_skeleton(skeleton)
        own = schema.shortened
    position = 8 + len(header)
    values: dict[str, Any] = {}
    for leaf in in_file_order(leaves_of(skeleton)):
        stored = _there(leaf, view, position)
        there = None if room is None else _there(leaf, room, position)
        position += leaf.nbytes
        if not verified:
            _check_values(leaf, stored)
        values[leaf.name] = _value(leaf, stored, own.get(leaf.name, leaf.dtype), there)
    return _built(skeleton, values)


def check_head(
    head: bytes | memoryview, size: int, schema: Schema | None = None, *, max_header: int = MAX_HEADER
) -> None:
    """Refuse weights by their first bytes, before the others are fetched: by their header, which says all but values.

    Parameters
    ----------
    head: the first bytes. Where the header doesn't end in them, nothing more than its length is looked at.
    size: of all of them, in bytes.

    Raises InvalidWeights and SchemaMismatch as :func:`decode` would.
    """
    view = memoryview(head).cast("B")
    if len(view) < 8 + int.from_bytes(view[:8], "little") <= min(size, 8 + max_header):
        return
    _, skeleton = parse_header(view, size, max_header)
    if schema is not None:
        schema.check_skeleton(skeleton)


def _built(node: Node, values: dict[str, Any]) -> Any:
    """The tree whose leaves have these values. (No function within a function: see :class:`.tree._Walk`.)"""
    if isinstance(node, Leaf):
        return values[node.name]
    if isinstance(node, dict):
        return {key: _built(child, values) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(_built(child, values) for child in node)
    return node


def parts_of_data(data: Buffer) -> dict[str, Any]:
    """Everything in canonical weights by its place: arrays as they lie there, not copied, and plain scalars.

    The bytes were decoded before, or encoded here. Numbers are as in the file; bfloat16 is its bits, bytes are U8.
    """
    return laid_out(data, max_header=len(data), verified=True)[1]


def laid_out(
    data: Buffer, schema: Schema | None = None, *, max_header: int = MAX_HEADER, verified: bool = False
) -> tuple[Node, dict[str, Any]]:
    """The skeleton of the weights in ``data``, and its parts as :func:`parts_of_data` gives them; nothing is copied.

    Checks, and raises, as :func:`decode` does.
    """
    view = memoryview(data).cast("B")
    header, skeleton = parse_header(view, len(view), max_header)
    if schema is not None:
        schema.check_skeleton(skeleton)
    found: dict[str, Any] = {}
    position = 8 + len(header)
    for leaf in in_file_order(leaves_of(skeleton)):
        stored = _there(leaf, view, position)
        if not verified:
            _check_values(leaf, stored)
        found[leaf.name] = stored.reshape(leaf.shape)
        position += leaf.nbytes
    found.update(scalars_of(skeleton))
    return skeleton, found


def parts_of_tree(tree: Any, schema: Schema | None = None) -> dict[str, Any]:
    """The same of a tree of weights; raises as :func:`encode` would, but for values that aren't finite."""
    skeleton = skeleton_of(tree)[0]
    return {leaf.name: _flat(leaf, value) for leaf, value in _written(tree, schema)[1]} | scalars_of(skeleton)


def weights_ref(data: Buffer) -> WeightsRef:
    """How the chain names these bytes: sha256, CID digest and size, in one pass."""
    view = memoryview(data).cast("B")
    sha, cid = hashlib.sha256(), CidHasher()
    if len(view) <= CHUNK:  # a lone leaf is its own root
        digest = hashlib.sha256(view).digest()
        return WeightsRef(digest, digest, len(view))
    for chunk in pieces(view, CHUNK):
        sha.update(chunk)
        cid.update(chunk)
    return WeightsRef(sha.digest(), cid.digest(), len(view))


def _written(tree: Any, schema: Schema | None) -> tuple[bytes, list[tuple[Leaf, Array]]]:
    """The header of a tree's bytes, and the arrays that follow it, in their order: leaves are as in the file."""
    skeleton, leaves = skeleton_of(tree)
    values = {leaf.name: value for leaf, value in leaves}
    if schema is not None and schema.wire is not None:
        short, dtype = schema.shortened, WIRES[schema.wire]
        skeleton = with_parts(
            skeleton, {leaf.name: replace(leaf, dtype=dtype) for leaf, _ in leaves if leaf.name in short}
        )
    return header_of(skeleton), [(leaf, values[leaf.name]) for leaf in in_file_order(leaves_of(skeleton))]


def _stored_dtype(name: str) -> np.dtype[Any]:
    """How values lie in the file; bfloat16 as its bits, which need no package to be checked."""
    kind, size = DTYPES[name]
    return np.dtype("<u2") if name == "BF16" else np.dtype("|b1" if kind == "b" else f"<{kind}{size}")


def _there(leaf: Leaf, view: memoryview, position: int) -> Array:
    """The values of a leaf where they lie in the bytes, in one dimension."""
    dtype, count = _stored_dtype(leaf.dtype), math.prod(leaf.shape)
    return np.frombuffer(view, dtype, count, position) if count else np.empty(0, dtype)


def _in_blocks(value: Array) -> Iterator[Array]:
    """The values in the file's order, block by block; not copied where they lie so already."""
    value = np.asarray(value)
    if value.flags.c_contiguous:
        flat = value.reshape(-1)
        return (flat[here] for here in blocks(value.size, _BLOCK, flat))
    return (value.flat[here] for here in blocks(value.size, _BLOCK))


def _is_shortened(leaf: Leaf, value: Array) -> bool:
    """Whether a leaf of the file has fewer bits for its numbers than the learner's array."""
    return leaf.dtype in ("BF16", "F16") and value.dtype.itemsize > 2


def _stored(leaf: Leaf, part: Array) -> Array:
    """A block of values as it lies in the file; copied only if it doesn't lie so already."""
    if _is_shortened(leaf, part):
        if not np.isfinite(part).all():
            raise _not_finite(leaf)
        bits, finite = rounded(part.astype(part.dtype.newbyteorder("="), copy=False), leaf.dtype)
        if not finite:
            raise _too_large(leaf, part)
        return bits
    if leaf.dtype == "BF16":
        return part.view(np.uint16).astype("<u2", copy=False)
    if leaf.dtype == "BOOL":  # a bool made by a view may hold other bytes than 0 and 1
        return np.not_equal(part.view(np.uint8), 0)
    return part.astype(_stored_dtype(leaf.dtype), copy=False)


def _too_large(leaf: Leaf, part: Array) -> InvalidWeights:
    wire = next(wire for wire, dtype in WIRES.items() if dtype == leaf.dtype)
    most, other = "65,504", "or found the collective with bfloat16, which reaches as far as float32"
    if wire == "bfloat16":
        most, other = "3.39e38", "as float32 would have to"
    return InvalidWeights(
        f"the array at {shown(leaf.name)} of the weights has a number of {np.abs(part).max():.6g}, "
        f"and {wire}, in which the collective's weights travel, ends below",
        expected=f"numbers up to {most}",
        fix=f"keep the weights smaller, {other}",
    )


def _flat(leaf: Leaf, value: Array) -> Array:
    """All of it so, in its shape."""
    if _is_shortened(leaf, value):
        parts = [_stored(leaf, part) for part in _in_blocks(value)]
        bits = np.concatenate(parts or [np.empty(0, "<u2")])
        return bits.view(_stored_dtype(leaf.dtype)).reshape(leaf.shape)
    return _stored(leaf, np.ascontiguousarray(value).reshape(-1)).reshape(leaf.shape)


def _check_values(leaf: Leaf, stored: Array) -> None:
    """Finite floats, and bools of 0 and 1 alone; block by block, so that no second array of that size is made."""
    for here in blocks(len(stored), _BLOCK, stored):
        part = stored[here]
        if leaf.dtype == "BOOL":
            if int(part.view(np.uint8).max(initial=0)) > 1:
                raise InvalidWeights(
                    f"the array at {shown(leaf.name)} of the weights has a bool that is neither 0 nor 1"
                )
        elif leaf.dtype == "BF16":
            if ((part & np.uint16(0x7F80)) == np.uint16(0x7F80)).any():
                raise _not_finite(leaf)
        elif DTYPES[leaf.dtype][0] == "f" and not np.isfinite(part).all():
            raise _not_finite(leaf)


def _not_finite(leaf: Leaf) -> InvalidWeights:
    return InvalidWeights(
        f"the array at {shown(leaf.name)} of the weights has a NaN or an infinity", expected="finite numbers"
    )


def _value(leaf: Leaf, stored: Array, own: str, there: Array | None = None) -> Any:
    """A leaf of a tree, of its own memory; ``own``: its dtype there, which may have more bits than in the file.

    ``there``: the same values in memory that may be the leaf's.
    """
    wide = None if own == leaf.dtype else _stored_dtype(own).newbyteorder("=")
    if there is not None and leaf.kind == "array" and wide is None and there.dtype.isnative and there.flags.aligned:
        return (there.view(bfloat16()) if own == "BF16" else there).reshape(leaf.shape)
    out = np.empty(len(stored), stored.dtype.newbyteorder("=") if wide is None else wide)
    for here in blocks(len(stored), _BLOCK, stored):
        out[here] = stored[here] if wide is None else widened(stored[here], leaf.dtype, wide)
    if leaf.kind == "bytes":
        return out.tobytes()
    array = (out.view(bfloat16()) if own == "BF16" else out).reshape(leaf.shape)
    return array[()] if leaf.kind == "scalar" else array
