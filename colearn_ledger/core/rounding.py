"""Floats of half the bytes on their way: rounded when weights are written, widened when they are read.

numpy has no bfloat16, so that one is made of bits. Rounding is to the nearest, half to even, in one step, subnormal
numbers included, whatever a library has set the processor to do with these.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["rounded", "widened"]

Array = npt.NDArray[Any]

_INFINITE = {"BF16": 0x7F80, "F16": 0x7C00}  # the bits of the exponent: all of them set are no finite number
_SHAPES = {"BF16": (8, -133), "F16": (11, -24)}  # bits of the significand; 2 to this is the smallest number


def rounded(values: Array, dtype: str) -> tuple[Array, bool]:
    """The bits of the nearest numbers of ``BF16`` or ``F16``, and whether all of them are finite.

    ``values``: finite, float32 or float64, in one dimension. What is too large becomes an infinity.
    """
    if values.dtype.itemsize == 4:
        bits = _short_of_32(values.view(np.uint32)) if dtype == "BF16" else _half_of_32(values)
    else:
        bits = _of_64(values.view(np.uint64), *_SHAPES[dtype], _INFINITE[dtype])
    infinite = np.uint16(_INFINITE[dtype])
    return bits.astype("<u2", copy=False), not bool(((bits & infinite) == infinite).any())


def widened(bits: Array, dtype: str, kind: np.dtype[Any]) -> Array:
    """The numbers that ``BF16`` or ``F16`` bits are, as float32 or float64, which have all of them."""
    if dtype == "BF16":
        upper: Array = bits.astype(np.uint32) << np.uint32(16)
        return upper.view(np.float32).astype(kind, copy=False)
    return bits.view("<f2").astype(kind)


def _short_of_32(bits: Array) -> Array:
    """The upper half of a float32's bits is a bfloat16: of the lower half only the rounding is left."""
    half: Array = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    half += bits
    half >>= np.uint32(16)
    short: Array = half.astype(np.uint16)
    return short


def _half_of_32(values: Array) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        short: Array = values.astype("<f2")
    return short.view(np.uint16)


def _of_64(bits: Array, precision: int, least: int, infinite: int) -> Array:
    """The bits of a float64 as those of a shorter one, by integers alone."""
    whole = (bits & np.uint64((1 << 63) - 1)).astype(np.int64)
    exponent = whole >> 52
    significand = np.where(exponent > 0, (whole & ((1 << 52) - 1)) | (1 << 52), 0)  # what is subnormal there is 0 here
    place = exponent - 1075 - least  # the number is significand * 2**place, in units of the smallest
    shift = np.clip(np.maximum(53 - precision, -place), 0, 62)
    up = significand >> shift
    rest = significand - (up << shift)
    half = np.int64(1) << (shift - 1)
    up += (rest > half) | ((rest == half) & (up & 1 == 1))
    # A normal number's hidden bit adds one to the exponent's field, and so does a significand that was rounded up.
    field = np.clip(place + shift, 0, infinite >> (precision - 1))
    short = np.minimum((field << (precision - 1)) + up, infinite)
    sign = (bits >> np.uint64(48)).astype(np.int64) & 0x8000
    signed: Array = short | sign
    short_bits: Array = signed.astype(np.uint16)
    return short_bits
