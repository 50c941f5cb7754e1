"""A schema that was read is a schema all the way down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import MAX_HEADER, encode
from colearn_ledger.errors import ConfigError, SchemaMismatch

from ..kit.quick import examples
from ..kit.trees import trees

FORMAT = Schema.of([1.0]).to_json()["format"]


@pytest.mark.parametrize(
    "tree, where",
    [
        ("text-like", "the root"),
        ({"a": {"b": "nonsense"}}, "/a/b"),
        (["list", ["tuple", ["array", "F99", []]]], "/0/0"),
        ({"a": ["array", "F32", [-1]]}, "/a"),
        ({"a": ["scalar", "F32", [2]]}, "/a"),
        ({"a": ["array", "F32"]}, "/a"),
    ],
)
def test_from_json__wrong_at_any_depth__says_where(tree: Any, where: str) -> None:
    with pytest.raises(ConfigError, match=f"schema is wrong at .?{where}"):
        Schema.from_json({"format": FORMAT, "tree": tree, "roles": {}})


def test_check__another_frozen_base__is_named_and_a_base_where_none_was_agreed_is_a_place() -> None:
    mine, other = "a" * 64, "b" * 64
    agreed = Schema.of({"w": np.zeros(2), "base": {mine: None}})
    assert (agreed.base, Schema.of({"w": np.zeros(2)}).base) == (mine, "")
    agreed.check({"w": np.ones(2), "base": {mine: None}})
    with pytest.raises(SchemaMismatch, match=f"frozen base .* its sha256 is {other}") as error:
        agreed.check({"w": np.ones(2), "base": {other: None}})
    assert error.value.expected == mine
    for schema, tree in (
        (agreed, {"w": np.ones(2)}),
        (Schema.of({"w": np.zeros(2)}), {"w": np.ones(2), "base": {mine: None}}),
    ):
        with pytest.raises(SchemaMismatch, match="don't fit the collective's model: '/base"):
            schema.check(tree)


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(trees)
def test_sizes__any_tree__its_encoding_lies_within(tree: Any) -> None:
    schema = Schema.of(tree)
    least, most = schema.sizes()
    size = len(encode(tree))
    assert least <= size and (most is None or size <= most)
    schema.check_size(size)
    schema.check_size(size, parent=0)
    if '"bytes"' not in schema.tree:
        assert most is not None


@pytest.mark.parametrize(
    "tree", [[], [np.zeros((3, 4), np.float32), np.zeros(7)], {"a": np.float64(1), "b": {}, "c": None}]
)
def test_sizes__nothing_but_arrays__one_size_alone(tree: Any) -> None:
    least, most = Schema.of(tree).sizes()
    assert least == most == len(encode(tree))


@pytest.mark.parametrize(
    "short, long",
    [
        (0, -(1 << 63)),
        (0, (1 << 64) - 1),
        (0.0, -2.2250738585072014e-308),
        (True, False),
        ([0, 0.0, True], [-(1 << 63), -1.7976931348623157e308, False]),
        # so many that a character of each is more than what the header is filled up with
        ([0] * 8, [-(1 << 63)] * 8),
        ([0.0] * 8, [-1.7976931348623157e308] * 8),
        ([True] * 8, [False] * 8),
    ],
)
def test_sizes__numbers__from_the_fewest_digits_to_the_most(short: Any, long: Any) -> None:
    assert Schema.of(short) == Schema.of(long)
    assert Schema.of(short).sizes() == (len(encode(short)), len(encode(long)))


def test_sizes__a_text__is_bounded_by_the_header() -> None:
    text = "x" * (MAX_HEADER - 1000)
    least, most = Schema.of(["", np.zeros(5)]).sizes()
    assert least == len(encode(["", np.zeros(5)])) and most == 8 + MAX_HEADER + 40
    Schema.of(["", np.zeros(5)]).check_size(len(encode([text, np.zeros(5)])))


def test_check_size__another_than_the_models__is_a_mismatch_that_says_both() -> None:
    schema = Schema.of(np.zeros(40))
    (size, _) = schema.sizes()
    for wrong in (0, size - 1, size + 1, 1 << 30):
        with pytest.raises(SchemaMismatch, match=rf"have {wrong:,} bytes, and .* have {size:,}\b") as error:
            schema.check_size(wrong)
        assert error.value.expected == f"{size:,} bytes"


def test_check_size__bytes_in_it__bounded_by_what_came_before() -> None:
    """An ensemble of trees grows every round, and may begin with nothing."""
    schema = Schema.of({"trees": b"", "n": 0})
    least, most = schema.sizes()
    assert most is None
    for parent in (least, 1 << 20, 100 << 20):
        for size in (least, parent, parent + (16 << 20), 4 * parent):
            schema.check_size(size, parent)
        with pytest.raises(SchemaMismatch):
            schema.check_size(max(4 * parent, parent + (16 << 20)) + 1, parent)
    schema.check_size(1 << 35)
    with pytest.raises(SchemaMismatch):
        schema.check_size(least - 1)
