"""The weight store that a user names."""

from __future__ import annotations

from pathlib import Path

from .base import Store

__all__ = ["open_store"]


def open_store(ipfs: str | None, folder: Path | None, allow_remote: bool = False) -> Store:
    """The store in ``folder``, or else that of the IPFS daemon whose RPC is at ``ipfs``.

    Raises StoreError when it can't be used (no daemon, one that is too old, no folder to write to), UsageError for an
    address that is none, or isn't on this machine and ``allow_remote`` is False.
    """
    if folder is not None:
        from .local import LocalStore

        return LocalStore(folder)
    from .ipfs import IpfsStore

    assert ipfs is not None
    store = IpfsStore(ipfs, allow_remote=allow_remote)
    store.check()
    return store
