"""What a collective's weights must look like: the tree's shape, each array's dtype and shape, and each leaf's role.

Fixed when a collective is founded, from the genesis weights, so that a proposal that the model can't load is refused
before any of it is loaded, and one of another size before any of it is fetched. Values are free where a leaf is
``scored``, and so is the length of bytes; the types of scalars aren't. Floats may be agreed to travel with half the
bytes (``wire``): then the tree says what learners hold, and the bytes have the shorter type.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigError, LearnerError, SchemaMismatch, UsageError
from .header import MAX_HEADER, header_of
from .limits import most_after
from .roles import Bounded, Role, Roles, role_from_json, role_to_json
from .tree import DTYPES, MAX_DEPTH, Leaf, Node, child_path, is_sequence, leaves_of, scalar_type, shown
from .wire import WIRES, Wire, wire_of

__all__ = ["BASE", "Schema"]

BASE = "base"  # at the top of weights that are a part of a model: the key under it is the sha256 of the frozen rest

_FORMAT = "colearn-schema-2"
# Values that JSON writes with the fewest characters, and with the most.
_SHORTEST: dict[str, Any] = {"none": None, "bool": True, "int": 0, "float": 0.0, "str": ""}
_LONGEST = _SHORTEST | {"bool": False, "int": -(1 << 63), "float": -sys.float_info.max}
_SCALARS = ("none", "bool", "int", "float", "str", "bytes")


@dataclass(frozen=True, slots=True)
class Schema:
    """The shape of a tree of weights, as nested JSON-like lists (see ``docs/weights-format.md``).

    Two schemas are equal if, and only if, the same weights fit both and the same leaves have the same roles.

    Attributes
    ----------
    tree: the shape, as canonical JSON.
    roles: of the leaves that are not ``scored``, by their places in the tree, in order.
    wire: as what scored arrays of float32 and float64 travel; None: as what they are.
    """

    tree: str
    roles: tuple[tuple[str, Role], ...] = ()
    wire: Wire | None = None

    @classmethod
    def of(cls, tree: Any, roles: Roles | None = None, wire: Wire | None = None) -> Schema:
        """The schema of a tree of weights; raises as :func:`~colearn_ledger.core.weights.encode` would.

        ``roles``: of leaves, or of all leaves at a place in the tree; others are scored. Raises LearnerError for a
        place where nothing is, and for a bound on what is no number. ``wire``: as for :meth:`on_wire`.
        """
        shape = _shape_of(tree)
        try:
            found = _roles(shape, roles or {})
        except ConfigError as error:
            raise LearnerError(
                f"the roles of the weights' leaves: {error.what}",
                expected=error.expected,
                fix="correct the learner's leaf_roles",
            ) from None
        return cls(json.dumps(shape, separators=(",", ":"), sort_keys=True), found).on_wire(wire)

    def on_wire(self, wire: Wire | None) -> Schema:
        """The same of weights that travel so. Raises UsageError where no leaf would be any shorter."""
        schema = replace(self, wire=wire)
        if wire is not None and not schema.shortened:
            raise UsageError(
                f"no part of the weights would be any shorter as {wire}",
                expected="arrays of float32 or float64 that the vote decides about",
                fix="leave the wire out",
            )
        return schema

    @property
    def shortened(self) -> dict[str, str]:
        """The leaves that travel as the wire's type, by their places, each with the type that learners hold."""
        if self.wire is None:
            return {}
        held = dict(self.roles)
        return {path: leaf[1] for path, leaf in self.leaves().items() if _is_short(leaf) and path not in held}

    @property
    def local(self) -> tuple[str, ...]:
        """The places of the leaves that stay with each learner."""
        return tuple(path for path, role in self.roles if role == "local")

    @property
    def base(self) -> str:
        """The sha256 of the frozen base that the weights are a part on; empty where they have none."""
        return _base_of(json.loads(self.tree))

    def leaves(self) -> dict[str, Any]:
        """All that isn't a list, tuple or dict, by its place: its part of the schema's JSON."""
        return dict(_leaves(json.loads(self.tree), ""))

    def check(self, tree: Any) -> None:
        """Raise SchemaMismatch, naming the first difference, if a tree of weights doesn't fit."""
        _compare(_shape_of(tree), json.loads(self.tree))

    def fit(self, tree: Any) -> Any:
        """The tree in the schema's form, and checked against it; arrays are not copied.

        A scalar may be Python's, numpy's or an array without dimensions, and a sequence a list or a tuple, as long as
        nothing is lost: a mean that numpy computed is a float, too.
        """
        from .fitting import fit

        fitted = fit(tree, json.loads(self.tree))
        self.check(fitted)
        return fitted

    def check_skeleton(self, skeleton: Node) -> None:
        """The same of weights as they travel."""
        _compare(_shape(skeleton), self._travels())

    def _travels(self) -> Any:
        """The tree's shape in the bytes."""
        shape = json.loads(self.tree)
        if self.wire is None:
            return shape
        return _with_dtypes(shape, "", dict.fromkeys(self.shortened, WIRES[self.wire]))

    def sizes(self) -> tuple[int, int | None]:
        """Bytes that weights of this schema have at least and at most, encoded; no most where it has bytes in it.

        The two differ by how many digits numbers have that aren't in arrays, and by the length of texts.
        """
        shape = self._travels()
        least, most = (_example(shape, "", longest=longest) for longest in (False, True))
        data = sum(leaf.nbytes for leaf in leaves_of(least))
        kinds = set(_scalars(shape))
        header = MAX_HEADER if "str" in kinds else len(header_of(most))
        return 8 + len(header_of(least)) + data, None if "bytes" in kinds else 8 + header + data

    def check_size(self, size: int, parent: int | None = None) -> None:
        """Raise SchemaMismatch if no weights of this schema have ``size`` bytes, or far more than those before them.

        ``parent``: bytes of the weights that they were trained from, which counts where the schema gives no bound;
        None doesn't ask for that.
        """
        least, most = self.sizes()
        if most is None and parent is not None:
            most = max(least, most_after(parent))
        if size < least or (most is not None and size > most):
            allowed = (
                f"{least:,}" if most == least else f"at least {least:,}" if most is None else f"{least:,} to {most:,}"
            )
            raise SchemaMismatch(
                f"the weights have {size:,} bytes, and those of the collective's model have {allowed}",
                expected=f"{allowed} bytes",
                fix="every learner of a collective needs the same model: same layers, same shapes, same dtypes",
            )

    def to_json(self) -> dict[str, Any]:
        """A JSON value, for a deployment's record."""
        roles = {path: role_to_json(role) for path, role in self.roles}
        wire = {} if self.wire is None else {"wire": self.wire}
        return {"format": _FORMAT, "tree": json.loads(self.tree), "roles": roles} | wire

    @classmethod
    def from_json(cls, value: Any) -> Schema:
        """The schema of a JSON value; raises ConfigError if it isn't one."""
        keys = {"format", "tree", "roles"}
        if not isinstance(value, dict) or set(value) - {"wire"} != keys or value["format"] != _FORMAT:
            expected = f'{{"format": "{_FORMAT}", "tree": …, "roles": …}}'
            raise ConfigError("the weights' schema isn't one", expected=expected)
        _validate(value["tree"], "", 0)
        if not isinstance(value["roles"], dict):
            raise ConfigError("the roles of the weights' schema aren't any", expected='{"/place/of/a/leaf": ROLE}')
        roles = _roles(value["tree"], {path: role_from_json(role) for path, role in value["roles"].items()})
        wire = None
        if "wire" in value:
            wire = wire_of(value["wire"])
            if wire is None:
                raise ConfigError(
                    f"the wire of the weights' schema is {str(value['wire'])[:80]!r}",
                    expected=f"one of {', '.join(WIRES)}, or none",
                    fix="use a version of this program that knows it, or ask whoever wrote the file",
                )
        return cls(json.dumps(value["tree"], separators=(",", ":"), sort_keys=True), roles, wire)


