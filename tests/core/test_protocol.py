"""The protocol's types say what the contract says: its numbers, its bitmaps, its usual rules."""

from __future__ import annotations

from fractions import Fraction

import pytest

from colearn_ledger.core.protocol import ZERO_ADDRESS, MotionKind, MotionState, RoundState, Rules, seats


def test_states__numbers__are_the_contracts() -> None:
    assert [(state.name, state.value) for state in RoundState] == [
        ("PROPOSING", 0),
        ("VOTING", 1),
        ("REVEALING", 2),
        ("ACCEPTED", 3),
        ("REJECTED", 4),
        ("MISSED", 5),
    ]
    assert [(kind.name, kind.value) for kind in MotionKind] == [
        ("ADD_MEMBER", 0),
        ("REMOVE_MEMBER", 1),
        ("SET_RULES", 2),
        ("REVERT_TO", 3),
        ("REPLACE_MEMBER", 4),
        ("SET_PLAN", 5),
        ("SET_END", 6),
        ("SET_SUCCESSOR", 7),
    ]
    assert [state.name for state in MotionState] == ["OPEN", "APPROVED", "ENACTED", "REJECTED", "LAPSED", "VOID"]
    assert [state.value for state in MotionState] == [0, 1, 2, 3, 4, 5]


def test_round_state__decided__from_accepted_on() -> None:
    assert [state.name for state in RoundState if state.decided] == ["ACCEPTED", "REJECTED", "MISSED"]


def test_rules__nothing_said__more_than_half_an_hour_each_and_a_week_for_motions() -> None:
    rules = Rules()
    assert (rules.threshold_numerator, rules.threshold_denominator) == (1, 2)
    assert (rules.propose_window, rules.vote_window, rules.reveal_window) == (3600, 3600, 3600)
    assert rules.motion_window == 604_800


@pytest.mark.parametrize("bitmap, found", [(0, ()), (1, (0,)), (0b10110, (1, 2, 4)), (1 << 63, (63,))])
def test_seats__bitmap__ascending(bitmap: int, found: tuple[int, ...]) -> None:
    assert seats(bitmap) == found


def test_zero_address__is_forty_zeros() -> None:
    assert ZERO_ADDRESS == "0x0000000000000000000000000000000000000000"


def test_rules__of_a_threshold__has_it_and_the_usual_windows() -> None:
    rules = Rules.of(Fraction(2, 3), vote_window=60)
    assert rules == Rules(2, 3, vote_window=60) and rules.threshold == Fraction(2, 3)
    assert Rules(2, 4).threshold == Rules().threshold == Fraction(1, 2)


def test_rules__changed__keeps_what_isnt_named() -> None:
    rules = Rules(2, 3, 10, 20, 30, 40)
    assert rules.changed(reveal_window=5) == Rules(2, 3, 10, 20, 5, 40)
    assert rules.changed(Fraction(3, 4), propose_window=1) == Rules(3, 4, 1, 20, 30, 40)
    assert rules.changed() == rules
