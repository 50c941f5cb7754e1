"""Large bytes in files without a name, mapped: on disk and not in memory, and gone with whoever holds them."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from ..core.blocks import Buffer
from ..core.schema import Schema
from ..core.weights import decode

__all__ = ["decoded", "is_mapped", "mapped", "spooled"]

_READ = 1 << 20


class _Mapping(mmap.mmap):
    """Bytes of a file, for reading. ``file``: that file, opened once more, so that it can be mapped again."""

    file: IO[bytes]


def spooled(pieces: Iterable[Buffer], folder: Path | None = None) -> Buffer:
    """All of the pieces, one behind the other: in a file, or where that can't be written, as on a full disk, in memory.

    ``folder``: where the file is; the system's folder of temporary files if None.
    """
    left = iter(pieces)
    try:
        file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
    except OSError:
        return b"".join(left)
    with file:
        size = 0
        for piece in left:
            view = memoryview(piece).cast("B")
            try:
                _write(file, view)
            except OSError:  # whatever the pieces cost to make, none is made again
                return b"".join([*_read(file, size), piece, *left])
            size += len(view)
        return mapped(file, size)


def mapped(file: IO[bytes], size: int) -> memoryview:
    """A file's first bytes, for reading; the file may be closed, and lose its name."""
    if not size:
        return memoryview(b"")
    mapping = _Mapping(file.fileno(), size, access=mmap.ACCESS_READ)
    mapping.file = os.fdopen(os.dup(file.fileno()), "rb")
    return memoryview(mapping)


def decoded(data: Buffer, schema: Schema, *, verified: bool = False) -> Any:
    """As :func:`~colearn_ledger.core.weights.decode`, whose errors it raises, for a learner to do with what it likes.

    Where the bytes lie in a mapped file the arrays lie there, too: in a mapping of their own, of which a page is copied
    once it is written to. So a model that takes them over copies them once and not twice, and the file stays as it is.
    """
    view = memoryview(data)
    mapping, room = view.obj, None
    if isinstance(mapping, _Mapping) and view.nbytes == len(mapping):
        room = memoryview(mmap.mmap(mapping.file.fileno(), len(mapping), access=mmap.ACCESS_COPY))
    return decode(data, schema, verified=verified, room=room)


def is_mapped(data: Buffer) -> bool:
    """Whether the bytes lie in a mapped file."""
    return isinstance(memoryview(data).obj, mmap.mmap)


def _write(file: IO[bytes], view: memoryview) -> None:
    while len(view):
        view = view[file.write(view) :]


def _read(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The first bytes of the file; it may have some of the next piece behind them."""
    file.seek(0)
    while size and (part := file.read(min(size, _READ))):
        size -= len(part)
        yield part
