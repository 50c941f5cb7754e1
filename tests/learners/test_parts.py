"""Sets of several arrays, and labels by their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from colearn_ledger.errors import UsageError
from colearn_ledger.learners.parts import count, in_parts, is_several, joined, leaves, mapped, numbered, rows_of

A, B = np.arange(6).reshape(3, 2), np.arange(3)


@pytest.mark.parametrize(
    ("value", "several", "samples"),
    [
        (A, False, 3),
        ([1, 2, 3, 4], False, 4),
        ([[1, 2], [3, 4], [5, 6]], False, 3),
        ((A, B), True, 3),
        ([A, B], True, 3),
        ({"a": A, "b": (B, B)}, True, 3),
        ({"a": A, "b": B[:2]}, True, -1),
        ([], False, 0),
    ],
)
def test_is_several__arrays_or_samples__and_how_many_samples(value: Any, several: bool, samples: int) -> None:
    assert is_several(value) is several and count(value) == samples


def test_rows_of__several__in_the_same_form() -> None:
    found = rows_of({"a": A, "b": [B]}, slice(0, 2))
    assert found["a"].tolist() == [[0, 1], [2, 3]] and found["b"][0].tolist() == [0, 1]
    again = joined([found, rows_of({"a": A, "b": [B]}, slice(2, 3))], np.concatenate)
    assert np.array_equal(again["a"], A) and np.array_equal(again["b"][0], B)
    assert [part.shape for part in leaves(again)] == [(3, 2), (3,)]
    assert mapped(len, (A, [B])) == (3, [3])


def test_in_parts__a_list_as_long_as_the_targets__is_samples() -> None:
    rows = [np.zeros(2), np.ones(2), np.ones(2)]
    assert in_parts(rows, 3) is rows
    assert isinstance(in_parts((A, B), 3), tuple)


@pytest.mark.parametrize("kind", [str, object])
def test_numbered__labels_of_any_kind__are_places(kind: Any) -> None:
    y = np.array(["b", "a", "c"], kind)
    assert numbered("train", y, ["c", "b", "a"]).tolist() == [1, 0, 2]
    assert numbered("train", [*"bac"], ["c", "b", "a"]).tolist() == [1, 0, 2]
    with pytest.raises(UsageError, match=r"the train set has the labels \['c'\]"):
        numbered("train", y, ["a", "b"])
    for given in (y, [*"bac"]):
        with pytest.raises(UsageError, match="texts or objects, such as 'b'"):
            numbered("train", given, None)


def test_numbered__numbers__stay_unless_classes_say_otherwise() -> None:
    assert numbered("vote", B, None) is B
    assert numbered("vote", np.array([30, 10]), [10, 20, 30]).tolist() == [2, 0]
    with pytest.raises(UsageError, match="classes for targets of several parts"):
        numbered("vote", (A, B), [0, 1])
