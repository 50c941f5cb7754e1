"""Rules by their names and numbers, and whose turn it is."""

from __future__ import annotations

import pytest

from colearn_ledger.core.merge import DEFAULT_ORDER, Rule, parse_order, rule_of
from colearn_ledger.errors import UsageError


def test_rule__numbers__are_those_of_the_contract_and_fit_four_bits() -> None:
    assert {rule.text: int(rule) for rule in Rule} == {
        "solo": 0,
        "mean": 1,
        "clipped-mean": 2,
        "median": 3,
        "trimmed-mean": 4,
        "momentum": 5,
    }


def test_rule_of__rejections__go_through_the_order_and_then_there_is_none() -> None:
    assert [rule_of(DEFAULT_ORDER, n) for n in range(5)] == [Rule.MEAN, Rule.CLIPPED_MEAN, Rule.MEDIAN, None, None]
    assert rule_of((Rule.MOMENTUM,), 0) is Rule.MOMENTUM


def test_parse_order__as_people_write_it__is_the_order() -> None:
    assert parse_order("mean,clipped-mean,median") == DEFAULT_ORDER
    assert parse_order("trimmed-mean , momentum") == (Rule.TRIMMED_MEAN, Rule.MOMENTUM)


@pytest.mark.parametrize("text", ["", "mean,", "solo", "Mean", "krum", "mean,median,mean"])
def test_parse_order__no_rule_or_one_twice__is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError, match="rule"):
        parse_order(text)
