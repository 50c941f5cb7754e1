"""CIDs of weights, computed locally, and equal to the ones that IPFS gives.

The import parameters are fixed (and sent by every store that has a daemon), since their defaults differ between
versions: ``cid-version=1, raw-leaves=true, hash=sha2-256, chunker=size-1048576, max-file-links=1024``, in the balanced
layout. So only the digest of the root block has to be on record: up to one chunk the root is the raw leaf itself,
above it is a dag-pb node, and the size says which.

The same parameters leave no choice in the shape of the tree: the size alone fixes every block's links and sizes, all
but the digests. :func:`root_block_size_check` uses that to refuse a root that claims another size than the one on
chain, before a store pins (downloads) what is below.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InvalidWeights

if TYPE_CHECKING:
    from .protocol import WeightsRef

__all__ = [
    "CHUNK",
    "MAX_LINKS",
    "CidHasher",
    "Node",
    "cid_digest",
    "cid_text",
    "digest_of_text",
    "first_leaf",
    "inner_nodes",
    "nodes_above",
    "root_block_size_check",
    "root_node",
]

CHUNK = 1 << 20
MAX_LINKS = 1024

_RAW, _DAG_PB = 0x55, 0x70
_SHA2_256 = b"\x12\x20"  # the multihash's code and length

# A finished subtree: digest of its block, whether it is a raw leaf, bytes of the file below it, bytes of its blocks.
_Child = tuple[bytes, bool, int, int]


class CidHasher:
    """Streaming: hashes data as it comes, holding no more than the links of unfinished nodes (and no data at all)."""

    def __init__(self) -> None:
        self._leaf = hashlib.sha256()
        self._filled = 0
        self._size = 0
        self._levels: list[list[_Child]] = [[]]

    def update(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        start = 0
        while start < len(view):
            if self._filled == CHUNK:  # closed only when more follows: a lone full leaf is its own root
                self._close_leaf()
            part = view[start : start + CHUNK - self._filled]
            self._leaf.update(part)
            self._filled += len(part)
            self._size += len(part)
            start += len(part)

    def digest(self) -> bytes:
        """Digest of the root block (32 bytes) of what came so far; more may follow."""
        levels = [list(level) for level in self._levels]
        _add(levels, 0, (self._leaf.digest(), True, self._filled, self._filled))
        for depth, level in enumerate(levels):  # grows while it runs
            top = depth == len(levels) - 1
            if top and len(level) == 1:
                return level[0][0]
            # A lone trailing child gets its parent too: all leaves are equally deep.
            _add(levels, depth + 1, _close(level))
        raise AssertionError("unreachable: the top level holds at least one node")

    @property
    def size(self) -> int:
        return self._size

    def text(self) -> str:
        return cid_text(self.digest(), self._size)

    def _close_leaf(self) -> None:
        _add(self._levels, 0, (self._leaf.digest(), True, self._filled, self._filled))
        self._leaf, self._filled = hashlib.sha256(), 0


def _add(levels: list[list[_Child]], depth: int, node: _Child) -> None:
    """Add a node. A level that is full becomes one node of the level above only when its next node comes."""
    if depth == len(levels):
        levels.append([])
    if len(levels[depth]) == MAX_LINKS:
        _add(levels, depth + 1, _close(levels[depth]))
        levels[depth] = []
    levels[depth].append(node)


def cid_digest(data: bytes | bytearray | memoryview) -> bytes:
    """Digest (32 bytes) of the root block of ``data``."""
    hasher = CidHasher()
    hasher.update(data)
    return hasher.digest()


def cid_text(digest: bytes, size: int) -> str:
    """The CID as text, ``bafk…`` for a lone raw leaf and ``bafy…`` above one chunk."""
    return _text(digest, raw=size <= CHUNK)


def digest_of_text(text: str) -> bytes:
    """The digest in a CID of version 1 with a sha2-256. What the rest of it must be follows from the size.

    Raises ValueError when the text is no such CID.
    """
    try:
        data = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    except ValueError:
        data = b""
    if not text.startswith("b") or len(data) != 36 or data[0] != 1 or data[2:4] != _SHA2_256:
        raise ValueError(f"not a CID of version 1 with a sha2-256: {text[:80]!r}")
    return data[4:]


def root_block_size_check(block: bytes, ref: WeightsRef) -> None:
    """Refuse a root block that isn't the one on chain, or that doesn't lead to exactly ``ref.size`` bytes.

    It checks what the root says. Whoever made the root may still have lied about the blocks below it, so what is
    fetched is counted too.
    """
    if hashlib.sha256(block).digest() != ref.cid_digest:
        raise InvalidWeights(
            "the root block isn't the one that the chain names",
            expected=f"a block of digest {ref.cid_digest.hex()}",
        )
    if ref.size <= CHUNK:
        if len(block) != ref.size:
            raise InvalidWeights(f"the root block has {len(block)} bytes", expected=f"{ref.size}, as on chain")
        return
    _check(block, root_node(ref))


class Node(NamedTuple):
    """A block that holds links: the digest of its CID, the bytes of file below it, and those that it could hold."""

    digest: bytes
    size: int
    span: int

    @property
    def cid(self) -> str:
        return _text(self.digest, raw=False)


def root_node(ref: WeightsRef) -> Node:
    """The root of weights of more than one chunk."""
    span = CHUNK * MAX_LINKS
    while span < ref.size:
        span *= MAX_LINKS
    return Node(ref.cid_digest, ref.size, span)


def inner_nodes(block: bytes, node: Node) -> list[Node]:
    """The nodes that ``node`` links to, given its block; none where it links to leaves (weights up to 1 GiB).

    Raises
    ------
    InvalidWeights: the block isn't that node, or doesn't lead to exactly its size.
    """
    digests = _check(block, node)
    part = node.span // MAX_LINKS
    sizes = [below for raw, below, _ in _children(node) if not raw]
    return [Node(digest, size, part) for digest, size in zip(digests, sizes, strict=False)]


def nodes_above(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The blocks above the chunks of ``size`` bytes, whose digests are given; none where the one chunk is the root.

    Each comes behind those below it, and the root last.
    """
    sizes = (min(CHUNK, size - start) for start in range(0, size, CHUNK))
    level = [(digest, True, part, part) for digest, part in zip(leaves, sizes, strict=True)]
    found = list[bytes]()
    while len(level) > 1:
        groups = [level[i : i + MAX_LINKS] for i in range(0, len(level), MAX_LINKS)]
        found.extend(map(_block, groups))
        level = list(map(_close, groups))
    return found


