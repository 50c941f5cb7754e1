"""What is merged: contributions that were checked against the accepted weights that they were trained from."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidWeights, LearnerError, UsageError
from ..blocks import Buffer, blocks
from ..limits import MOST_MEMBERS
from ..lineage import check_parts
from ..protocol import WeightsRef
from ..roles import Bounded, Role
from ..schema import Schema
from ..tree import Node, leaves_of, part_at, shown, with_parts
from ..weights import laid_out
from .numbers import FLOATS, LIMIT_BITS, PRECISION, Array, Float, exponent_of, limit_of, magnitude_of, quick_floats

__all__ = ["BLOCK", "Basis", "FloatLeaf", "Mergeable", "distinct", "why_unmergeable"]

BLOCK = 1 << 15  # elements that are worked on at a time: they stay in the cache


@dataclass(frozen=True, slots=True)
class Mergeable:
    """The bytes of one contribution, checked against their parent (:meth:`Basis.check`).

    Attributes
    ----------
    seat: of the member, from 0.
    ref: how the chain names the bytes.
    data: the canonical bytes, such as a mapped file's.
    parts: what they hold, by its place, as it lies there.
    """

    seat: int
    ref: WeightsRef
    data: Buffer
    parts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FloatLeaf:
    """How a leaf of floats is counted: its type, and the exponent ``k`` of :mod:`.numbers`."""

    kind: Float
    k: int
    role: Role

    def bits(self, part: Any) -> Array:
        """A part of the weights as bits, in one dimension; an array's own memory."""
        array = part if isinstance(part, np.ndarray) else np.array([part], "<f8")
        return array.reshape(-1).view(self.kind.bits)


@dataclass(frozen=True, slots=True)
class Basis:
    """The accepted weights that contributions were trained from: they fix how each leaf is counted.

    Attributes
    ----------
    schema: of the collective.
    skeleton, parts: of the parent's bytes.
    floats: the leaves of floats by their places, but those that stay with each learner.
    """

    schema: Schema
    skeleton: Node
    parts: Mapping[str, Any]
    floats: Mapping[str, FloatLeaf]

    @classmethod
    def of(cls, schema: Schema, parent: Buffer) -> Basis:
        """The basis that the parent's canonical bytes are. They were verified before, and must not change.

        Raises UsageError where weights of the schema can't be merged.
        """
        why = why_unmergeable(schema)
        if why:
            raise UsageError(
                f"these weights can't be merged: {why}",
                expected="arrays and numbers",
                fix="use solo rounds for this model",
            )
        skeleton, parts = laid_out(parent, max_header=len(parent), verified=True)
        roles = dict(schema.roles)
        kinds = {leaf.name: FLOATS[leaf.dtype] for leaf in leaves_of(skeleton) if leaf.dtype in FLOATS}
        kinds.update({path: FLOATS["F64"] for path, part in parts.items() if type(part) is float})
        floats = {
            path: _float_leaf(kind, parts[path], roles.get(path, "scored"))
            for path, kind in kinds.items()
            if roles.get(path) != "local"
        }
        return cls(schema, skeleton, parts, floats)

    def check(self, seat: int, ref: WeightsRef, data: Buffer) -> Mergeable:
        """A contribution of this parent. Nothing of it is copied; size and hash were compared before.

        Raises
        ------
        InvalidWeights: nobody can accept them, for the reasons of :func:`.weights.decode` and
            :func:`.lineage.check_lineage`; or a number in them is too large to be added up, and the message names the
            leaf.
        """
        parts = laid_out(data, self.schema)[1]
        check_parts(self.schema, parts, dict(self.parts))
        for path, leaf in self.floats.items():
            limit = limit_of(leaf.kind, leaf.k)
            if leaf.role == "scored" and _magnitude(leaf, parts[path]) >= limit:
                raise InvalidWeights(
                    f"{shown(path)} of the weights has a number of 2**{LIMIT_BITS - leaf.k} or more",
                    expected="less, to be merged: that is 2**16 times what the accepted weights have there",
                    fix="contribute through colearn_ledger, which keeps it below",
                )
        return Mergeable(seat, ref, data, parts)

    def kept_below(self, tree: Any) -> Any:
        """The tree with each number that is too large to be merged moved to the nearest that isn't.

        ``tree``: of the schema. For whoever contributes: an honest training that goes far isn't refused for it.
        """
        moved: dict[str, Any] = {}
        for path, leaf in self.floats.items():
            if leaf.role != "scored":
                continue
            value = part_at(tree, path)
            array = np.asarray(value)
            # As the array has it, which may be of more bits than what travels: below it nothing is rounded beyond it.
            largest = np.array([limit_of(leaf.kind, leaf.k) - 1], leaf.kind.bits)
            edge = quick_floats(leaf.kind, largest).astype(array.dtype.newbyteorder("="))[0]
            flat = array.reshape(-1)
            if any(bool((np.abs(flat[here]) > edge).any()) for here in blocks(flat.size, BLOCK)):
                cut = np.clip(array, -edge, edge).astype(array.dtype)
                scalar = cut[()] if isinstance(value, np.generic) else float(cut) if cut.ndim == 0 else cut
                moved[path] = cut if isinstance(value, np.ndarray) else scalar
        return with_parts(tree, moved) if moved else tree


