"""The last weights that were verified, kept until they are adopted or others come: fetched, hashed and looked at once.

They lie in a file without a name, on disk and not in memory, that only this process can reach: so they are still what
was verified, and are gone when the process is.
"""

from __future__ import annotations

from pathlib import Path

from ..core.blocks import Buffer
from ..core.protocol import WeightsRef
from .mapped import is_mapped, spooled

__all__ = ["Verified"]


class Verified:
    """One slot for the bytes of the last verified weights.

    Whoever took them can read them for as long as it likes, also when the slot has been filled anew: so a member that
    reads the accepted weights while it verifies a proposal takes up twice their size on disk, and nothing in memory.

    Parameters
    ----------
    folder: where the file is made; the system's folder of temporary files if None.

    Attributes
    ----------
    folder: where it is made.
    ref: what was kept last; None where nothing is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.ref: WeightsRef | None = None
        self._data: Buffer | None = None

    def keep(self, ref: WeightsRef, data: Buffer) -> None:
        """Keep what ``ref`` names: bytes whose size, sha256 and CID were compared with it, and that were decoded.

        Those that lie in a mapped file stay there, and are not copied. Where others can't be kept, as on a full disk,
        they are fetched again when they are adopted.
        """
        if ref == self.ref:
            return
        self.ref = self._data = None
        kept = data if is_mapped(data) else spooled([data], self.folder)
        if is_mapped(kept):
            self._data, self.ref = kept, ref

    def take(self, ref: WeightsRef) -> Buffer | None:
        """The bytes that ``ref`` names, if they are the last that were verified."""
        return self._data if ref == self.ref else None