def first_leaf(block: bytes, node: Node) -> str | None:
    """The CID of the first chunk, if ``node`` links to it; None where the first link leads to another node.

    Raises InvalidWeights as :func:`inner_nodes`.
    """
    raw, _, _ = next(_children(node))
    return _text(_check(block, node)[0], raw=True) if raw else None


def _check(block: bytes, node: Node) -> list[bytes]:
    """Digests of all children of a node, once its block is found to be right."""
    if hashlib.sha256(block).digest() != node.digest:
        raise InvalidWeights("a block isn't the one that leads to it", expected=f"a block of {node.cid}")
    children = list(_children(node))
    digests, position = [], 0
    for raw, below, total in children:
        link = _link((bytes(32), raw, below, total))
        at = position + link.index(_SHA2_256 + bytes(32)) + len(_SHA2_256)
        digests.append(block[at : at + 32])
        position += len(link)
    nodes = [(digest, *child) for digest, child in zip(digests, children, strict=True)]
    if any(len(digest) != 32 for digest in digests) or block != _block(nodes):
        raise InvalidWeights(
            "a block's links or sizes don't add up to the size on chain",
            expected=f"a node of {node.size} bytes in {len(children)} links",
        )
    return digests


def _text(digest: bytes, *, raw: bool) -> str:
    if len(digest) != 32:
        raise ValueError(f"a sha2-256 digest has 32 bytes, not {len(digest)}")
    cid = _cid(digest, raw)
    return "b" + base64.b32encode(cid).decode("ascii").rstrip("=").lower()


def _cid(digest: bytes, raw: bool) -> bytes:
    return bytes([1, _RAW if raw else _DAG_PB]) + _SHA2_256 + digest


def _close(children: list[_Child]) -> _Child:
    block = _block(children)
    below = sum(child[2] for child in children)
    return hashlib.sha256(block).digest(), False, below, len(block) + sum(child[3] for child in children)


def _block(children: list[_Child]) -> bytes:
    """The dag-pb node of a file: its links come before its data (UnixFS: type file, size, the children's sizes)."""
    file = b"\x08\x02" + b"\x18" + _varint(sum(child[2] for child in children))
    file += b"".join(b"\x20" + _varint(child[2]) for child in children)
    return b"".join(map(_link, children)) + b"\x0a" + _varint(len(file)) + file


def _link(child: _Child) -> bytes:
    """A link: CID, empty name, size of all blocks below."""
    digest, raw, _, total = child
    link = b"\x0a" + _field(_cid(digest, raw)) + b"\x12\x00" + b"\x18" + _varint(total)
    return b"\x12" + _field(link)


def _field(data: bytes) -> bytes:
    return _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _children(node: Node) -> Iterator[tuple[bool, int, int]]:
    """Of each child of a node: whether it is raw, bytes of file and of blocks below."""
    span = node.span // MAX_LINKS  # bytes of file below a full child
    full = _total(span, span)
    for start in range(0, node.size, span):
        below = min(span, node.size - start)
        yield span == CHUNK, below, full if below == span else _total(below, span)


def _total(size: int, span: int) -> int:
    """Bytes of all blocks of a subtree that holds ``size`` bytes and could hold ``span``."""
    if span == CHUNK:
        return size
    part = span // MAX_LINKS
    count, rest = divmod(size, part)
    sizes = [(part, _total(part, part))] * count
    if rest:
        sizes.append((rest, _total(rest, part)))
    block = _block([(bytes(32), part == CHUNK, below, total) for below, total in sizes])
    return len(block) + sum(total for _, total in sizes)
