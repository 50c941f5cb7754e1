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
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import InvalidWeights
from ..formats.json import TooDeep, parse_shallow_json
from .cid import CHUNK, CidHasher
from .header import FORMAT, MAX_HEADER, header_of, in_file_order
from .protocol import WeightsRef
from .schema import Schema
from .tensors import bfloat16
from .tree import DTYPES, MAX_DEPTH, MAX_NDIM, Leaf, Node, leaves_of, parse_tree, scalars_of, shown, skeleton_of

__all__ = [
    "MAX_HEADER",
    "check_head",
    "decode",
    "encode",
    "is_encoding",
    "laid_out",
    "parts_of_data",
    "parts_of_tree",
    "weights_ref",
]

_BLOCK = 1 << 16  # elements looked at in one go when values are checked: stays in the cache, and small
_MAX_JSON_DEPTH = 4 * MAX_DEPTH  # a level of the tree may be two of its JSON


def encode(tree: Any, *, max_header: int = MAX_HEADER) -> bytes:
    """The canonical bytes of a tree of weights.

    The order of dicts, the arrays' memory layout and their byte order don't matter.

    Raises
    ------
    InvalidWeights: something in the tree can't be weights: its type, its dtype, a NaN or infinity, too many parts.
    """
    header, arrays = _written(tree)
    if len(header) > max_header:
        raise InvalidWeights(
            f"the weights' header would have {len(header):,} bytes", expected=f"at most {max_header:,}"
        )
    parts: list[Any] = [len(header).to_bytes(8, "little"), header]
    for leaf, value in arrays:
        flat = _flat(leaf, value)
        _check_values(leaf, flat)
        parts.append(flat.view(np.uint8))
    return b"".join(parts)


def is_encoding(data: bytes | memoryview, tree: Any) -> bool:
    """Whether ``data`` is what :func:`encode` would make of ``tree``, without making it.

    ``data`` are canonical bytes, decoded before or encoded here: so values that equal theirs are good ones.

    Raises
    ------
    InvalidWeights: something in the tree can't be weights: its type, its dtype, too many parts.
    """
    view = memoryview(data).cast("B")
    header, arrays = _written(tree)
    start = 8 + len(header)
    if view[:start] != len(header).to_bytes(8, "little") + header:
        return False
    for leaf, value in arrays:  # the same header: so the same sizes
        flat = _flat(leaf, value).view(np.uint8)
        stored = np.frombuffer(view, np.uint8, len(flat), start) if len(flat) else flat
        start += len(flat)
        if not all(np.array_equal(flat[i : i + CHUNK], stored[i : i + CHUNK]) for i in range(0, len(flat), CHUNK)):
            return False
    return start == len(view)


def decode(
    data: bytes | bytearray | memoryview,
    schema: Schema | None = None,
    *,
    max_header: int = MAX_HEADER,
    verified: bool = False,
) -> Any:
    """The tree of weights in ``data``, as writable copies of its own.

    Whoever calls it has compared size and hash with the chain's; nothing here trusts the content. ``verified``: that
    was done, and these very bytes were decoded before, or encoded here: the values aren't looked at a second time.

    Raises
    ------
    InvalidWeights: these bytes are not weights, or not canonical, or have a NaN or infinity.
    SchemaMismatch: they are weights, but not of this model.
    LearnerError: they have bfloat16 arrays, and this machine can't hold them (says nothing about the weights).
    """
    view = memoryview(data).cast("B")
    header, skeleton = _parse(view, len(view), max_header)
    if schema is not None:
        schema.check_skeleton(skeleton)
    position = 8 + len(header)
    values: dict[str, Any] = {}
    for leaf in in_file_order(leaves_of(skeleton)):
        count = math.prod(leaf.shape)
        stored = np.frombuffer(view, _stored_dtype(leaf.dtype), count, position) if count else None
        position += leaf.nbytes
        if stored is not None and not verified:
            _check_values(leaf, stored)
        values[leaf.name] = _value(leaf, stored)
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
    _, skeleton = _parse(view, size, max_header)
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


