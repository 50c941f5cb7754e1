"""The vote threshold as an exact fraction: decisions compare integers, as the contract does, and never floats."""

from __future__ import annotations

import math
from fractions import Fraction

from ..errors import UsageError

__all__ = ["MAX_DENOMINATOR", "need", "parse_threshold"]

MAX_DENOMINATOR = 10**6


def parse_threshold(value: float | str | Fraction) -> Fraction:
    """Turn a user's threshold into a fraction strictly between 0 and 1.

    Parameters
    ----------
    value: a number (``0.5``), a text (``"0.5"``, ``"2/3"``) or a fraction. Floats become the nearest fraction with a
        denominator up to a million, so that 0.6666667 means two thirds and 0.1 means exactly one tenth.

    Raises
    ------
    UsageError: it is no number, or not strictly between 0 and 1.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        fraction = Fraction(value.strip() if isinstance(value, str) else value).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        fraction = Fraction(0)  # no number at all gets the same message as one out of range
    if not 0 < fraction < 1:
        raise UsageError(
            f"the vote threshold is {value!r}",
            expected="a number strictly between 0 and 1, such as 0.5 or 2/3",
            fix="0.5 means that more than half of the voters must approve",
        )
    return fraction


def need(threshold: Fraction, eligible: int) -> int:
    """How many approvals accept a proposal: the smallest integer above ``threshold × eligible``.

    A tie at one half therefore rejects, and those who don't vote count as not approving.
    """
    return math.floor(threshold * eligible) + 1
