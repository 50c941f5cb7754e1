"""One node per key: two would commit to two different votes and pay for each other's failed transactions."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from colearn_ledger.errors import KeyFileError, KeyInUse
from colearn_ledger.formats.locks import LockHeld, take_lock

__all__ = ["hold"]


def hold(keystore: Path) -> IO[bytes]:
    """Lock the keystore until the returned file is closed or the process ends, however it ends.

    Raises KeyInUse when another process holds it, KeyFileError when the lock can't be made.
    """
    keystore = keystore.resolve()  # by whatever link it is named
    path = keystore.with_name(keystore.name + ".lock")
    try:
        return take_lock(path)
    except LockHeld as held:
        raise KeyInUse(
            f"the key {keystore} is in use by another node (process {'?' if held.holder is None else held.holder})",
            expected="one node per key",
            fix="stop the other node, or give this one a key of its own",
        ) from None
    except OSError as e:
        raise KeyFileError(
            f"the lock {path} can't be made: {e.strerror or e}",
            expected="a keystore in a folder that this user may write to",
            fix="check the folder's permissions, or move the keystore",
        ) from e
