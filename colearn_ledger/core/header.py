"""The header of weights' bytes: JSON that says where each array lies, as safetensors writes it."""

from __future__ import annotations

import json
from typing import Any

from .tree import DTYPES, Leaf, Node, leaves_of, tree_json

__all__ = ["FORMAT", "MAX_HEADER", "header_of", "in_file_order"]

FORMAT = "colearn-weights-1"  # the one key of the metadata, since safetensors writes several in random order
MAX_HEADER = 1 << 20  # bytes
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
