"""What a proposal says that it is the merge of, in the bits that the contract keeps of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum

from ..protocol import WeightsRef

__all__ = ["DIGEST_BITS", "LeftOut", "claim_digest", "digest_text", "seats_mask"]

DIGEST_BITS = 188
_DOMAIN = b"colearn merge 1"
_TEXTS = ("can't be had", "invalid", "equal to another contribution", "it cancels the others out")


class LeftOut(IntEnum):
    """Why a contribution isn't counted, by the number that stands for it beside a claim (four bits a seat)."""

    UNAVAILABLE = 1
    INVALID = 2
    EQUAL = 3
    CANCELS = 4

    @property
    def text(self) -> str:
        """For people."""
        return _TEXTS[self - 1]


def claim_digest(merged: Iterable[tuple[int, WeightsRef]]) -> int:
    """The digest of the merged contributions, each by its seat: the first 188 bits of a sha256, as a number.

    It is taken over the domain ``colearn merge 1`` and, in the order of the seats, a seat's byte, the contribution's
    sha256 (32 bytes), and its size (8 bytes, the highest first).
    """
    sha = hashlib.sha256(_DOMAIN)
    for seat, ref in sorted(merged, key=lambda one: one[0]):
        sha.update(seat.to_bytes(1, "big") + ref.sha256 + ref.size.to_bytes(8, "big"))
    return int.from_bytes(sha.digest(), "big") >> (256 - DIGEST_BITS)


def digest_text(digest: int) -> str:
    """The digest as people see it: 47 hexadecimal digits."""
    return f"{digest:0{DIGEST_BITS // 4}x}"


def seats_mask(seats: Iterable[int]) -> int:
    """Seats as a bitmap: bit 0 is seat 0."""
    return sum(1 << seat for seat in set(seats))
