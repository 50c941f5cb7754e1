"""The vote threshold as an exact fraction: decisions compare integers, as the contract does, and never floats."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

from ..errors import UsageError

__all__ = ["MAX_DENOMINATOR", "Tie", "motion_need", "need", "parse_threshold"]

MAX_DENOMINATOR = 10**6
_STEP = 1000  # more than there are voters in a collective

Tie = Literal["reject", "accept"]


def parse_threshold(value: float | str | Fraction, tie: Tie = "reject") -> Fraction:
    """Turn a user's threshold into a fraction strictly between 0 and 1.

    Parameters
    ----------
    value: a number (``0.5``), a text (``"0.5"``, ``"2/3"``) or a fraction. Floats become the nearest fraction with a
        denominator up to a million, so that 0.6666667 means two thirds and 0.1 means exactly one tenth.
    tie: what exactly ``threshold × voters`` approvals do. ``"reject"``: more must approve, a real majority.
        ``"accept"``: so many are enough. Since a contract knows only *more than*, the result is then a fraction just
        below the threshold (999/2000 for one half) that comes to the same for up to a thousand voters.

    Raises
    ------
    UsageError: it is no number, or not strictly between 0 and 1 (with ``tie="accept"`` it may be 1: all of them).
    """
    if tie not in ("reject", "accept"):
        raise UsageError(f"the rule for a tie is {tie!r}", expected="'reject' or 'accept'", fix="give one of them")
    try:
        if isinstance(value, bool):
            raise ValueError
        fraction = Fraction(value.strip() if isinstance(value, str) else value).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        fraction = Fraction(0)  # no number at all gets the same message as one out of range
    if tie == "accept" and 0 < fraction <= 1:
        return fraction - Fraction(1, _STEP * fraction.denominator)
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


def motion_need(threshold: Fraction, eligible: int) -> int:
    """How many approvals carry a motion: as many as weights would need, and at least a majority."""
    return max(need(threshold, eligible), eligible // 2 + 1)
