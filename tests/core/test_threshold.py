"""The vote threshold: exact fractions, and a real majority."""

from __future__ import annotations

from fractions import Fraction

import pytest

from colearn_ledger.core.threshold import motion_need, need, parse_threshold
from colearn_ledger.errors import UsageError


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        (0.5, Fraction(1, 2)),
        ("0.5", Fraction(1, 2)),
        (" 2/3 ", Fraction(2, 3)),
        (2 / 3, Fraction(2, 3)),
        (0.1, Fraction(1, 10)),
        (Fraction(3, 7), Fraction(3, 7)),
        (1e-6, Fraction(1, 10**6)),
    ],
)
def test_parse_threshold__number_in_range__exact_fraction(value: float | str | Fraction, fraction: Fraction) -> None:
    assert parse_threshold(value) == fraction


@pytest.mark.parametrize(
    "value", [0, 1, 0.0, 1.0, -0.5, 1.5, "", "half", "1/0", float("nan"), float("inf"), 1e-9, 1 - 1e-9, True, None]
)
def test_parse_threshold__out_of_range_or_no_number__says_so(value: object) -> None:
    with pytest.raises(UsageError) as caught:
        parse_threshold(value)  # type: ignore[arg-type]
    assert "threshold" in caught.value.what
    assert "between 0 and 1" in caught.value.expected
    assert caught.value.exit_code == 2


def test_need__tie_at_one_half__is_not_enough() -> None:
    assert [need(Fraction(1, 2), voters) for voters in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]


def test_need__threshold_that_floats_get_wrong__exact() -> None:
    # 0.7 * 10 is 7.000000000000001 - or 6.999... - in floats, depending on how it is computed
    assert need(parse_threshold(0.7), 10) == 8
    assert need(parse_threshold(0.29), 100) == 30
    assert need(parse_threshold("2/3"), 3) == 3


def test_need__any_threshold__between_one_and_all() -> None:
    for denominator in range(2, 30):
        for numerator in range(1, denominator):
            for voters in range(1, 64):
                assert 1 <= need(Fraction(numerator, denominator), voters) <= voters
                assert need(Fraction(numerator, denominator), voters) > Fraction(numerator, denominator) * voters


@pytest.mark.parametrize("threshold", ["1/2", "2/3", "1/3", "3/4", "1/63", "1"])
def test_parse_threshold__a_tie_accepts__exactly_the_share_is_enough_for_a_thousand_voters(threshold: str) -> None:
    share = Fraction(threshold)
    lowered = parse_threshold(threshold, "accept")
    for voters in range(1, 1001):
        assert need(lowered, voters) == -(-share.numerator * voters // share.denominator), voters


def test_parse_threshold__a_tie_accepts__by_a_documented_fraction() -> None:
    assert parse_threshold(0.5, "accept") == Fraction(999, 2000)
    assert parse_threshold(1, "accept") == Fraction(999, 1000)


@pytest.mark.parametrize("value", [0, -0.5, 1.5, 2, 1e-9, "half", None, True])
def test_parse_threshold__a_tie_accepts__out_of_range_is_refused_too(value: object) -> None:
    with pytest.raises(UsageError, match="threshold"):
        parse_threshold(value, "accept")  # type: ignore[arg-type]


def test_parse_threshold__unknown_rule_for_ties__says_which_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        parse_threshold(0.5, "perhaps")  # type: ignore[arg-type]
    assert "'perhaps'" in caught.value.what and "'accept'" in caught.value.expected


@pytest.mark.parametrize(
    "text, fraction", [("0.333333", Fraction(333333, 10**6)), ("0.3333333333", Fraction(1, 3)), ("1/999999", None)]
)
def test_parse_threshold__denominators__up_to_a_million(text: str, fraction: Fraction | None) -> None:
    assert parse_threshold(text) == (fraction or Fraction(text))
    assert parse_threshold("1/1500000") == Fraction(1, 10**6)


def test_motion_need__a_majority_at_least__whatever_the_threshold() -> None:
    assert [motion_need(Fraction(1, 3), voters) for voters in (2, 3, 9, 10)] == [2, 2, 5, 6]
    assert [motion_need(Fraction(1, 2), voters) for voters in (2, 3, 9, 10)] == [2, 2, 5, 6]
    assert [motion_need(Fraction(3, 4), voters) for voters in (2, 3, 9, 10)] == [2, 3, 7, 8]
