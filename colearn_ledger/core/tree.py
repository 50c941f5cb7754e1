"""Trees of weights without their bytes: what may be in one, and its canonical form.

A *skeleton* is the tree with a :class:`Leaf` in the place of everything that has bytes of its own. Codec and schema
both work on skeletons, so that what is checked and what is written can't differ. (What makes one of arrays is in
:mod:`~colearn_ledger.core.skeleton`: to read a file that says what weights look like takes no numpy.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from ..errors import InvalidWeights

__all__ = [
    "DTYPES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Leaf",
    "Node",
    "check_bounds",
    "check_scalar",
    "child_path",
    "is_sequence",
    "leaves_of",
    "parse_tree",
    "part_at",
    "scalar_type",
    "scalars_of",
    "shown",
    "text_of",
    "tree_json",
    "with_parts",
]

MAX_DEPTH = 32
MAX_NODES = 1 << 16
MAX_NDIM = 32

# Name in the file: numpy kind and size in bytes, in safetensors' own order of writing (wide ones first, so that every
# tensor is aligned). bfloat16 isn't a numpy dtype: the package ml_dtypes brings one, of kind "V".
DTYPES: dict[str, tuple[str, int]] = {
    "U64": ("u", 8),
    "I64": ("i", 8),
    "F64": ("f", 8),
    "F32": ("f", 4),
    "U32": ("u", 4),
    "I32": ("i", 4),
    "BF16": ("V", 2),
    "F16": ("f", 2),
    "U16": ("u", 2),
    "I16": ("i", 2),
    "I8": ("i", 1),
    "U8": ("u", 1),
    "BOOL": ("b", 1),
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something with bytes of its own: ``kind`` is ``array``, ``scalar`` (of numpy) or ``bytes``."""

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * DTYPES[self.dtype][1]


Node = Union[Leaf, "dict[str, Node]", "list[Node]", "tuple[Node, ...]", None, bool, int, float, str]


def tree_json(skeleton: Node) -> str:
    """Canonical JSON: dicts are objects, sequences ``["list", …]`` and ``["tuple", …]``, leaves ``["array"]``, …"""
    return json.dumps(_tags(skeleton), separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _tags(node: Node) -> Any:
    if isinstance(node, Leaf):
        return [node.kind]
    if isinstance(node, dict):
        return {key: _tags(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return ["list" if isinstance(node, list) else "tuple", *map(_tags, node)]
    return node


def is_sequence(tagged: Any) -> bool:
    """Whether it is the JSON of a list or a tuple."""
    return isinstance(tagged, list) and tagged[:1] in (["list"], ["tuple"])


def parse_tree(value: Any, leaf: Callable[[str, str], Leaf]) -> Node:
    """The skeleton of parsed JSON; ``leaf(name, kind)`` gives each leaf. Raises InvalidWeights."""
    return _Parse(leaf).node(value, "", 0)


class _Parse:
    """One pass over a tree's JSON."""

    def __init__(self, leaf: Callable[[str, str], Leaf]) -> None:
        self._leaf = leaf
        self._nodes = 0

    def node(self, value: Any, path: str, depth: int) -> Node:
        self._nodes += 1
        check_bounds(self._nodes, depth, path)
        if isinstance(value, dict):
            return {text_of(key): self.node(child, child_path(path, key), depth + 1) for key, child in value.items()}
        if isinstance(value, list):
            tag = value[0] if value else None
            if tag in ("array", "scalar", "bytes") and len(value) == 1:
                return self._leaf(path, tag)
            if tag not in ("list", "tuple"):
                raise InvalidWeights(f"the tree of the weights has an unknown entry at {shown(path)}")
            children = [self.node(child, child_path(path, i), depth + 1) for i, child in enumerate(value[1:])]
            return children if tag == "list" else tuple(children)
        check_scalar(value, path)
        return value  # type: ignore[no-any-return]


def leaves_of(skeleton: Node) -> list[Leaf]:
    if isinstance(skeleton, Leaf):
        return [skeleton]
    if isinstance(skeleton, dict | list | tuple):
        children = skeleton.values() if isinstance(skeleton, dict) else skeleton
        return [leaf for child in children for leaf in leaves_of(child)]
    return []


def scalars_of(skeleton: Node, path: str = "") -> dict[str, Any]:
    """What has no bytes of its own (numbers, texts, None), by its place."""
    if isinstance(skeleton, Leaf):
        return {}
    if isinstance(skeleton, dict):
        children = [(child_path(path, key), child) for key, child in skeleton.items()]
    elif isinstance(skeleton, list | tuple):
        children = [(child_path(path, i), child) for i, child in enumerate(skeleton)]
    else:
        return {path: skeleton}
    return {place: value for where, child in children for place, value in scalars_of(child, where).items()}


def with_parts(tree: Any, parts: Mapping[str, Any], path: str = "") -> Any:
    """The tree with other values at some places; lists, tuples and dicts are new, all else is the tree's own."""
    if path in parts:
        return parts[path]
    if isinstance(tree, Mapping):
        return {key: with_parts(child, parts, child_path(path, key)) for key, child in tree.items()}
    if isinstance(tree, list | tuple):
        kind = list if isinstance(tree, list) else tuple
        return kind(with_parts(child, parts, child_path(path, i)) for i, child in enumerate(tree))
    return tree


def part_at(tree: Any, path: str) -> Any:
    """What a tree has at a place that :func:`child_path` names."""
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        tree = tree[key] if isinstance(tree, Mapping) else tree[int(key)]
    return tree


def scalar_type(value: Any) -> str:
    return "none" if value is None else type(value).__name__


def shown(path: str) -> str:
    """A path for a message: it may come from a stranger, so it is short and has no control characters."""
    return repr(path if len(path) <= 80 else path[:80] + "…") if path else "the root"


def child_path(path: str, key: str | int) -> str:
    """A JSON pointer, so that no two leaves have one name whatever the keys are."""
    return f"{path}/{key}" if isinstance(key, int) else f"{path}/{key.replace('~', '~0').replace('/', '~1')}"


def text_of(key: str) -> str:
    """A key of a dict. Raises InvalidWeights where it isn't valid Unicode."""
    check_scalar(key, "a key")
    return key


def check_bounds(nodes: int, depth: int, path: str) -> None:
    """Raise InvalidWeights where a tree has too many parts, or is too deep at the path."""
    if depth > MAX_DEPTH:
        raise InvalidWeights(
            f"the weights are nested too deep at {shown(path)}", expected=f"at most {MAX_DEPTH} levels (and no cycles)"
        )
    if nodes > MAX_NODES:
        raise InvalidWeights("the weights have too many parts", expected=f"at most {MAX_NODES:,} arrays and values")


def check_scalar(value: Any, path: str) -> None:
    """Raise InvalidWeights for a text, an integer or a float that weights can't hold."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidWeights(f"a text at {shown(path)} isn't valid Unicode: {value!r:.80}") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidWeights(f"the weights have {value} at {shown(path)}", expected="finite numbers")
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise InvalidWeights(f"the weights have an integer out of range at {shown(path)}", expected="64 bits")
