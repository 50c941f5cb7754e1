"""What two learners predict, compared: the same, or how they differ."""

from __future__ import annotations

import numpy as np
import pytest

from colearn_ledger.core.comparing import tell_apart

ONE = np.array([[0.25, 0.75]], np.float32)


@pytest.mark.parametrize(
    "other, said",
    [
        (ONE.copy(), ""),
        (ONE + np.float32(1e-6), ""),
        (ONE + np.float32(0.5), "by up to 0.5"),
        (ONE[:, :1], "of other shapes"),
        (ONE.T, "of other shapes"),
    ],
)
def test_tell_apart__numbers__are_the_same_but_for_rounding_or_it_says_how_far(other: np.ndarray, said: str) -> None:
    assert tell_apart([ONE], [other]) == said


def test_tell_apart__labels_and_counts__are_equal_or_it_says_how_many_are_not() -> None:
    assert tell_apart([np.array(["a", "b"])], [np.array(["a", "b"])]) == ""
    assert tell_apart([np.array(["a", "b"])], [np.array(["a", "c"])]) == "for 1 of 2 values"
    assert tell_apart([ONE, ONE], [ONE]) == "of other shapes", "one output fewer"
