"""Writing a file whole or not at all: whoever reads it sees the old content or the new, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["sync_folder", "whole_file", "write_whole"]

_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK})
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change the ends of lines


def write_whole(
    path: str | os.PathLike[str], data: str | bytes | memoryview, *, mode: int = 0o666, replace: bool = True
) -> None:
    """Write ``data`` (text as UTF-8) beside ``path``, and give it that name when it is on the disk.

    As :func:`whole_file`; it also outlives a power cut.
    """
    with whole_file(path, mode=mode, replace=replace) as file:
        file.write(data.encode("utf-8") if isinstance(data, str) else data)


@contextlib.contextmanager
def whole_file(
    path: str | os.PathLike[str], *, mode: int = 0o666, replace: bool = True, synced: bool = True
) -> Iterator[BinaryIO]:
    """A file to write beside ``path``, which gets that name at the end, unless an error ends it before.

    Parameters
    ----------
    mode: permissions of the file, less those that the process's umask takes away.
    replace: False leaves a file that is there as it is, and raises FileExistsError.
    synced: False where it need not outlive a power cut: after one it may be there, and not whole.

    Raises
    ------
    OSError: it can't be written. Nothing half done stays: neither under the name nor beside it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode), "wb") as file:
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _name_anew(temporary, path)
    finally:  # also after Ctrl-C
        temporary.unlink(missing_ok=True)
    if synced:
        sync_folder(path.parent)


def _name_anew(temporary: Path, path: Path) -> None:
    """Give the file its name unless there is one of that name: by a link, which does both in one step."""
    try:
        os.link(temporary, path)
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        # A file system without links: the name is taken first, so a crash here leaves an empty file.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.replace(temporary, path)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Have the names in the folder outlive a power cut: a file's own fsync doesn't. Nothing to do on Windows."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
