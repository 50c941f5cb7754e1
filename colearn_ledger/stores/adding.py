"""Weights on their way into a daemon: after a break only what it lacks is sent again.

A daemon can't go on in the middle of a file. But a file's chunks are blocks of their own, the same ones in whichever
file they are, and they stay when the connection breaks. So the rest is added as a file of its own, and the nodes above
all chunks, which are computed here, are put as blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ..core.blocks import Buffer, pieces
from ..core.cid import CHUNK, cid_text, nodes_above
from .daemon import Broken, Daemon
from .progress import Meter

__all__ = ["add"]


def add(daemon: Daemon, view: memoryview, end: float, meter: Meter) -> str:
    """Have the daemon hold these bytes as a file, which it doesn't pin; the CID that it gives them.

    What it has of their beginning, as from an attempt that broke off, isn't sent. Where the connection breaks, it goes
    on as soon as it can be made again. ``end``: until when, by ``time.monotonic()``.
    """
    broken, sent, had = Broken(), 0, 0

    def rest() -> Iterator[Buffer]:
        nonlocal sent
        for piece in pieces(view[had:], CHUNK):
            yield piece
            sent += len(piece)
            meter.at(min(had + sent, len(view)))

    while True:
        try:
            had = _held(daemon, view, end)
            if had < len(view) or not len(view):
                added = daemon.add(rest(), end)
            return _put_nodes(daemon, view, end) if had else added
        except broken.kinds as e:
            if not sent:  # it isn't there, and nothing was begun
                raise
            broken.wait(e, had, end)


def _held(daemon: Daemon, view: memoryview, end: float) -> int:
    """How many bytes of the beginning it has, in whole chunks; of weights of one chunk nothing is asked."""
    had = 0
    if len(view) > CHUNK:
        for piece in pieces(view, CHUNK):
            if not daemon.holds(cid_text(hashlib.sha256(piece).digest(), len(piece)), end):
                break
            had += len(piece)
    return had


def _put_nodes(daemon: Daemon, view: memoryview, end: float) -> str:
    """Have it hold the nodes above the chunks; the CID of the root."""
    leaves = [hashlib.sha256(piece).digest() for piece in pieces(view, CHUNK)]
    nodes = [daemon.put_block(block, "dag-pb", end) for block in nodes_above(leaves, len(view))]
    return nodes[-1]