def _compare(found: Any, wanted: Any) -> None:
    """Raise SchemaMismatch, naming the first difference, if a shape isn't the one that is wanted."""
    base, agreed = _base_of(found), _base_of(wanted)
    if base and agreed and base != agreed:
        raise SchemaMismatch(
            f"the frozen base of the model isn't the one that was agreed on: its sha256 is {base}",
            expected=agreed,
            fix="take the base model that the others have: the same files, and the same settings of an adapter",
        )
    for path, was, want in _differences(found, wanted, ""):
        where = shown(path) if path else "the whole tree"
        raise SchemaMismatch(
            f"the weights don't fit the collective's model: {where} is {_say(was)}",
            expected=_say(want),
            fix="every learner of a collective needs the same model: same layers, same shapes, same dtypes",
        )


def _is_short(shape: Any) -> bool:
    """Whether a wire makes it shorter."""
    return isinstance(shape, list) and shape[0] == "array" and shape[1] in ("F32", "F64")


def _with_dtypes(shape: Any, path: str, dtypes: Mapping[str, str]) -> Any:
    """The shape with other dtypes at some places."""
    if isinstance(shape, dict):
        return {key: _with_dtypes(child, child_path(path, key), dtypes) for key, child in shape.items()}
    if is_sequence(shape):
        return [shape[0], *(_with_dtypes(child, child_path(path, i), dtypes) for i, child in enumerate(shape[1:]))]
    return [shape[0], dtypes[path], shape[2]] if path in dtypes else shape


def _base_of(shape: Any) -> str:
    """The hash of the frozen base, of weights that are a part of a model; empty for others."""
    base = shape.get(BASE) if isinstance(shape, dict) else None
    if not isinstance(base, dict) or [*base.values()] != ["none"]:
        return ""
    (name,) = base
    return name if len(name) == 64 else ""


def _shape_of(tree: Any) -> Any:
    from .skeleton import skeleton_of  # with numpy, which takes a tenth of a second of commands that need none

    return _shape(skeleton_of(tree)[0])


