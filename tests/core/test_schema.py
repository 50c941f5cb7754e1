"""A schema that was read is a schema all the way down."""

from __future__ import annotations

from typing import Any

import pytest

from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import ConfigError

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
