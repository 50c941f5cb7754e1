"""One node per key: two would commit to two different votes and pay for each other's failed transactions.

The key is known by its address, so it doesn't matter which file it comes from, nor whether there can be a lock beside
that. One there, where it can be, also reaches nodes that have another runtime folder. In another collective the same
address may be at work: the accounts of local chains are the same on all of them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from colearn_ledger.errors import KeyFileError, KeyInUse
from colearn_ledger.formats.locks import LockHeld, take_lock

__all__ = ["hold", "runtime_folder"]

# A folder of secrets in a container, or another user's: no lock can be there.
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextlib.contextmanager
def hold(
    address: str, keystore: Path | None = None, *, collective: str = "", folder: Path | None = None
) -> Iterator[None]:
    """In this block no other node of the collective on this machine has the key; the lock ends with the process.

    Parameters
    ----------
    address: of the key.
    keystore: the file that it is in, which no other node may use for any collective; None where it is none.
    collective: what tells it from others.
    folder: where the lock is; None: :func:`runtime_folder`'s.

    Raises KeyInUse when another process holds it, KeyFileError when the lock can't be made.
    """
    name = hashlib.sha256(f"{address.lower()} {collective}".encode()).hexdigest()[:16]
    with contextlib.ExitStack() as stack:
        if keystore is not None:
            keystore = keystore.resolve()  # by whatever link it is named
            try:
                stack.enter_context(_taken(keystore.with_name(keystore.name + ".lock"), address))
            except OSError as e:
                if isinstance(e, KeyFileError) or e.errno not in _NOT_WRITABLE:
                    raise
        path = (runtime_folder() if folder is None else folder) / f"colearn-node-{name}.lock"
        try:
            stack.enter_context(_taken(path, address))
        except OSError as e:
            if isinstance(e, KeyFileError):
                raise
            raise KeyFileError(
                f"the lock {path} can't be made: {e.strerror or e}",
                expected="a folder that this user may write to, on a file system with locks (flock)",
                fix="set XDG_RUNTIME_DIR to one; where another user's node has made the file, it may use the same key",
            ) from e
        yield


@contextlib.contextmanager
def _taken(path: Path, address: str) -> Iterator[None]:
    try:
        file = take_lock(path)
    except LockHeld as held:
        raise KeyInUse(
            f"the key of {address} is in use by another node (process {'?' if held.holder is None else held.holder})",
            expected="one node per key",
            fix="stop the other node, or give this one a key of its own",
        ) from None
    with file:
        yield


def runtime_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's processes find each other: ``XDG_RUNTIME_DIR``, what that usually is, or the temporary folder."""
    named = environ.get("XDG_RUNTIME_DIR")
    usual = Path(named) if named else Path(f"/run/user/{os.getuid()}")
    return usual if os.access(usual, os.W_OK) else Path(tempfile.gettempdir())
