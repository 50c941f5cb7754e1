"""Which round is meant: the current one, also after members went back, and the best by what was published."""

from __future__ import annotations

from typing import Any

import pytest

from colearn_ledger.errors import UsageError
from colearn_ledger.history import mean_scores, read_accepted

from ..kit.collective import Collective, embedded


@pytest.fixture
def made() -> Collective[Any]:
    """Rounds 1 to 3 accepted, with published means of .5, .8 (of one voter) and none."""
    made = embedded(3)
    for voters in ({1: (0, 400_000), 2: (0, 600_000)}, {0: (0, 800_000), 2: None}, {0: None, 1: None}):
        made.propose(f"round {made.view().round}")
        for index, scores in voters.items():
            made.vote(index, scores=scores)
    return made


def number(made: Collective[Any], which: Any) -> int:
    found = read_accepted(made.contract.snapshot(), which, deployed_block=made.deployment.block)
    (round_,) = found.rounds
    return round_.record.round


@pytest.mark.slow
def test_read_accepted__each_way_of_saying_which__is_that_round(made: Collective[Any]) -> None:
    assert [number(made, which) for which in (0, 1, 3, "current", "best")] == [0, 1, 3, 3, 2]


@pytest.mark.slow
def test_read_accepted__members_went_back__the_current_round_is_the_earlier_one(made: Collective[Any]) -> None:
    made.sender(0).move_revert_to(1)
    made.vote_motion(1)
    made.chain.pass_time(10_000)
    assert number(made, "current") == made.view().accepted_round == 1


def test_read_accepted__nobody_published__best_is_an_error_and_a_number_is_none() -> None:
    quiet = embedded(3)
    quiet.accept_round()
    for which in ("best", 2, 5):
        with pytest.raises(UsageError):
            number(quiet, which)
    assert number(quiet, "current") == 1


def test_mean_scores__of_those_who_published__alone(made: Collective[Any]) -> None:
    rounds = made.history().rounds
    assert [mean_scores(r) for r in rounds] == [None, (0, pytest.approx(0.5)), (0, pytest.approx(0.8)), None, None]
