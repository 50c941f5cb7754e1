"""What a weight store does. Stores move and keep bytes; the chain says which ones.

Every store runs the same suite, ``tests/kit/store_conformance.py``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from typing import Protocol

from ..core.blocks import Buffer
from ..core.cid import CHUNK, cid_digest, cid_text
from ..core.protocol import WeightsRef
from ..errors import InvalidWeights

__all__ = [
    "ANYBODY",
    "Store",
    "archive_of",
    "check_bytes",
    "check_small",
    "contributor_of",
    "owner_of",
    "patience_s",
    "training_of",
]

_CONTRIBUTED = "/contributed/"
_SLOWEST = 1_000_000  # bytes a second that a transfer is given time for: a line of 8 Mbit/s
ANYBODY = "colearn"  # the owner of a store that is opened for no collective, as for founding one


class Store(Protocol):
    """Content-addressed bytes. Every method may raise StoreError if the store itself can't be used.

    What a store keeps, it keeps for its owner (:func:`owner_of`): many may share one place, and hold the same content,
    and none takes it from another. Nothing is kept in memory: who keeps what is asked of the place itself.
    """

    def put(self, data: Buffer) -> WeightsRef:
        """Keep ``data`` (pinned) and return its name. When it returns, others can get it; putting twice is harmless."""
        ...

    def get(
        self,
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> bytes:
        """The bytes that ``ref`` names, checked: exact size, sha256 and CID. From then on they are kept (pinned).

        Parameters
        ----------
        deadline_s: give up after so many seconds; None is the store's own default.
        check_head: gets the first bytes, a chunk or all that there are, before the rest is fetched; what it raises
            ends that. They are bytes of whoever made the reference, not yet compared with it.

        Raises
        ------
        UnavailableWeights: they can't be had (in time). Says nothing about them.
        InvalidWeights: they were had, and aren't what ``ref`` says; or what ``check_head`` raised.
        """
        ...

    def get_small(self, sha256: bytes, *, deadline_s: float | None = None) -> bytes:
        """Content of at most one chunk (1 MiB) of which nothing is known but its hash, checked. It isn't kept by that.

        Raises
        ------
        UnavailableWeights: it can't be had (in time).
        InvalidWeights: what has its name is something else.
        """
        ...

    def get_to(
        self,
        path: str | os.PathLike[str],
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> None:
        """As :meth:`get`, into a file; in memory is a piece of them at a time.

        The file gets its name when all of it was checked, and is replaced if it was there: so there is a whole one, or
        what was there before. Raises StoreError, too, where it can't be written.
        """
        ...

    def has(self, ref: WeightsRef) -> bool:
        """Whether this store holds them itself, without asking anybody; not what it sees to be damaged."""
        ...

    def kept(self) -> frozenset[str]:
        """The CIDs of all that is kept for this owner, and is there."""
        ...

    def discard(self, ref: WeightsRef | str) -> None:
        """Keep no longer what has this CID. Harmless where it isn't kept for this owner: then nothing is done.

        What others keep, or what was there before it was kept, stays.
        """
        ...

    def archive(self, ref: WeightsRef) -> None:
        """Keep for good what is there: :meth:`kept` doesn't name it for that, and :meth:`discard` leaves it."""
        ...

    def archived(self) -> frozenset[str]:
        """The CIDs of all that is kept so for this owner, and is there."""
        ...

    def unarchive(self, ref: WeightsRef | str) -> None:
        """Take back :meth:`archive`. What is kept otherwise, or for others, stays; harmless where it isn't archived."""
        ...

    def keep_contribution(self, ref: WeightsRef, training: int) -> None:
        """Keep for good what is there, as this owner's contribution to a training, by its first round.

        As what is archived, :meth:`kept` doesn't name it for that, and :meth:`discard` leaves it.
        """
        ...

    def contributions(self) -> frozenset[tuple[int, str]]:
        """Training and CID of each that is kept so for this owner, and is there."""
        ...

    def discard_contribution(self, training: int, cid: str) -> None:
        """Take back :meth:`keep_contribution`. What is kept otherwise, or for others, stays; harmless elsewhere."""
        ...


def patience_s(timeout_s: float, size: int) -> float:
    """Seconds for an attempt to have ``size`` bytes: the timeout, and as many more as a slow line takes for them."""
    return timeout_s + size / _SLOWEST


def owner_of(chain_id: int, contract: str, member: str) -> str:
    """The owner that a member's node has in its store: another one for each collective."""
    return f"colearn/{chain_id}/{contract}/{member}"


def archive_of(owner: str) -> str:
    """Under whose name an owner's archive is kept."""
    return f"{owner}/archive"


def contributor_of(owner: str, training: int) -> str:
    """Under whose name an owner's contribution to a training is kept."""
    return f"{owner}{_CONTRIBUTED}{training}"


def training_of(owner: str, contributor: str) -> int | None:
    """The training that such a name is about; None if it isn't one of this owner's."""
    match = re.fullmatch(re.escape(owner + _CONTRIBUTED) + "([0-9]{1,20})", contributor)
    return None if match is None else int(match[1])


def check_small(data: bytes, sha256: bytes) -> bytes:
    """The same bytes; raises InvalidWeights unless they have this hash and are at most one chunk."""
    if len(data) > CHUNK or hashlib.sha256(data).digest() != sha256:
        raise InvalidWeights(
            f"what the store has as {cid_text(sha256, 1)} is something else", expected=f"sha256 {sha256.hex()}"
        )
    return data


def check_bytes(data: bytes, ref: WeightsRef) -> None:
    """Raise InvalidWeights unless ``data`` is exactly what ``ref`` names: the check that every ``get`` ends with."""
    if len(data) != ref.size:
        raise InvalidWeights(f"the weights have {len(data):,} bytes", expected=f"{ref.size:,}, as on chain")
    digest = hashlib.sha256(data).digest()
    if digest != ref.sha256:
        raise InvalidWeights(f"the weights' sha256 is {digest.hex()}", expected=f"{ref.sha256.hex()}, as on chain")
    cid = cid_digest(data)
    if cid != ref.cid_digest:
        raise InvalidWeights(
            f"the weights' CID has the digest {cid.hex()}", expected=f"{ref.cid_digest.hex()}, as on chain"
        )
