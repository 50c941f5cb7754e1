"""The weight store that a user names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from .address import shown_api
from .base import ANYBODY, Store
from .progress import Tell

__all__ = ["StoreSpec"]


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Which store: a value, to be handed about and opened where it is used.

    Attributes
    ----------
    ipfs: address of an IPFS daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001``; None where there is a folder.
        A URL may have a password in it, so it isn't shown as it is.
    folder: that the weights are kept in; it goes first.
    allow_remote: whether the daemon may be on another machine, where it obeys whoever reaches it.
    token_file: holds what the daemon's RPC wants as ``Authorization``; None where it wants nothing.
    owner: for whom it keeps weights (:func:`.base.owner_of`); it discards nothing that is kept for another.
    """

    ipfs: str | None = field(default=None, repr=False)
    folder: Path | None = None
    allow_remote: bool = False
    token_file: Path | None = None
    owner: str = ANYBODY

    def __str__(self) -> str:
        if self.folder is not None:
            return f"the folder {self.folder}"
        return f"the IPFS daemon at {shown_api(self.ipfs or '')}"

    def open(self, tell: Tell | None = None) -> Store:
        """The store, ready for use; a folder is made. ``tell`` is told now and then how far a long transfer has come.

        Raises StoreError when it can't be used (no daemon, one that is too old, no folder to write to), UsageError for
        an address that is none, or isn't on this machine and may not be elsewhere, ConfigError for a token file that
        can't be read or has no token in it.
        """
        if self.folder is not None:
            from .local import LocalStore

            return LocalStore(self.folder, owner=self.owner, tell=tell)
        from .ipfs import IpfsStore

        assert self.ipfs is not None, "one of the two is given"
        store = IpfsStore(self.ipfs, owner=self.owner, allow_remote=self.allow_remote, token=self._token(), tell=tell)
        store.check()
        return store

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        try:
            return self.token_file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as e:
            raise ConfigError(
                f"the token file {self.token_file} can't be read: {getattr(e, 'strerror', None) or 'it is no text'}",
                expected="a file with the token of the IPFS daemon's RPC",
                fix="correct store.token_file, or --ipfs-token-file",
            ) from e
