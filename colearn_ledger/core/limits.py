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
    "ONE_BLOCK",
]

# The contract's.
LEAST_MEMBERS, MOST_MEMBERS = 2, 64
MOST_NOTE = 256  # bytes of a proposal's note
MOST_BYTES = (1 << 36) - 1  # of weights
MOST_SECONDS = (1 << 25) - 1  # of a window: 388 days
MOST_PAGE = 256  # records in one call
ONE_BLOCK = 1 << 20  # bytes up to which weights are one raw block, whose digest is the weights' sha256

DEFAULT_MAX_SIZE = 1 << 30  # bytes of weights, where a collective says nothing else
