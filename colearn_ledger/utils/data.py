"""Cutting data into consecutive parts; the module has the name that it was published under."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError

__all__ = ["split_list_into_fractions"]


def split_list_into_fractions(input_list: Any, fractions_list: Sequence[float], min_part_size: int = 1) -> list[Any]:
    """Consecutive parts of a list or array, each with its fraction of the entries, rounded down.

    Parameters
    ----------
    input_list: anything that has a length and can be sliced: a list, an array of data or of indices.
    fractions_list: a fraction per part. What is left over, by rounding or as they sum to less than 1, is in no part.
    min_part_size: the least number of entries that a part may have.

    Raises
    ------
    UsageError: a part would be smaller than that.
    """
    parts = []
    start, total = 0, len(input_list)
    for number, fraction in enumerate(fractions_list, 1):
        stop = min(start + int(total * fraction), total)
        if stop - start < min_part_size:
            raise UsageError(
                f"part {number} of {len(fractions_list)} would have {max(stop - start, 0)} of {total} entries",
                expected=f"at least {min_part_size}",
                fix="give more data, fewer parts or larger fractions",
            )
        parts.append(input_list[start:stop])
        start = stop
    return parts
