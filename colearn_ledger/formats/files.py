"""Writing a file whole or not at all: whoever reads it sees the old content or the new, whatever dies meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["sync_folder", "write_whole"]

_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK})
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change the ends of lines


def write_whole(
    path: str | os.PathLike[str], data: str | bytes | memoryview, *, mode: int = 0o666, replace: bool = True
) -> None:
    """Write ``data`` (text as UTF-8) beside ``path``, and give it that name when it is on the disk.

    Parameters
    ----------
    mode: permissions of the file, less those that the process's umask takes away.
    replace: False leaves a file that is there as it is, and raises FileExistsError.

    Raises
    ------
    OSError: it can't be written. Nothing half done stays: neither under the name nor beside it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode), "wb") as file:
            file.write(data.encode("utf-8") if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _name_anew(temporary, path)
    finally:  # also after Ctrl-C
        temporary.unlink(missing_ok=True)
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
