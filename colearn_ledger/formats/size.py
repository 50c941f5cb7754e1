"""Amounts of bytes as people write them: ``512MiB``, ``1GB``, or bytes alone."""

from __future__ import annotations

import re

from ..errors import UsageError

__all__ = ["parse_size", "shown_size"]

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def parse_size(text: str, most: int, what: str = "the size") -> int:
    """Bytes, from 1 to ``most``. Raises UsageError, with ``what`` as its subject, for anything else."""
    found = re.fullmatch(r"(\d{1,20})\s*([kmg]i?|)b?", text.strip().lower(), re.ASCII)
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= size <= most:
        raise UsageError(
            f"{what} is {text[:40]!r}", expected=f"1 to {most} bytes, also such as 100MB or 1GiB", fix="correct it"
        )
    return size


def shown_size(size: int) -> str:
    """For people, to two places."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.2f}".rstrip("0").rstrip(".") + f" {name}"
    return f"{size} bytes"
