"""What a weight store does. Stores move and keep bytes; the chain says which ones.

Every store runs the same suite, ``tests/kit/store_conformance.py``.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from ..core.cid import cid_digest
from ..core.protocol import WeightsRef
from ..errors import InvalidWeights

__all__ = ["Store", "check_bytes"]


class Store(Protocol):
    """Content-addressed bytes. Every method may raise StoreError if the store itself can't be used."""

    def put(self, data: bytes) -> WeightsRef:
        """Keep ``data`` (pinned) and return its name. When it returns, others can get it; putting twice is harmless."""
        ...

    def get(self, ref: WeightsRef, *, deadline_s: float | None = None) -> bytes:
        """The bytes that ``ref`` names, checked: exact size, sha256 and CID.

        Parameters
        ----------
        deadline_s: give up after so many seconds; None is the store's own default.

        Raises
        ------
        UnavailableWeights: they can't be had (in time). Says nothing about them.
        InvalidWeights: they were had, and aren't what ``ref`` says.
        """
        ...

    def has(self, ref: WeightsRef) -> bool:
        """Whether this store holds them itself, without asking anybody."""
        ...

    def discard(self, ref: WeightsRef) -> None:
        """Keep them no longer (unpin). Discarding what isn't there is harmless."""
        ...


def check_bytes(data: bytes, ref: WeightsRef) -> None:
    """Raise InvalidWeights unless ``data`` is exactly what ``ref`` names: the check that every ``get`` ends with."""
    if len(data) != ref.size:
        raise InvalidWeights(f"the weights have {len(data)} bytes", expected=f"{ref.size}, as on chain")
    digest = hashlib.sha256(data).digest()
    if digest != ref.sha256:
        raise InvalidWeights(f"the weights' sha256 is {digest.hex()}", expected=f"{ref.sha256.hex()}, as on chain")
    cid = cid_digest(data)
    if cid != ref.cid_digest:
        raise InvalidWeights(
            f"the weights' CID has the digest {cid.hex()}", expected=f"{ref.cid_digest.hex()}, as on chain"
        )
