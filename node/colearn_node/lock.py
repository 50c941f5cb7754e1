"""One node per key: two would commit to two different votes and pay for each other's failed transactions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from colearn_ledger.errors import KeyFileError, KeyInUse

__all__ = ["hold"]


def hold(keystore: Path) -> IO[str]:
    """Lock the keystore until the returned file is closed or the process ends, however it ends.

    Raises KeyInUse when another process holds it, KeyFileError when the lock can't be made.
    """
    import fcntl

    keystore = keystore.resolve()  # by whatever link it is named
    path = keystore.with_name(keystore.name + ".lock")
    try:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - stays open as long as the node runs
    except OSError as e:
        raise KeyFileError(
            f"the lock {path} can't be made: {e.strerror or e}",
            expected="a keystore in a folder that this user may write to",
            fix="check the folder's permissions, or move the keystore",
        ) from e
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "?"
        file.close()
        raise KeyInUse(
            f"the key {keystore} is in use by another node (process {holder})",
            expected="one node per key",
            fix="stop the other node, or give this one a key of its own",
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