def why_unmergeable(schema: Schema, learner: object = None) -> str:
    """Why weights of this schema can't be merged, naming the leaf; empty where they can.

    What is neither a number nor stays with each learner has no mean and no median. And there are numbers whose mean
    means nothing, which only the ``learner`` knows: then its attribute ``why_unmergeable`` says why.

    Raises LearnerError where that attribute is no text.
    """
    declared = getattr(learner, "why_unmergeable", "")
    if not isinstance(declared, str):
        raise LearnerError(
            f"learner {type(learner).__name__}: why_unmergeable is {str(declared)[:80]}",
            expected="a text: why the mean of two learners' weights is no model; empty where it is one",
            fix="leave the attribute out for weights that can be merged",
        )
    if declared:
        return declared
    for path, shape in schema.leaves().items():
        if path not in schema.local and shape in ("str", "bytes"):
            return f"{shown(path)} of the weights is {'a text' if shape == 'str' else 'bytes'}"
    return ""


def distinct(contributions: Iterable[Mergeable]) -> tuple[Mergeable, ...]:
    """Those that a merge counts, by their seats: of several with the same bytes the lowest seat's alone.

    Raises UsageError for none, for more than there are seats, and for a seat that is there twice.
    """
    everyone = sorted(contributions, key=lambda one: one.seat)
    seats = [one.seat for one in everyone]
    if not seats or len(set(seats)) < len(seats) or seats[0] < 0 or seats[-1] >= MOST_MEMBERS:
        raise UsageError(
            f"contributions of the seats {seats[:8]} can't be merged",
            expected=f"at least one, each of another seat from 0 to {MOST_MEMBERS - 1}",
            fix="give each member's contribution once",
        )
    found: dict[bytes, Mergeable] = {}
    for one in everyone:
        found.setdefault(one.ref.sha256, one)
    return tuple(found.values())


def _float_leaf(kind: Float, part: Any, role: Role) -> FloatLeaf:
    leaf = FloatLeaf(kind, PRECISION, role)
    e = exponent_of(kind, _magnitude(leaf, part))
    if isinstance(role, Bounded):  # whatever it may rise to can be counted
        e = max(e, math.frexp(min(role.rise, sys.float_info.max))[1])
    return FloatLeaf(kind, PRECISION - e, role)


def _magnitude(leaf: FloatLeaf, part: Any) -> int:
    bits = leaf.bits(part)
    return max((magnitude_of(leaf.kind, bits[here]) for here in blocks(len(bits), BLOCK, bits)), default=0)
