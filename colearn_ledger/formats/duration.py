"""Spans of time as people write them: ``90s``, ``10m``, ``2h``, ``1d``, or seconds alone."""

from __future__ import annotations

import re

from ..errors import UsageError

__all__ = ["parse_duration", "shown_duration"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str, what: str, *, most: int, least: int = 1) -> int:
    """Whole seconds, from ``least`` to ``most``. Several parts add up: ``1h30m``.

    Raises UsageError, with ``what`` as its subject, for anything else.
    """
    parts = re.findall(r"(\d+)([smhd])", text)
    if text.isascii() and text.isdigit():
        seconds = int(text[:20])
    elif text.isascii() and parts and "".join(n + unit for n, unit in parts) == text:
        seconds = sum(int(n[:20]) * _UNITS[unit] for n, unit in parts)
    else:
        seconds = -1
    if not least <= seconds <= most:
        raise UsageError(
            f"{what} is {text[:40]!r}",
            expected=f"whole seconds from {least} to {most}, or such as 90s, 10m, 2h, 1d, 1h30m",
            fix="correct it",
        )
    return seconds


def shown_duration(seconds: int) -> str:
    """For people, exact, and read back by :func:`parse_duration`: ``1h30m``."""
    parts, left = [], seconds
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
