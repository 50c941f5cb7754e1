"""One leaf of the merge: its rule, element by element, in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..blocks import blocks
from ..lineage import moved_within
from ..roles import Bounded
from .clipping import shortened
from .contributions import BLOCK, FloatLeaf
from .numbers import Array, Integers, divided, from_integers, quick_floats, scaled_integers, to_integers
from .rules import Rule
from .sorting import ranked

__all__ = ["float_blocks", "integer_blocks", "lower_median"]


def float_blocks(
    leaf: FloatLeaf,
    rule: Rule,
    rows: Sequence[Array],
    parent: Array,
    before: Array | None,
    factors: Sequence[int],
    block: int = BLOCK,
) -> Iterator[Array]:
    """The merged leaf, part by part.

    Parameters
    ----------
    rows, parent, before: bits of the contributions, of their parent, and of the weights accepted before that one, for
        the rule that needs them.
    factors: of each contribution's step (:func:`.clipping.clipping_factors`).
    block: elements a part; has no influence on what comes of it.
    """
    for here in blocks(len(parent), block, parent, *rows, *([] if before is None else [before])):
        then = None if before is None else before[here]
        value = _merged(leaf, rule, [row[here] for row in rows], parent[here], then, factors)
        bits = from_integers(leaf.kind, value, leaf.k)
        yield bits if not isinstance(leaf.role, Bounded) else _within(leaf, leaf.role.rise, bits, parent[here])


def integer_blocks(rows: Sequence[Array], block: int = BLOCK) -> Iterator[Array]:
    """The lower median of integers or bools, which every rule takes."""
    middle = (len(rows) - 1) // 2
    for here in blocks(len(rows[0]), block, *rows):
        yield ranked([row[here].copy() for row in rows], middle, middle)[0]


def lower_median(values: Sequence[Any]) -> Any:
    """The same of Python's own numbers."""
    return sorted(values)[(len(values) - 1) // 2]


def _merged(
    leaf: FloatLeaf, rule: Rule, rows: Sequence[Array], parent: Array, before: Array | None, factors: Sequence[int]
) -> Integers:
    kind, k = leaf.kind, leaf.k
    if rule in (Rule.MEDIAN, Rule.TRIMMED_MEAN):
        cut = (len(rows) - 1) // 2 if rule is Rule.MEDIAN else len(rows) // 4
        return _middle(leaf, rows, cut)
    if rule is Rule.CLIPPED_MEAN and leaf.role == "scored":
        was = to_integers(kind, parent, k)
        total = np.zeros(len(parent), np.int64)
        for row, factor in zip(rows, factors, strict=True):
            total += shortened(to_integers(kind, row, k) - was, factor)
        return was + divided(total, len(rows))
    total = to_integers(kind, rows[0], k)
    for row in rows[1:]:
        total += to_integers(kind, row, k)
    mean = divided(total, len(rows))
    if rule is Rule.MOMENTUM and before is not None:
        mean += divided(to_integers(kind, parent, k) - to_integers(kind, before, k, cut=True), 2)
    return mean


def _middle(leaf: FloatLeaf, rows: Sequence[Array], cut: int) -> Integers:
    """The mean of those that are left when so many at each end are taken away."""
    last = len(rows) - 1 - cut
    if leaf.kind.is_quick(leaf.k):  # in the order of the floats, which is that of the integers
        floats = [np.array(quick_floats(leaf.kind, row)) for row in rows]
        kept = [scaled_integers(row, leaf.kind, leaf.k) for row in ranked(floats, cut, last)]
    else:
        kept = ranked([to_integers(leaf.kind, row, leaf.k) for row in rows], cut, last)
    total = kept[0]
    for row in kept[1:]:
        total += row
    return divided(total, len(kept))


def _within(leaf: FloatLeaf, rise: float, bits: Array, parent: Array) -> Array:
    """Moved to where a bounded leaf may be: rounding alone can lead out of there, and momentum."""
    kind = f"<f{leaf.kind.bits.itemsize}"
    moved = moved_within(parent.view(kind), bits.view(kind), rise)
    return np.asarray(moved + 0).view(leaf.kind.bits)  # + 0: of the two zeros one
