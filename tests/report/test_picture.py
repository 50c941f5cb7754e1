"""Axes that show what happens after the first rounds."""

from __future__ import annotations

import math

import pytest
from matplotlib.figure import Figure

from colearn_ledger.report.picture import focus

NAN = math.nan
RISING = [0.1, 0.4, 0.78, 0.79, 0.80, 0.81, 0.80, 0.82]


def drawn(*lines: list[float]) -> tuple[tuple[float, float], list[str]]:
    axes = Figure().subplots()
    for line in lines:
        axes.plot(range(len(line)), line)
    focus(axes, lines)
    low, high = axes.get_ylim()
    return (float(low), float(high)), [text.get_text() for text in axes.texts]


def test_focus__most_of_the_scale_is_the_first_rounds__shows_the_others_and_says_so() -> None:
    (low, high), said = drawn(RISING, [NAN, *RISING[1:]])
    assert 0.7 < low < 0.78 and 0.82 < high < 0.9
    assert said == ["the first rounds go from 0.1, outside this scale"]


@pytest.mark.parametrize("line", [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.5], [NAN, NAN], [0.3, 0.3, 0.3]])
def test_focus__nothing_is_squeezed__all_of_it(line: list[float]) -> None:
    (low, high), said = drawn(line)
    known = [value for value in line if value == value]
    assert said == [] and all(low <= value <= high for value in known)


def test_focus__losses_that_fall__the_top_is_outside() -> None:
    (_, high), said = drawn([2.3 - score for score in RISING])
    assert high < 1.6 and said == ["the first rounds go up to 2.2, outside this scale"]


def test_focus__all_later_values_are_equal__has_a_scale() -> None:
    (low, high), said = drawn([0.0, 5.0, 5.0, 5.0, 5.0])
    assert low < 5.0 < high and said