def parts_of_data(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Everything in canonical weights by its place: arrays as they lie there, not copied, and plain scalars.

    The bytes were decoded before, or encoded here. Numbers are as in the file; bfloat16 is its bits, bytes are U8.
    """
    return laid_out(data, max_header=len(data), verified=True)[1]


def laid_out(
    data: bytes | bytearray | memoryview,
    schema: Schema | None = None,
    *,
    max_header: int = MAX_HEADER,
    verified: bool = False,
) -> tuple[Node, dict[str, Any]]:
    """The skeleton of the weights in ``data``, and its parts as :func:`parts_of_data` gives them; nothing is copied.

    Checks, and raises, as :func:`decode` does.
    """
    view = memoryview(data).cast("B")
    header, skeleton = _parse(view, len(view), max_header)
    if schema is not None:
        schema.check_skeleton(skeleton)
    found: dict[str, Any] = {}
    position = 8 + len(header)
    for leaf in in_file_order(leaves_of(skeleton)):
        count = math.prod(leaf.shape)
        dtype = _stored_dtype(leaf.dtype)
        stored = np.frombuffer(view, dtype, count, position) if count else np.empty(0, dtype)
        if not verified:
            _check_values(leaf, stored)
        found[leaf.name] = stored.reshape(leaf.shape)
        position += leaf.nbytes
    found.update(scalars_of(skeleton))
    return skeleton, found


def parts_of_tree(tree: Any) -> dict[str, Any]:
    """The same of a tree of weights; raises as :func:`encode` would, but for values that aren't finite."""
    skeleton, leaves = skeleton_of(tree)
    return {leaf.name: _flat(leaf, value).reshape(leaf.shape) for leaf, value in leaves} | scalars_of(skeleton)


def weights_ref(data: bytes | bytearray | memoryview) -> WeightsRef:
    """How the chain names these bytes: sha256, CID digest and size, in one pass."""
    view = memoryview(data).cast("B")
    sha, cid = hashlib.sha256(), CidHasher()
    if len(view) <= CHUNK:  # a lone leaf is its own root
        digest = hashlib.sha256(view).digest()
        return WeightsRef(digest, digest, len(view))
    for start in range(0, len(view), CHUNK):
        chunk = view[start : start + CHUNK]
        sha.update(chunk)
        cid.update(chunk)
    return WeightsRef(sha.digest(), cid.digest(), len(view))


def _written(tree: Any) -> tuple[bytes, list[tuple[Leaf, npt.NDArray[Any]]]]:
    """The header of a tree's bytes, and the arrays that follow it, in their order."""
    skeleton, leaves = skeleton_of(tree)
    arrays = {leaf.name: (leaf, value) for leaf, value in leaves}
    return header_of(skeleton), [arrays[leaf.name] for leaf in in_file_order([leaf for leaf, _ in leaves])]


def _parse(view: memoryview, size: int, max_header: int) -> tuple[bytes, Node]:
    """Header and skeleton of ``size`` bytes that begin with ``view``, which has all of the header.

    Every byte of the header and the data's length are checked; no value is looked at.
    """
    if size < 8:
        raise InvalidWeights(f"the weights end after {size} bytes, within their first field")
    length = int.from_bytes(view[:8], "little")
    if length > max_header:
        raise InvalidWeights(f"the weights' header claims {length:,} bytes", expected=f"at most {max_header:,}")
    if length > size - 8:
        raise InvalidWeights(f"the weights' header claims {length} bytes, and {size - 8} are left")
    header = bytes(view[8 : 8 + length])
    entries = _json(header, "header")
    if not isinstance(entries, dict):
        raise InvalidWeights("the weights' header isn't a JSON object")
    metadata = entries.pop("__metadata__", None)
    if not isinstance(metadata, dict) or list(metadata) != [FORMAT] or not isinstance(metadata[FORMAT], str):
        raise InvalidWeights(f"the weights' header has no tree of the format {FORMAT}, or more than that")
    tree = _json(metadata[FORMAT].encode("utf-8", "surrogatepass"), "tree")
    end = 0

    def leaf(name: str, kind: str) -> Leaf:
        nonlocal end
        if name not in entries:
            raise InvalidWeights(f"the tree of the weights names a tensor at {shown(name)}, and there is none")
        found = _leaf(name, kind, entries.pop(name), size - 8 - length)
        end += found.nbytes
        return found

    skeleton = parse_tree(tree, leaf)
    if entries:
        raise InvalidWeights(f"there is a tensor at {shown(next(iter(entries)))} that the weights' tree doesn't name")
    if end != size - 8 - length:
        raise InvalidWeights(
            f"the weights have {size - 8 - length} bytes of data", expected=f"{end}, as their header says"
        )
    if header != header_of(skeleton):
        raise InvalidWeights(
            "the weights aren't in their canonical form (offsets with holes or overlaps, another order or spelling)",
            fix="write them by colearn_ledger.core.weights.encode",
        )
    return header, skeleton


def _json(text: bytes, what: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise InvalidWeights(f"the weights' {what} has a key twice")
        return found

    def constant(name: str) -> NoReturn:
        raise InvalidWeights(f"the weights' {what} has {name}", expected="finite numbers")

    try:
        return parse_shallow_json(text, max_depth=_MAX_JSON_DEPTH, pairs=pairs, constant=constant)
    except InvalidWeights:
        raise
    except TooDeep:
        raise InvalidWeights(
            f"the weights' {what} is nested too deep", expected=f"at most {_MAX_JSON_DEPTH} levels"
        ) from None
    except ValueError as e:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise InvalidWeights(f"the weights' {what} isn't JSON: {str(e)[:100]}") from None


def _leaf(name: str, kind: str, entry: Any, data_size: int) -> Leaf:
    """A tensor's entry; its offsets are checked by the comparison with the canonical header."""

    def wrong(what: str) -> InvalidWeights:
        return InvalidWeights(f"the tensor at {shown(name)} of the weights has {what}")

    if not isinstance(entry, dict) or list(entry) != ["dtype", "shape", "data_offsets"]:
        raise wrong("an entry other than dtype, shape and data_offsets")
    dtype, shape = entry["dtype"], entry["shape"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise wrong(f"the unknown dtype {str(dtype)[:20]!r}")
    if not isinstance(shape, list) or len(shape) > MAX_NDIM:
        raise wrong("no shape, or one of too many dimensions")
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        raise wrong("a shape that isn't one")
    leaf = Leaf(name, kind, dtype, tuple(shape))
    # Also without its zeros: numpy can't make an empty array whose other dimensions overflow.
    if leaf.nbytes > data_size or math.prod(n for n in shape if n) >= 1 << 59:
        raise wrong(f"{leaf.nbytes} bytes by its shape, more than there are")
    if (kind == "scalar" and shape) or (kind == "bytes" and (dtype != "U8" or len(shape) != 1)):
        raise wrong(f"a dtype or shape that isn't one of {kind}")
    return leaf


def _stored_dtype(name: str) -> np.dtype[Any]:
    """How values lie in the file; bfloat16 as its bits, which need no package to be checked."""
    kind, size = DTYPES[name]
    return np.dtype("<u2") if name == "BF16" else np.dtype("|b1" if kind == "b" else f"<{kind}{size}")


def _flat(leaf: Leaf, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values in the file's order and byte order; copied only if they don't lie so already."""
    contiguous = np.ascontiguousarray(value).reshape(-1)
    if leaf.dtype == "BF16":
        bits = contiguous.view(np.uint16)
        return bits.astype("<u2", copy=False)
    if leaf.dtype == "BOOL":  # a bool made by a view may hold other bytes than 0 and 1
        return np.not_equal(contiguous.view(np.uint8), 0)
    return contiguous.astype(_stored_dtype(leaf.dtype), copy=False)


def _check_values(leaf: Leaf, flat: npt.NDArray[Any]) -> None:
    """Finite floats, and bools of 0 and 1 alone; block by block, so that no second array of that size is made."""
    if leaf.dtype == "BOOL":
        bits = flat.view(np.uint8)
        good = all(int(bits[i : i + _BLOCK].max(initial=0)) <= 1 for i in range(0, len(bits), _BLOCK))
        if not good:
            raise InvalidWeights(f"the array at {shown(leaf.name)} of the weights has a bool that is neither 0 nor 1")
    elif leaf.dtype == "BF16":
        for i in range(0, len(flat), _BLOCK):
            if ((flat[i : i + _BLOCK] & 0x7F80) == 0x7F80).any():
                raise _not_finite(leaf)
    elif DTYPES[leaf.dtype][0] == "f":
        for i in range(0, len(flat), _BLOCK):
            if not np.isfinite(flat[i : i + _BLOCK]).all():
                raise _not_finite(leaf)


def _not_finite(leaf: Leaf) -> InvalidWeights:
    return InvalidWeights(
        f"the array at {shown(leaf.name)} of the weights has a NaN or an infinity", expected="finite numbers"
    )


def _value(leaf: Leaf, stored: npt.NDArray[Any] | None) -> Any:
    if leaf.kind == "bytes":
        return b"" if stored is None else stored.tobytes()
    dtype = bfloat16() if leaf.dtype == "BF16" else _stored_dtype(leaf.dtype).newbyteorder("=")
    if stored is None:
        return np.empty(leaf.shape, dtype)
    native = stored.astype(stored.dtype.newbyteorder("="))  # astype copies: the result is the caller's own
    array = native.view(dtype).reshape(leaf.shape)
    return array[()] if leaf.kind == "scalar" else array
