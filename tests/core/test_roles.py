"""Roles of leaves: what may be declared, and that a schema carries it whole."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.roles import Bounded, role_from_json, role_to_json, roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import ConfigError, LearnerError

TREE = {"w": np.zeros(2), "steps": np.array(3), "seen": [np.zeros(2), 5], "a/b": b"x", "name": "n"}


class Declares:
    def __init__(self, leaf_roles: Any) -> None:
        self.leaf_roles = leaf_roles


def test_roles_of__nothing_declared__all_are_scored() -> None:
    assert roles_of(object()) == {} == roles_of(Declares(None))
    assert Schema.of(TREE).roles == ()
    assert Schema.of(TREE, {"/w": "scored"}) == Schema.of(TREE)


def test_roles_of__what_is_declared__is_it() -> None:
    declared = {"/w": Bounded(2), "/name": "local", "/steps": "scored"}
    assert roles_of(Declares(declared)) == declared


@pytest.mark.parametrize("role", ["local", "scored", Bounded(2), Bounded(0.5)])
def test_role__to_json_and_back__is_the_same(role: Any) -> None:
    assert role_from_json(json.loads(json.dumps(role_to_json(role)))) == role


@pytest.mark.parametrize(
    "value", ["free", "", None, 3, True, [], ["bounded"], {}, {"bound": 1}, {"bounded": 1, "x": 2}, {"bounded": "1"}]
)
def test_role_from_json__what_is_no_role__refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="of a leaf is"):
        role_from_json(value)


@pytest.mark.parametrize("declared", [["/w"], {"/w": "free"}, {"/w": 5}, {1: "local"}, "local"])
def test_roles_of__what_is_none__says_what_would_be(declared: Any) -> None:
    with pytest.raises(LearnerError, match="leaf_roles") as caught:
        roles_of(Declares(declared))
    assert caught.value.expected and caught.value.fix


@pytest.mark.parametrize("rise", [-1, float("nan"), float("inf"), "5", True, None])
def test_bounded__no_finite_amount__refused(rise: Any) -> None:
    with pytest.raises(ConfigError, match="bound"):
        Bounded(rise)


def test_schema__role_of_a_place__is_that_of_all_leaves_there_and_the_nearest_wins() -> None:
    schema = Schema.of(TREE, {"": "local", "/seen": Bounded(2), "/seen/1": "scored", "/w": "scored"})
    assert dict(schema.roles) == {"/a~1b": "local", "/name": "local", "/seen/0": Bounded(2), "/steps": "local"}
    assert schema.local == ("/a~1b", "/name", "/steps")


@pytest.mark.parametrize(
    "roles, says",
    [
        ({"/v": "local"}, "there is no leaf at '/v'"),
        ({"/seen/2": "local"}, "no leaf"),
        ({"w": "local"}, "no leaf"),
        ({"/a~1b": Bounded(1)}, "can't be bounded"),
        ({"/name": Bounded(1)}, "can't be bounded"),
        ({"": Bounded(1)}, "can't be bounded"),
    ],
)
def test_schema__roles_that_fit_no_leaf__refused(roles: Any, says: str) -> None:
    with pytest.raises(LearnerError, match=says):
        Schema.of(TREE, roles)


def test_schema__to_json_and_back__same_roles() -> None:
    schema = Schema.of(TREE, {"/steps": Bounded(7), "/seen/0": Bounded(0.5), "/name": "local"})
    value = json.loads(json.dumps(schema.to_json()))
    assert value["roles"] == {"/name": "local", "/seen/0": {"bounded": 0.5}, "/steps": {"bounded": 7}}
    assert Schema.from_json(value) == schema != Schema.of(TREE)
