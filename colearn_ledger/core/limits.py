"""Limits that hold wherever a collective is: the contract's, and what others have to fit into them.

The contract enforces its own; here they are known before anything is sent. ``tests/core/test_limits.py`` compares them.
"""

from __future__ import annotations

__all__ = [
    "DEFAULT_MAX_SIZE",
    "LEAST_MEMBERS",
    "MOST_BYTES",
    "MOST_MEMBERS",
    "MOST_NOTE",
    "MOST_PAGE",
    "MOST_SECONDS",
    "MOST_TIME",
    "ONE_BLOCK",
    "most_after",
    "proposed_max_size",
]

# The contract's.
LEAST_MEMBERS, MOST_MEMBERS = 2, 64
MOST_NOTE = 256  # bytes of a proposal's note
MOST_BYTES = (1 << 36) - 1  # of weights
MOST_SECONDS = (1 << 25) - 1  # of a window: 388 days
MOST_PAGE = 256  # records in one call
MOST_TIME = 1 << 35  # block time, where it counts seconds: the year 3058
ONE_BLOCK = 1 << 20  # bytes up to which weights are one raw block, whose digest is the weights' sha256

DEFAULT_MAX_SIZE = 1 << 30  # bytes of weights, where a collective says nothing else

_MIB = 1 << 20


def proposed_max_size(size: int, *, grows: bool) -> int:
    """The cap to propose for a collective whose first weights have ``size`` bytes.

    ``grows``: whether weights of the same schema may be larger: those of trees, which are bytes, grow every round.
    """
    return min(MOST_BYTES, max(64 * size, 64 * _MIB) if grows else max(4 * size, _MIB))


def most_after(size: int) -> int:
    """Bytes that weights may have whose parent has ``size`` of them, where the schema gives no bound.

    Room for any honest round (an ensemble that starts with nothing grows by much), and none for a stranger who would
    fill a voter's memory.
    """
    return max(4 * size, size + 16 * _MIB)
