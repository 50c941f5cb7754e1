"""Where a vote looks further than the score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from colearn_ledger.core.summaries import CHANGES_NOTHING
from colearn_ledger.learners.voting.further import looked_further, objection
from colearn_ledger.learners.voting.policy import Evaluation, PairedTest, VoteRule

RIGHT = np.arange(10) < 9


def of(score: float, loss: float | None = None, outcomes: np.ndarray | None = None) -> Evaluation:
    return Evaluation(score, "accuracy", 10, outcomes, loss)


@pytest.mark.parametrize(
    "now, new",
    [
        (of(0.9), of(0.9)),
        (of(0.9, 0.3), of(0.9, 0.3)),
        (of(0.9, 0.3, RIGHT), of(0.9, 0.3, RIGHT.copy())),
        (of(0.9, None, RIGHT), of(0.9, None, RIGHT.copy())),
    ],
)
def test_objection__nothing_that_is_seen_differs__changes_nothing(now: Evaluation, new: Evaluation) -> None:
    assert objection(now, new) == CHANGES_NOTHING
    for policy in (VoteRule(), VoteRule(margin=-0.1)):
        vote, record = looked_further(policy, now, new)
        assert vote is False and record.reason == CHANGES_NOTHING and record.policy == policy.name


@pytest.mark.parametrize(
    "now, new",
    [
        (of(0.9, 0.3), of(0.9, 0.29)),
        (of(0.9, 0.3), of(0.9, 0.44)),  # as honest trainings do
        (of(0.9, 0.3), of(0.89, 0.44)),
        (of(0.9, 0.3), of(0.91, 2.9)),
        (of(0.9, -2.0), of(0.9, -1.1)),
        (of(0.9, 0.3), of(0.9)),
        (of(0.9, None, RIGHT), of(0.9, None, RIGHT[::-1])),
        (of(0.9, 0.3, RIGHT), of(0.9, 0.3, RIGHT[::-1])),
        (of(math.nan, math.nan), of(0.1, 5.0)),
    ],
)
def test_objection__a_change_that_training_makes__none(now: Evaluation, new: Evaluation) -> None:
    assert objection(now, new) == ""
    assert looked_further(VoteRule(margin=-0.1), now, new)[0] is True


@pytest.mark.parametrize(
    "now, new, says",
    [
        (of(0.9, 0.3), of(0.9, 0.46), "did not rise"),
        (of(0.9, 0.3), of(0.89, 0.46), "did not rise"),
        (of(0.9, 0.3), of(0.9, math.inf), "did not rise"),
        (of(0.9, 0.3), of(0.9, math.nan), "did not rise"),
        (of(0.9, 0.3), of(0.95, 3.1), "for all that the score rose"),
        (of(0.9, 0.3), of(0.95, math.nan), "for all that the score rose"),
        (of(0.9, 0.0), of(0.9, 1e-9), "did not rise"),
        (of(0.9, -2.0), of(0.9, -0.9), "did not rise"),
    ],
)
def test_objection__a_loss_that_no_training_makes__is_told(now: Evaluation, new: Evaluation, says: str) -> None:
    assert says in objection(now, new) and "the loss went from" in objection(now, new)


def test_looked_further__what_the_policy_rejects__has_no_further_reason() -> None:
    vote, record = looked_further(VoteRule(strict=True), of(0.9, 0.3), of(0.9, 0.3))
    assert vote is False and record.reason == ""


def test_looked_further__a_paired_policy__is_no_way_around() -> None:
    vote, record = looked_further(PairedTest(), of(0.9, 0.3, RIGHT), of(0.9, 9.0, RIGHT[::-1]))
    assert vote is False and "0.3 to 9" in record.reason and record.p_value is not None
