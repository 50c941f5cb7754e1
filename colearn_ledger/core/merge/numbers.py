"""Floats as integers, and back: the same bits on every machine, whatever the order of sums.

A leaf has one exponent ``k``, of its parent's largest value; ``x`` counts as ``x * 2**k``, rounded half to even, in 64
bits. Everything between is integers. ``docs/merge.md`` is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "LIMIT_BITS",
    "PRECISION",
    "Float",
    "divided",
    "exponent_of",
    "float_of",
    "from_integers",
    "limit_of",
    "magnitude_of",
    "quick_floats",
    "to_integers",
]

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

PRECISION = 40  # bits of the parent's largest value
LIMIT_BITS = 56  # |integer| < 2**56: so 64 of them add up below 2**62


@dataclass(frozen=True, slots=True)
class Float:
    """A binary floating point type.

    Attributes
    ----------
    precision: bits of the significand, with the hidden one.
    least: the exponent of the smallest subnormal number: it is 2 to this.
    bits: of the whole, an unsigned integer's dtype.
    quick: the dtype in which products with powers of two are exact, and how far these may go, so that no subnormal
        number matters: some libraries have a processor take those for zero.
    """

    precision: int
    least: int
    bits: np.dtype[Any]
    quick: np.dtype[Any]
    reach: int

    def is_quick(self, k: int) -> bool:
        """Whether numbers times ``2**k`` are integers right away; else the bits are taken apart."""
        return abs(k) <= self.reach

    @property
    def sign(self) -> int:
        return 1 << (8 * self.bits.itemsize - 1)

    @property
    def largest(self) -> int:
        """The largest finite number's bits."""
        return self.sign - (1 << (self.precision - 1)) - 1


_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
FLOATS = {
    "F64": Float(53, -1074, np.dtype("<u8"), _F64, 1000),
    "F32": Float(24, -149, np.dtype("<u4"), _F32, 120),
    "BF16": Float(8, -133, np.dtype("<u2"), _F32, 120),
    "F16": Float(11, -24, np.dtype("<u2"), _F32, 120),
}


def float_of(dtype: str) -> Float | None:
    """The type that a dtype of the weights' format is; None for integers and bools."""
    return FLOATS.get(dtype)


def magnitude_of(kind: Float, bits: Array) -> int:
    """The bits of the largest magnitude: floats without their sign are in the order of their bits."""
    return int((bits & bits.dtype.type(kind.sign - 1)).max(initial=0))


def exponent_of(kind: Float, magnitude: int) -> int:
    """The ``e`` of the magnitude that has these bits, which lies from ``2**(e-1)`` to below ``2**e``; 0 for zero."""
    if magnitude == 0:
        return 0
    field = max((magnitude >> (kind.precision - 1)) - 1, 0)
    return field + kind.least + (magnitude - (field << (kind.precision - 1))).bit_length()


def limit_of(kind: Float, k: int) -> int:
    """The bits of the least magnitude that is too large for 64 bits; those of infinity where none is."""
    place = LIMIT_BITS - k - kind.least
    bits = 1 << place if place < kind.precision else (place - kind.precision + 2) << (kind.precision - 1)
    return min(bits, kind.largest + 1)


def to_integers(kind: Float, bits: Array, k: int, *, cut: bool = False) -> Integers:
    """``x * 2**k``, rounded half to even.

    Parameters
    ----------
    bits: finite numbers, as they lie in the file, each below the limit (:func:`limit_of`).
    cut: they may be larger, and then count as the limit.
    """
    if not kind.is_quick(k):
        return _decoded(kind, bits, k, cut)
    with np.errstate(over="ignore", under="ignore"):
        return scaled_integers(quick_floats(kind, bits), kind, k, cut)


def scaled_integers(floats: Array, kind: Float, k: int, cut: bool = False) -> Integers:
    """The same of numbers in the dtype in which that is quick."""
    scaled = floats * kind.quick.type(2.0**k)
    np.rint(scaled, out=scaled)
    if cut:
        np.clip(scaled, -(2.0**LIMIT_BITS), 2.0**LIMIT_BITS, out=scaled)
    integers: Integers = scaled.astype(np.int64)
    return integers


def quick_floats(kind: Float, bits: Array) -> Array:
    """The numbers in the dtype that is quick; the result may be the file's own."""
    if kind.precision == 8:
        return (bits.astype(np.uint32) << 16).view(np.float32)
    return bits.view(f"<f{kind.bits.itemsize}").astype(kind.quick, copy=False)


def _decoded(kind: Float, bits: Array, k: int, cut: bool) -> Integers:
    """The same by integers alone, for exponents at which a product could be subnormal or infinite."""
    whole = (bits & bits.dtype.type(kind.sign - 1)).astype(np.int64)
    field = np.maximum((whole >> (kind.precision - 1)) - 1, 0)
    significand = whole - (field << (kind.precision - 1))
    shift = field + (kind.least + k)  # the number is significand * 2**shift
    up = np.clip(shift, 0, LIMIT_BITS)
    if cut:
        beyond = significand >> (LIMIT_BITS - up) != 0
        significand, up = np.where(beyond, 1, significand), np.where(beyond, LIMIT_BITS, up)
    value = np.where(shift >= 0, significand << up, _halved(significand, np.maximum(-shift, 0)))
    return np.where(bits & bits.dtype.type(kind.sign), -value, value)


def _halved(value: Integers, shift: Any) -> Integers:
    """``value / 2**shift``, rounded half to even; values from 0 to 2**58, shifts from 0."""
    shift = np.minimum(shift, 62)
    whole = value >> shift
    rest = value - (whole << shift)
    half = np.left_shift(np.int64(1), shift) >> 1
    up = (rest > half) | ((rest == half) & (half > 0) & (whole & 1 == 1))
    rounded: Integers = whole + up
    return rounded


def divided(total: Integers, count: int) -> Integers:
    """``total / count``, rounded half to even."""
    if count == 1:
        return total
    whole = total // count
    rest = 2 * (total - whole * count)
    whole += (rest > count) | ((rest == count) & (whole & 1 == 1))
    return whole


def from_integers(kind: Float, value: Integers, k: int) -> Array:
    """The bits of the floats nearest to ``value / 2**k``, half to even, in one rounding; |value| is at most 2**58.

    No result is negative zero, and none is infinite: what is larger than the largest finite number becomes that one.
    """
    size = np.abs(value)
    # How many bits it has: by its float's exponent, which is one too high where that was rounded up to a power of two.
    length = np.maximum((size.astype(np.float64).view(np.int64) >> 52) - 1022, 0)
    length -= (length > 0) & (size < np.left_shift(np.int64(1), np.maximum(length - 1, 0)))
    shift = np.maximum(length - kind.precision, kind.least + k)
    significand = np.where(shift >= 0, _halved(size, np.maximum(shift, 0)), size << np.clip(-shift, 0, 62))
    # A normal number's hidden bit adds one to the exponent's field, and so does a significand that was rounded up.
    field = np.minimum(shift - (k + kind.least), kind.largest >> (kind.precision - 1))
    whole = ((field << (kind.precision - 1)) + significand).view(np.uint64)
    bits = np.where(significand == 0, 0, np.minimum(whole, np.uint64(kind.largest))).astype(kind.bits)
    return np.where((value < 0) & (significand != 0), bits | kind.bits.type(kind.sign), bits)
