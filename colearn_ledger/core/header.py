"""The header of weights' bytes: JSON that says where each array lies, as safetensors writes it; written and read."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ..errors import InvalidWeights
from ..formats.json import TooDeep, parse_shallow_json
from .tree import DTYPES, MAX_DEPTH, MAX_NDIM, Leaf, Node, leaves_of, parse_tree, shown, tree_json

__all__ = ["FORMAT", "MAX_HEADER", "header_of", "in_file_order", "parse_header"]

FORMAT = "colearn-weights-1"  # the one key of the metadata, since safetensors writes several in random order
MAX_HEADER = 1 << 20  # bytes
_MAX_JSON_DEPTH = 4 * MAX_DEPTH  # a level of the tree may be two of its JSON
_ORDER = {name: i for i, name in enumerate(DTYPES)}


def in_file_order(leaves: list[Leaf]) -> list[Leaf]:
    """The leaves as their bytes follow each other."""
    return sorted(leaves, key=lambda leaf: (_ORDER[leaf.dtype], leaf.name))


def header_of(skeleton: Node) -> bytes:
    """The header's JSON, padded to a multiple of eight bytes."""
    entries: dict[str, Any] = {"__metadata__": {FORMAT: tree_json(skeleton)}}
    position = 0
    for leaf in in_file_order(leaves_of(skeleton)):
        offsets = [position, position + leaf.nbytes]
        entries[leaf.name] = {"dtype": leaf.dtype, "shape": list(leaf.shape), "data_offsets": offsets}
        position = offsets[1]
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return header + b" " * (-len(header) % 8)


def parse_header(view: memoryview, size: int, max_header: int) -> tuple[bytes, Node]:
    """Header and skeleton of ``size`` bytes that begin with ``view``, which has all of the header.

    Every byte of the header and the data's length are checked; no value is looked at. Raises InvalidWeights.
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
