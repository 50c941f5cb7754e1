"""Files that one process at a time holds, and that say which. The kernel frees the lock of a process that dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

__all__ = ["LockHeld", "lock_holder", "take_lock"]

_DIGITS = 32


class LockHeld(BlockingIOError):
    """Another process holds the lock. ``holder``: its process id, None if it hasn't said."""

    def __init__(self, path: Path, holder: int | None) -> None:
        super().__init__(f"{path} is held by the process {'?' if holder is None else holder}")
        self.holder = holder


def take_lock(path: Path, *, waiting: Callable[[], None] | None = None) -> IO[bytes]:
    """Lock the file, which is made if need be, until the returned one is closed or this process ends, however it ends.

    Parameters
    ----------
    waiting: called once when another process holds it, which is then waited for. None: don't wait.

    Raises
    ------
    LockHeld: another process holds it, and nobody is to wait.
    OSError: the file can't be made.
    """
    import fcntl  # not on Windows, where nothing that runs needs a lock

    # Following no link: in a folder that others write to it would lead to a file of their choice, which is emptied.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    file = open(handle, "a+b", buffering=0)  # noqa: SIM115 - whoever takes the lock closes it
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is None:
                raise LockHeld(path, _read(file.fileno())) from None
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
    except BaseException:
        file.close()
        raise
    return file


def lock_holder(path: Path) -> int | None:
    """The process that holds the file's lock; None if there is no such file, or nobody holds it, or it hasn't said."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(handle)
    finally:
        os.close(handle)
    return None


def _read(handle: int) -> int | None:
    text = os.pread(handle, _DIGITS, 0).strip()
    return int(text) if text.isdigit() else None
