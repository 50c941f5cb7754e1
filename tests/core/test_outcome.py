"""What follows from votes, need, deadline and time, compared with the plain definition and the contract's cases."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colearn_ledger.core.outcome import (
    approvals_needed,
    motion_approvals_needed,
    motion_outcome,
    outcome,
    voted_outcome,
)
from colearn_ledger.core.protocol import MotionState, RoundState, Rules
from colearn_ledger.core.threshold import motion_need, need

from ..kit.builders import record, ref

FRACTIONS = st.integers(2, 2**32 - 1).flatmap(lambda d: st.tuples(st.integers(1, d - 1), st.just(d)))


@given(FRACTIONS, st.integers(1, 64))
def test_approvals_needed__any_threshold__is_the_least_number_above(fraction: tuple[int, int], voters: int) -> None:
    rules, threshold = Rules(*fraction), Fraction(*fraction)
    assert approvals_needed(rules, voters) == need(threshold, voters)
    assert motion_approvals_needed(rules, voters) == motion_need(threshold, voters)


@given(st.data())
def test_voted_outcome__open_votes__is_certain_exactly_when_no_further_vote_can_change_it(data: st.DataObject) -> None:
    voters = data.draw(st.integers(1, 6))
    required = data.draw(st.integers(1, voters))
    cast = data.draw(st.lists(st.sampled_from("yn."), min_size=voters, max_size=voters))
    yes, no = (sum(1 << seat for seat, one in enumerate(cast) if one == letter) for letter in "yn")
    found = voted_outcome(yes, no, 0, need=required, voters=voters, secret_votes=False)
    least, most = cast.count("y"), voters - cast.count("n")
    possible = {count >= required for count in range(least, most + 1)}
    expected = {(True,): RoundState.ACCEPTED, (False,): RoundState.REJECTED}.get(tuple(possible))
    if least >= required:
        expected = RoundState.ACCEPTED
    assert found is expected


@pytest.mark.parametrize(
    ("approvals", "rejections", "hidden", "closed", "state"),
    [
        (0, 0, 0b010, False, RoundState.VOTING),
        (0, 0, 0b1101, False, RoundState.REVEALING),
        (0b0001, 0, 0b1100, False, RoundState.REVEALING),
        (0b0101, 0, 0b1000, False, RoundState.ACCEPTED),
        (0, 0b0101, 0b1000, False, RoundState.REJECTED),
        (0b0001, 0b0100, 0, False, RoundState.REJECTED),  # who hasn't committed can't approve any more
        (0b0001, 0, 0b1100, True, RoundState.REJECTED),
        (0, 0, 0b010, True, RoundState.REJECTED),
    ],
)
def test_outcome__secret_votes__follows(
    approvals: int, rejections: int, hidden: int, closed: bool, state: RoundState
) -> None:
    told = record(1, RoundState.VOTING, ref("w"), approvals=approvals, rejections=rejections, hidden=hidden)
    assert outcome(told, Rules(), secret_votes=True, closed=closed) is state


@pytest.mark.parametrize(
    ("approvals", "rejections", "closed", "state"),
    [
        (0b0001, 0, False, RoundState.VOTING),
        (0b0101, 0, False, RoundState.ACCEPTED),
        (0b0001, 0b1100, False, RoundState.REJECTED),
        (0b0001, 0, True, RoundState.REJECTED),
    ],
)
def test_outcome__open_votes__follows(approvals: int, rejections: int, closed: bool, state: RoundState) -> None:
    told = record(1, RoundState.VOTING, ref("w"), approvals=approvals, rejections=rejections)
    assert outcome(told, Rules(), secret_votes=False, closed=closed) is state


@pytest.mark.parametrize(
    ("approvals", "rejections", "required", "state"),
    [
        (0, 0, 0, MotionState.APPROVED),  # a wish
        (0b1, 0, 2, MotionState.OPEN),
        (0b11, 0, 2, MotionState.APPROVED),
        (0b1, 0b110, 2, MotionState.REJECTED),
    ],
)
def test_motion_outcome__of_three_voters__follows(
    approvals: int, rejections: int, required: int, state: MotionState
) -> None:
    assert motion_outcome(approvals, rejections, need=required, voters=3) is state
