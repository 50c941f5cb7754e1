"""The training that the flags of a demo give."""

from __future__ import annotations

import argparse

import pytest

from colearn_ledger.cli.program import Parser
from colearn_ledger.cli.training import add_training_options, training_given
from colearn_ledger.tasks import get_task

TASK = get_task("SKLEARN_DIGITS")


def flags(*words: str) -> argparse.Namespace:
    parser = Parser()
    add_training_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("rounds, learners, turns", [(15, 5, 3), (16, 5, 4), (1, 5, 1), (20, 5, 4)])
def test_training_given__privacy_budget__lasts_for_all_turns_that_a_learner_may_have(
    rounds: int, learners: int, turns: int
) -> None:
    assert training_given(flags("--epsilon", "8"), TASK, rounds, learners, joint=False).proposals == turns


def test_training_given__so_many_proposals_or_no_budget__is_as_it_says() -> None:
    assert training_given(flags("--epsilon", "8", "--proposals", "9"), TASK, 15, 5, joint=False).proposals == 9
    assert training_given(flags(), TASK, 15, 5, joint=False).proposals is None


def test_training_given__joint_rounds__every_round_is_a_members_turn_and_votes_are_the_tasks() -> None:
    given = training_given(flags("--epsilon", "8"), TASK, 15, 5, joint=True)
    assert (given.proposals, given.vote_policy) == (15, TASK.joint_vote)
    assert training_given(flags("--vote-policy", "strict"), TASK, 15, 5, joint=True).vote_policy == "strict"
