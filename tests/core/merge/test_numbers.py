"""Floats as integers and back, against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from colearn_ledger.core.merge.numbers import (
    FLOATS,
    LIMIT_BITS,
    PRECISION,
    divided,
    exponent_of,
    from_integers,
    limit_of,
    to_integers,
)
from tests.kit.merging import bits_of, number_of


@pytest.mark.parametrize("dtype", FLOATS)
def test_numbers__all_exponents__as_fractions_say(dtype: str) -> None:
    kind, rng = FLOATS[dtype], np.random.default_rng(7)
    hidden = 1 << (kind.precision - 1)
    edges = [0, 1, hidden - 1, hidden, kind.largest]
    for _ in range(60):
        drawn = [int(n) % (kind.largest + 1) for n in rng.integers(0, 2**62, 6)] + edges
        bits = [b | (kind.sign if rng.integers(2) else 0) for b in drawn]
        magnitude = int(rng.choice(drawn))
        k = PRECISION - exponent_of(kind, magnitude)
        scale = Fraction(2) ** k
        limit = limit_of(kind, k)
        assert all((abs(number_of(b, dtype)) * scale < 1 << LIMIT_BITS) == (b & (kind.sign - 1) < limit) for b in bits)
        below = [b for b in bits if b & (kind.sign - 1) < limit]
        found = to_integers(kind, np.array(below, kind.bits), k).tolist()
        assert found == [round(number_of(b, dtype) * scale) for b in below]
        cut = to_integers(kind, np.array(bits, kind.bits), k, cut=True).tolist()
        most = 1 << LIMIT_BITS
        assert cut == [max(-most, min(most, round(number_of(b, dtype) * scale))) for b in bits]
        sums = rng.integers(-(2**58), 2**58, 12) >> rng.integers(0, 60, 12)
        wanted = [bits_of(Fraction(int(n)) / scale, dtype) for n in sums]
        assert from_integers(kind, sums, k).tolist() == wanted


@pytest.mark.parametrize("dtype", FLOATS)
def test_to_integers__quick_or_by_bits__the_same(dtype: str) -> None:
    """So it doesn't matter whether a library has the processor take subnormal numbers for zero."""
    kind = FLOATS[dtype]
    bits = np.random.default_rng(8).integers(0, kind.largest + 1, 500, dtype=np.uint64).astype(kind.bits)
    slow = type(kind)(kind.precision, kind.least, kind.bits, kind.quick, -1)
    for k in (-kind.reach, -3, 0, 40, min(kind.reach, PRECISION - kind.least - 1)):
        some = bits[bits < limit_of(kind, k)]
        assert np.array_equal(to_integers(kind, some, k), to_integers(slow, some, k))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_divided__any_sign__half_to_even(count: int) -> None:
    totals = np.concatenate([np.arange(-200, 200), np.array([2**62, -(2**62), 2**62 - 1, 3 - 2**62])])
    assert divided(totals.copy(), count).tolist() == [round(Fraction(int(n), count)) for n in totals]
