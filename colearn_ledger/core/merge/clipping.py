"""How long each contribution's step is, and by how much it is shortened: to the median length of all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..blocks import blocks
from .contributions import BLOCK, Basis, Mergeable
from .numbers import Integers, to_integers

__all__ = ["FACTOR_BITS", "clipping_factors", "shortened", "step_lengths"]

FACTOR_BITS = 30
_LIMB = 28  # bits of the lower part of a step, so that no product passes 2**63
_RUN = 1 << 13  # elements whose largest fixes how their steps are counted; the squares of so many add up exactly
_STEP_BITS = 20


def clipping_factors(basis: Basis, contributions: Sequence[Mergeable]) -> list[int]:
    """What each contribution's step is multiplied by, in units of 2**-30; 2**30 where it stays as it is."""
    lengths = step_lengths(basis, contributions)
    middle = sorted(lengths)[(len(lengths) - 1) // 2]
    one = 1 << FACTOR_BITS
    return [one if length <= middle else math.isqrt((middle << 2 * FACTOR_BITS) // length) for length in lengths]


def step_lengths(basis: Basis, contributions: Sequence[Mergeable]) -> list[int]:
    """How far each contribution went from its parent: the squares of the lengths, all in one unit.

    Every leaf of floats counts that the vote decides about; lengths are Euclidean.
    """
    lengths = [0] * len(contributions)  # in units of the finest leaf's
    scored = {path: leaf for path, leaf in basis.floats.items() if leaf.role == "scored"}
    finest = max((leaf.k for leaf in scored.values()), default=0)
    for path, leaf in scored.items():
        parent = leaf.bits(basis.parts[path])
        rows = [leaf.bits(one.parts[path]) for one in contributions]
        for here in blocks(len(parent), BLOCK, parent, *rows):
            before = to_integers(leaf.kind, parent[here], leaf.k)
            for i, row in enumerate(rows):
                lengths[i] += _square(to_integers(leaf.kind, row[here], leaf.k) - before) << 2 * (finest - leaf.k)
    return lengths


def shortened(step: Integers, factor: int) -> Integers:
    """``step * factor / 2**30``, rounded to the nearest, half up; |step| is below 2**58, the factor at most 2**30."""
    if factor == 1 << FACTOR_BITS:
        return step
    high = step >> _LIMB
    low = step & ((1 << _LIMB) - 1)
    low *= factor
    low += 1 << (FACTOR_BITS - 1)
    low >>= _LIMB
    high *= factor
    high += low
    high >>= FACTOR_BITS - _LIMB
    return high


def _square(step: Integers) -> int:
    """The sum of the squares, run by run: of so many bits each, in units of their largest's last."""
    whole = len(step) // _RUN * _RUN
    total = _runs(step[:whole].reshape(-1, _RUN)) if whole else 0
    return total + (_runs(step[None, whole:]) if whole < len(step) else 0)


def _runs(steps: Integers) -> int:
    tops = np.maximum(steps.max(axis=1), -steps.min(axis=1)).tolist()
    shifts = [max(top.bit_length() - _STEP_BITS, 0) for top in tops]
    counted = (steps >> np.array(shifts)[:, None]).astype(np.float64)  # below 2**20: squares and their sums are exact
    sums = np.einsum("ij,ij->i", counted, counted).tolist()
    return sum(int(part) << 2 * shift for part, shift in zip(sums, shifts, strict=True))
