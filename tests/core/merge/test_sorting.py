"""Ranks of many short rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from colearn_ledger.core.merge.sorting import ranked


@pytest.mark.parametrize("count", range(1, 11))
def test_ranked__all_rows_of_zeros_and_ones__every_rank(count: int) -> None:
    """A network that puts all of these in order puts everything in order."""
    columns = np.array(list(itertools.product([0, 1], repeat=count)), np.int8).T
    wanted = np.sort(columns, axis=0)
    for first in range(count):
        for last in range(first, count):
            found = ranked([row.copy() for row in columns], first, last)
            assert np.array_equal(found, wanted[first : last + 1])


@pytest.mark.parametrize("count", [16, 31, 33, 64])
def test_ranked__many_rows__the_middle(count: int) -> None:
    rows = np.random.default_rng(count).integers(-50, 50, (count, 700))
    first, last = count // 4, count - 1 - count // 4
    found = ranked([row.copy() for row in rows], first, last)
    assert np.array_equal(found, np.sort(rows, axis=0)[first : last + 1])
