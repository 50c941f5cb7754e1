"""Which variables of a model are shared, and what the base's hash is of; needs no framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import SchemaMismatch, UsageError
from colearn_ledger.learners.sharing import Parts, Variable, divided, hash_of_base


def variable(name: str, value: int, *, trained: bool, frozen: bool) -> Variable:
    return Variable(name, name, value, trained, frozen)


MODEL = [
    variable("body.0.weight", 1, trained=True, frozen=False),
    variable("body.1.running_mean", 2, trained=False, frozen=False),
    variable("backbone.weight", 3, trained=False, frozen=True),
    variable("head.weight", 4, trained=True, frozen=False),
    variable("headless", 5, trained=True, frozen=False),
]


@pytest.mark.parametrize(
    "share, shared",
    [
        ("body.0.weight", {"body.0.weight"}),
        ("head", {"head.weight"}),
        ("body.*", {"body.0.weight", "body.1.running_mean"}),
        (["head.weight", "h?adless"], {"head.weight", "headless"}),
        (("*",), {v.name for v in MODEL}),
        ("trainable", {"body.0.weight", "head.weight", "headless"}),
        (lambda name, value: value in (1, 5), {"body.0.weight", "headless"}),
    ],
)
def test_divided__names_patterns_predicate_or_trainable__share_these(share: Any, shared: set[str]) -> None:
    assert set(divided(MODEL, share).shared) == shared


def test_divided__what_is_not_shared__is_own_or_the_frozen_base_in_the_model_s_order() -> None:
    assert divided(MODEL, "body.0") == Parts(
        ("body.0.weight",), ("body.1.running_mean", "head.weight", "headless"), ("backbone.weight",)
    )


@pytest.mark.parametrize(
    "share, what",
    [
        ("boddy.*", "'boddy.*' shares nothing"),
        (["body", "boddy"], "'boddy' shares nothing"),
        ([], "an empty list shares nothing"),
        (lambda name, value: False, "the function shares nothing"),
        ("backbone", "nothing that is shared by 'backbone' is trained"),
        ("*mean", "nothing that is shared by '\\*mean' is trained"),
        ([1], "share has 1, a int"),
    ],
)
def test_divided__nothing_shared_or_nothing_trained__is_refused_with_what_there_is(share: Any, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        divided(MODEL, share)
    assert caught.value.expected


def test_hash_of_base__order__does_not_matter_and_everything_else_does() -> None:
    def tensor(name: str, values: Any) -> Any:
        array = np.asarray(values, np.float32)
        return name, str(array.dtype), array.shape, array.tobytes()

    a, b = tensor("a", [1, 2]), tensor("b", [3])
    whole = hash_of_base([a, b])
    assert len(whole) == 64 and hash_of_base([b, a]) == whole
    others = [
        hash_of_base([a]),
        hash_of_base([a, tensor("b", [4])]),
        hash_of_base([a, tensor("c", [3])]),
        hash_of_base([tensor("a", [[1, 2]]), b]),
        hash_of_base([a, ("b", "int32", (1,), b[3])]),
        hash_of_base([a, b], "r=8"),
    ]
    assert len({whole, *others}) == 7


def test_schema__weights_on_another_base__are_told_with_both_hashes() -> None:
    tree = {"base": {"a" * 64: None}, "shared": {"w": np.zeros(2)}}
    schema = Schema.of(tree)
    schema.check(tree)
    with pytest.raises(SchemaMismatch, match="the frozen base of the model isn't the one") as caught:
        schema.check({**tree, "base": {"b" * 64: None}})
    assert "b" * 64 in caught.value.what and caught.value.expected == "a" * 64
    with pytest.raises(SchemaMismatch, match="/shared/w"):  # another shape is told as ever
        schema.check({**tree, "shared": {"w": np.zeros(3)}})


@pytest.mark.parametrize("tree", [{"base": {"x": None}}, {"base": np.zeros(2)}, {"base": {"a" * 64: 1.0}}])
def test_schema__something_else_called_base__is_what_it_is(tree: Any) -> None:
    with pytest.raises(SchemaMismatch, match="/base"):
        Schema.of(tree).check({"base": {"c" * 64: None}})
