"""Large bytes in files without a name, mapped: on disk and not in memory, and gone with whoever holds them."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ..core.blocks import Buffer

__all__ = ["is_mapped", "mapped", "spooled"]

_READ = 1 << 20


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
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b"")


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
