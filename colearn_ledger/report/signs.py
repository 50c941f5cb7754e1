"""A vote in one character, the same in every table."""

from __future__ import annotations

__all__ = ["ABSENT", "APPROVED", "DECLINED", "HIDDEN", "PROPOSED", "REJECTED"]

APPROVED = "+"
REJECTED = "-"
HIDDEN = "?"  # committed and not revealed
ABSENT = "."
PROPOSED = "P"
DECLINED = "D"  # to propose
