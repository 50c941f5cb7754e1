"""Many short rows in order, element by element: exchanges of whole arrays, which are as fast as memory.

The network is Batcher's (Knuth, TAOCP 5.2.2, algorithm M), less what the wanted ranks don't depend on.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ranked"]

Array = npt.NDArray[Any]


def ranked(rows: Sequence[Array], first: int, last: int) -> list[Array]:
    """The elements of these ranks (from 0, both included) among those of all rows at the same place.

    The rows are written over; their dtype is one that numpy compares, without NaN.
    """
    kept = list(rows)
    spare = np.empty_like(kept[0])
    for low, high in _network(len(kept), first, last):
        a, b = kept[low], kept[high]
        np.minimum(a, b, out=spare)
        np.maximum(a, b, out=b)
        kept[low], spare = spare, a
    return kept[first : last + 1]


@functools.lru_cache(maxsize=256)
def _network(count: int, first: int, last: int) -> tuple[tuple[int, int], ...]:
    wanted = set(range(first, last + 1))
    needed = []
    for low, high in reversed(_exchanges(count)):
        if low in wanted or high in wanted:
            needed.append((low, high))
            wanted |= {low, high}
    return tuple(reversed(needed))


def _exchanges(count: int) -> list[tuple[int, int]]:
    found = []
    top = 1 << max((count - 1).bit_length() - 1, 0)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while d > 0:
            found += [(i, i + d) for i in range(count - d) if i & p == r]
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return found