def _shape(node: Node) -> Any:
    """The node with types in the place of values: the JSON form of a schema."""
    if isinstance(node, Leaf):
        return "bytes" if node.kind == "bytes" else [node.kind, node.dtype, list(node.shape)]
    if isinstance(node, dict):
        return {key: _shape(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return ["list" if isinstance(node, list) else "tuple", *map(_shape, node)]
    return scalar_type(node)


def _roles(shape: Any, wanted: Roles) -> tuple[tuple[str, Role], ...]:
    """The role of each leaf that isn't scored; the longest place that holds a leaf gives it its own."""
    found: dict[str, tuple[int, Role]] = {}
    leaves = dict(_leaves(shape, ""))
    for place, role in wanted.items():
        held = [path for path in leaves if path == place or path.startswith(place + "/") or not place]
        if not held:
            raise ConfigError(f"there is no leaf at {shown(place)}", expected=_places(leaves))
        for path in held:
            if path not in found or found[path][0] < len(place):
                found[path] = (len(place), role)
    for path, (_, role) in found.items():
        if isinstance(role, Bounded) and not _is_number(leaves[path]):
            raise ConfigError(f"what is at {shown(path)} can't be bounded: {_say(leaves[path])}", expected="numbers")
    return tuple(sorted((path, role) for path, (_, role) in found.items() if role != "scored"))


def _leaves(shape: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All that isn't a list, tuple or dict, with its place."""
    if isinstance(shape, dict):
        for key, child in shape.items():
            yield from _leaves(child, child_path(path, key))
    elif is_sequence(shape):
        for i, child in enumerate(shape[1:]):
            yield from _leaves(child, child_path(path, i))
    else:
        yield path, shape


def _places(leaves: Iterable[str]) -> str:
    names = sorted(leaves)
    return f"one of {', '.join(map(shown, names[:12]))}{', …' if len(names) > 12 else ''}"


def _is_number(shape: Any) -> bool:
    return shape in ("int", "float") or (isinstance(shape, list) and shape[1] not in ("BOOL", "BF16"))


def _example(shape: Any, path: str, *, longest: bool) -> Node:
    """A skeleton of the shape, whose numbers take up as many digits as can be, or as few; its bytes and texts none."""
    if isinstance(shape, dict):
        return {key: _example(child, child_path(path, key), longest=longest) for key, child in shape.items()}
    if is_sequence(shape):
        children = [_example(one, child_path(path, i), longest=longest) for i, one in enumerate(shape[1:])]
        return children if shape[0] == "list" else tuple(children)
    if isinstance(shape, list):
        return Leaf(path, shape[0], shape[1], tuple(shape[2]))
    if shape == "bytes":
        return Leaf(path, "bytes", "U8", (0,))
    return _LONGEST[shape] if longest else _SHORTEST[shape]  # type: ignore[no-any-return]


def _scalars(shape: Any) -> Iterator[str]:
    """The kinds of everything in the shape that isn't an array."""
    if isinstance(shape, str):
        yield shape
    elif isinstance(shape, dict) or is_sequence(shape):
        for child in shape.values() if isinstance(shape, dict) else shape[1:]:
            yield from _scalars(child)


def _differences(found: Any, wanted: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if found == wanted:
        return
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            yield from _differences(found.get(key), wanted.get(key), f"{path}/{key}")
    elif is_sequence(found) and is_sequence(wanted) and found[0] == wanted[0] and len(found) == len(wanted):
        for i, (was, want) in enumerate(zip(found[1:], wanted[1:], strict=True)):
            yield from _differences(was, want, f"{path}/{i}")
    else:
        yield path, found, wanted


def _say(shape: Any) -> str:
    if shape is None:
        return "missing"
    if isinstance(shape, dict):
        keys = ", ".join(map(repr, list(shape)[:8]))
        return f"a dict of {len(shape)} ({keys}{', …' if len(shape) > 8 else ''})"
    if is_sequence(shape):
        return f"a {shape[0]} of {len(shape) - 1}"
    if isinstance(shape, list):
        what = "an array" if shape[0] == "array" else "a numpy scalar"
        return f"{what} {shape[1]} of shape {tuple(shape[2])}"
    return str(shape)


def _validate(shape: Any, path: str, depth: int) -> None:
    def wrong() -> ConfigError:
        return ConfigError(f"the weights' schema is wrong at {shown(path)}: {str(shape)[:80]}")

    if depth > MAX_DEPTH:
        raise ConfigError(f"the weights' schema is nested more than {MAX_DEPTH} deep")
    if isinstance(shape, dict):
        for key, child in shape.items():
            _validate(child, f"{path}/{key}", depth + 1)
    elif isinstance(shape, list) and shape and shape[0] in ("list", "tuple"):
        for i, child in enumerate(shape[1:]):
            _validate(child, f"{path}/{i}", depth + 1)
    elif isinstance(shape, list):
        if len(shape) != 3 or shape[0] not in ("array", "scalar") or not isinstance(shape[1], str):
            raise wrong()
        if shape[1] not in DTYPES or not isinstance(shape[2], list):
            raise wrong()
        if not all(type(n) is int and n >= 0 for n in shape[2]) or (shape[0] == "scalar" and shape[2]):
            raise wrong()
    elif shape not in _SCALARS:
        raise wrong()
