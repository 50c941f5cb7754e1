"""Hashes as people compare them: by their first digits."""

from __future__ import annotations

__all__ = ["SHOWN_DIGITS", "shown_hash"]

SHOWN_DIGITS = 8  # the same in tables and logs, so that they can be compared by eye; JSON and CSV have all 64


def shown_hash(data: bytes) -> str:
    """As much of a hash, in hex, as tells it from the others that somebody sees."""
    return data.hex()[:SHOWN_DIGITS]
