"""Floats of half the bytes, against ml_dtypes and numpy: every case of rounding, and nothing rounded twice."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from colearn_ledger.core.rounding import rounded, widened

TYPES: dict[str, Any] = {"BF16": ml_dtypes.bfloat16, "F16": np.float16}


def others(values: npt.NDArray[Any], dtype: str) -> npt.NDArray[np.uint16]:
    with np.errstate(all="ignore"):
        return values.astype(TYPES[dtype]).view(np.uint16)


def finite_32(seed: int, size: int) -> npt.NDArray[np.float32]:
    """Any bits, ties, and what lies beside them; all subnormal exponents; what is around the largest."""
    bits = np.random.default_rng(seed).integers(0, 1 << 32, size, dtype=np.uint64).astype(np.uint32)
    top = np.uint32(0xFFFF0000)
    near = [bits & top | np.uint32(tail) for tail in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
    half = [bits & np.uint32(0xFFFFE000) | np.uint32(tail) for tail in (0, 0xFFF, 0x1000, 0x1001)]
    edges = [np.arange(start, start + 0x3000, dtype=np.uint32) for start in (0, 0x33000000, 0x477FE000, 0x7F7F0000)]
    values = np.concatenate([bits, *near, *half, *edges]).view(np.float32)
    return values[np.isfinite(values)]


@pytest.mark.parametrize("dtype", TYPES)
def test_rounded__float32__as_others_do(dtype: str) -> None:
    values = finite_32(1, 50_000)
    bits, finite = rounded(values, dtype)
    assert bits.dtype == np.dtype("<u2") and (bits == others(values, dtype)).all()
    assert not finite, "some are too large"
    small = values[np.abs(values) < 60_000]
    assert rounded(small, dtype)[1]


def test_rounded__float64_as_float16__as_numpy_does() -> None:
    rng = np.random.default_rng(2)
    wide = rng.normal(size=200_000) * 2.0 ** rng.integers(-40, 20, 200_000)
    values = np.concatenate([wide, finite_32(3, 5_000).astype(np.float64), [0.0, -0.0, 5e-324, -5e-324, 1e308]])
    assert (rounded(values, "F16")[0] == others(values, "F16")).all()


def test_rounded__float64_as_bfloat16__in_one_step() -> None:
    """By way of float32 the first is a tie, and goes down to the even one; it lies above it."""
    above = np.array([1.0 + 2.0**-8 + 2.0**-40, 1.0 + 2.0**-8, 1.0 + 3 * 2.0**-8 - 2.0**-40])
    assert widened(rounded(above, "BF16")[0], "BF16", np.dtype(np.float64)).tolist() == [1 + 2.0**-7, 1.0, 1 + 2.0**-7]
    exact = finite_32(4, 20_000).astype(np.float64)
    assert (rounded(exact, "BF16")[0] == others(exact, "BF16")).all()
    least = 2.0**-133
    tiny = np.array([least, least / 2, least / 2 * (1 + 2**-50), 3 * least / 2, -least / 2, 5e-324])
    found = widened(rounded(tiny, "BF16")[0], "BF16", np.dtype(np.float64))
    assert found.tolist() == [least, 0, least, 2 * least, 0, 0]
    assert rounded(np.array([3.3895e38]), "BF16")[1] and not rounded(np.array([3.3962e38]), "BF16")[1]
    assert not rounded(np.array([1e308]), "BF16")[1]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", TYPES)
def test_widened__every_finite_number__is_itself_and_comes_back(dtype: str, kind: Any) -> None:
    every = np.arange(1 << 16, dtype=np.uint16)
    bits = every[np.isfinite(every.view(TYPES[dtype]).astype(np.float32))]
    wide = widened(bits, dtype, np.dtype(kind))
    assert wide.dtype == kind and (wide == bits.view(TYPES[dtype]).astype(kind)).all()
    back, finite = rounded(wide, dtype)
    assert finite and (back == bits).all()
