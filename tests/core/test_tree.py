"""How much a tree may hold, to the part: as it is built from arrays, and as it is read from JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.skeleton import skeleton_of
from colearn_ledger.core.tree import (
    MAX_DEPTH,
    MAX_NDIM,
    MAX_NODES,
    Leaf,
    child_path,
    is_sequence,
    leaves_of,
    parse_tree,
    part_at,
    scalars_of,
    tree_json,
    with_parts,
)
from colearn_ledger.errors import InvalidWeights


def nested(kind: type, depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = {"a": leaf} if kind is dict else kind([leaf])
    return leaf


def nested_json(tag: str, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if tag == "dict" else [tag, value]
    return value


def leaf(name: str, kind: str) -> Leaf:
    return Leaf(name, kind, "F32", ())


def test_parts__as_many_as_may_be__and_none_more() -> None:
    most = MAX_NODES - 1  # the list is a part, too
    assert len(skeleton_of([None] * most)[0]) == most  # type: ignore[arg-type]
    assert len(parse_tree(["list", *[None] * most], leaf)) == most  # type: ignore[arg-type]
    with pytest.raises(InvalidWeights, match="too many parts"):
        skeleton_of([None] * (most + 1))
    with pytest.raises(InvalidWeights, match="too many parts"):
        parse_tree(["list", *[None] * (most + 1)], leaf)


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_depth__of_any_kind__up_to_the_documented_one(kind: type) -> None:
    tree = nested(kind, MAX_DEPTH, 1)
    assert skeleton_of(tree)[0] == parse_tree(nested_json(kind.__name__, MAX_DEPTH), leaf) == tree
    with pytest.raises(InvalidWeights, match="nested too deep"):
        skeleton_of(nested(kind, MAX_DEPTH + 1, 1))
    with pytest.raises(InvalidWeights, match="nested too deep"):
        parse_tree(nested_json(kind.__name__, MAX_DEPTH + 1), leaf)


def test_array__as_many_dimensions_as_may_be__and_none_more() -> None:
    (found, _), *_ = skeleton_of(np.zeros((1,) * MAX_NDIM))[1]
    assert found.shape == (1,) * MAX_NDIM
    with pytest.raises(InvalidWeights, match=f"more than {MAX_NDIM}"):
        skeleton_of(np.zeros((1,) * (MAX_NDIM + 1)))


def test_skeleton__of_all_kinds__its_json_gives_it_back() -> None:
    tree = {"b": [np.zeros(2), (np.float32(1), b"raw")], "a": (None, True, 1, 1.5, "text")}
    skeleton, leaves = skeleton_of(tree)
    by_name = {one.name: one for one, _ in leaves}
    assert [one.kind for one in leaves_of(skeleton)] == ["array", "scalar", "bytes"]
    assert tree_json(skeleton) == (
        '{"a":["tuple",null,true,1,1.5,"text"],"b":["list",["array"],["tuple",["scalar"],["bytes"]]]}'
    )
    read = {"a": ["tuple", None, True, 1, 1.5, "text"], "b": ["list", ["array"], ["tuple", ["scalar"], ["bytes"]]]}
    assert parse_tree(read, lambda name, kind: by_name[name]) == skeleton


@pytest.mark.parametrize(
    "dtype, name",
    [
        ("u8", "U64"),
        ("i8", "I64"),
        ("f8", "F64"),
        ("f4", "F32"),
        ("u4", "U32"),
        ("i4", "I32"),
        ("f2", "F16"),
        ("u2", "U16"),
        ("i2", "I16"),
        ("i1", "I8"),
        ("u1", "U8"),
        ("b1", "BOOL"),
    ],
)
def test_dtype__is_called_as_safetensors_calls_it(dtype: str, name: str) -> None:
    assert [one.dtype for one, _ in skeleton_of(np.zeros(2, dtype))[1]] == [name]


def test_parts__by_their_places__are_found_and_replaced() -> None:
    array = np.zeros(2)
    tree = {"a/b": [1, (array, "text")], "c": None}
    assert scalars_of(skeleton_of(tree)[0]) == {"/a~1b/0": 1, "/a~1b/1/1": "text", "/c": None}
    assert part_at(tree, "/a~1b/1/1") == "text" and part_at(tree, "/a~1b/1/0") is array and part_at(tree, "") is tree
    changed = with_parts(tree, {"/a~1b/1/0": 7, "/c": 8})
    assert changed == {"a/b": [1, (7, "text")], "c": 8}
    assert tree == {"a/b": [1, (array, "text")], "c": None}


def test_child_path__keys_with_slashes__stay_apart() -> None:
    assert [child_path("/a", key) for key in ("b/c", "b~1c", 0)] == ["/a/b~1c", "/a/b~01c", "/a/0"]


@pytest.mark.parametrize("value, is_one", [(["list"], True), (["tuple", 1], True), (["array"], False), ([], False)])
def test_is_sequence__of_the_json_of_lists_and_tuples_alone(value: Any, is_one: bool) -> None:
    assert is_sequence(value) is is_one


@pytest.mark.parametrize("value", [[], ["set", 1], [["list"]], ["array", 1], [1]])
def test_parse__list_without_a_tag__is_refused(value: Any) -> None:
    with pytest.raises(InvalidWeights, match="unknown entry"):
        parse_tree(value, leaf)
