"""The protocol's types: what they make of their fields."""

from __future__ import annotations

from fractions import Fraction

from colearn_ledger.core.protocol import Rules


def test_rules__of_a_threshold__has_it_and_the_usual_windows() -> None:
    rules = Rules.of(Fraction(2, 3), vote_window=60)
    assert rules == Rules(2, 3, vote_window=60) and rules.threshold == Fraction(2, 3)
    assert Rules(2, 4).threshold == Rules().threshold == Fraction(1, 2)


def test_rules__changed__keeps_what_isnt_named() -> None:
    rules = Rules(2, 3, 10, 20, 30, 40)
    assert rules.changed(reveal_window=5) == Rules(2, 3, 10, 20, 5, 40)
    assert rules.changed(Fraction(3, 4), propose_window=1) == Rules(3, 4, 1, 20, 30, 40)
    assert rules.changed() == rules
