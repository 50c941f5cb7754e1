"""A vote in one character, the same in every table."""

from __future__ import annotations

__all__ = ["ABSENT", "APPROVED", "DECLINED", "HIDDEN", "NONE", "PROPOSED", "REJECTED"]

APPROVED = "+"
REJECTED = "-"
HIDDEN = "?"  # committed and not revealed
NONE = "."  # not yet, or the other votes had decided
ABSENT = "_"  # did not vote, and the clock decided
PROPOSED = "P"
DECLINED = "D"  # to propose
