"""Contributions into one proposal: a function of their bytes, their parent's and the rule, and of nothing else."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...errors import UsageError
from ..blocks import Buffer, pieces
from ..cid import CHUNK, CidHasher
from ..header import header_of, in_file_order
from ..lineage import moved_within
from ..protocol import WeightsRef
from ..roles import Bounded
from ..tree import leaves_of, with_parts
from ..weights import laid_out
from .clipping import clipping_factors, step_lengths
from .contributions import BLOCK, Basis, Mergeable, distinct
from .leaves import float_blocks, integer_blocks, lower_median
from .numbers import Array
from .rules import Rule

__all__ = ["merge", "merge_to", "merge_what_changes"]


def merge(basis: Basis, rule: Rule, contributions: Iterable[Mergeable], *, before: Buffer | None = None) -> bytes:
    """The canonical bytes of the merge; :func:`merge_to` in memory."""
    out = io.BytesIO()
    merge_to(out.write, basis, rule, contributions, before=before)
    return out.getvalue()


def merge_to(
    write: Callable[[bytes | memoryview], Any],
    basis: Basis,
    rule: Rule,
    contributions: Iterable[Mergeable],
    *,
    before: Buffer | None = None,
    block: int = BLOCK,
) -> WeightsRef:
    """Merge, write the canonical bytes piece by piece, and return their name.

    The order of the contributions doesn't matter, and equal ones count once. One alone is what it is, whatever the
    rule. In memory are some blocks of each; contributions may be mapped files.

    Parameters
    ----------
    write: takes the next bytes; they are to be used, or copied, before it returns.
    basis: their parent, against which each was checked.
    rule: not ``SOLO``.
    before: canonical bytes of the weights that were accepted before the parent, of the same schema, for ``MOMENTUM``;
        without them that is the mean.
    block: elements at a time; has no influence on the bytes.

    Raises UsageError where there is nothing to merge, or a seat is there twice.
    """
    if rule is Rule.SOLO:
        raise UsageError("a solo proposal is no merge", expected="a rule to merge by", fix="name one of them")
    merged = distinct(contributions)
    sha, cid, size = hashlib.sha256(), CidHasher(), 0
    for piece in pieces(merged[0].data, CHUNK) if len(merged) == 1 else _pieces(basis, rule, merged, before, block):
        write(piece)
        sha.update(piece)
        cid.update(piece)
        size += len(piece)
    return WeightsRef(sha.digest(), cid.digest(), size)


def merge_what_changes(
    basis: Basis, contributions: Iterable[Mergeable], parent: bytes, merge: Callable[[Sequence[Mergeable]], WeightsRef]
) -> tuple[WeightsRef, tuple[Mergeable, ...], tuple[Mergeable, ...]]:
    """Merge, leaving out what it takes for the merge to be other than its parent, which nobody can propose.

    Whoever contributes last knows what the others have contributed, and can make theirs come to nothing. Such a
    contribution goes as far as all others together: the one that went furthest is left out, of equal ones the highest
    seat's, and the rest merged anew; at the latest one alone, which is no parent of its own.

    Parameters
    ----------
    parent: sha256 of its bytes.
    merge: merges what it is given; called last with what counts.

    Returns
    -------
    The merge's name, what counts in it, and what was left out, first that which went furthest.
    """
    counted, left_out = list(distinct(contributions)), list[Mergeable]()
    while (weights := merge(counted)).sha256 == parent and len(counted) > 1:
        lengths = step_lengths(basis, counted)
        left_out.append(counted.pop(max(range(len(counted)), key=lambda i: (lengths[i], i))))
    return weights, tuple(counted), tuple(left_out)


def _pieces(
    basis: Basis, rule: Rule, merged: Sequence[Mergeable], before: Buffer | None, block: int
) -> Iterator[bytes | memoryview]:
    factors = clipping_factors(basis, merged) if rule is Rule.CLIPPED_MEAN else [0] * len(merged)
    momentum = rule is Rule.MOMENTUM and before is not None
    earlier = laid_out(before, basis.schema, verified=True)[1] if momentum and before is not None else None

    def blocks(path: str) -> Iterator[Array]:
        rows = [one.parts[path] for one in merged]
        leaf = basis.floats.get(path)
        if leaf is None:
            return integer_blocks([_unsigned_bools(row.reshape(-1)) for row in rows], block)
        then = None if earlier is None else leaf.bits(earlier[path])
        bits = [leaf.bits(row) for row in rows]
        return float_blocks(leaf, rule, bits, leaf.bits(basis.parts[path]), then, factors, block)

    local = set(basis.schema.local)
    roles = dict(basis.schema.roles)
    values: dict[str, Any] = {}
    for path, was in basis.parts.items():
        if isinstance(was, np.ndarray) or was is None or path in local:
            continue
        if path not in basis.floats:
            values[path] = lower_median([one.parts[path] for one in merged])
            continue
        number = float(next(blocks(path)).view("<f8")[0])
        role = roles.get(path)
        values[path] = number if not isinstance(role, Bounded) else moved_within(was, number, role.rise)
    header = header_of(with_parts(basis.skeleton, values))
    yield len(header).to_bytes(8, "little") + header
    for leaf in in_file_order(leaves_of(basis.skeleton)):
        if leaf.name in local:
            yield from pieces(basis.parts[leaf.name].reshape(-1).view(np.uint8).data, CHUNK)
        elif leaf.nbytes:
            for part in blocks(leaf.name):
                yield part.view(np.uint8).data


def _unsigned_bools(array: Array) -> Array:
    return array.view(np.uint8) if array.dtype == np.bool_ else array
