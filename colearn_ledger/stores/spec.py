"""The weight store that a user names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .base import Store

__all__ = ["StoreSpec"]


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Which store: a value, to be handed about and opened where it is used.

    Attributes
    ----------
    ipfs: address of an IPFS daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001``; None where there is a folder.
    folder: that the weights are kept in; it goes first.
    allow_remote: whether the daemon may be on another machine, where it obeys whoever reaches it.
    """

    ipfs: str | None = None
    folder: Path | None = None
    allow_remote: bool = False

    def __str__(self) -> str:
        return f"the IPFS daemon at {self.ipfs}" if self.folder is None else f"the folder {self.folder}"

    def open(self) -> Store:
        """The store, ready for use; a folder is made.

        Raises StoreError when it can't be used (no daemon, one that is too old, no folder to write to), UsageError for
        an address that is none, or isn't on this machine and may not be elsewhere.
        """
        if self.folder is not None:
            from .local import LocalStore

            return LocalStore(self.folder)
        from .ipfs import IpfsStore

        assert self.ipfs is not None, "one of the two is given"
        store = IpfsStore(self.ipfs, allow_remote=self.allow_remote)
        store.check()
        return store
