"""Rounds one by one: what each function leaves in its result and in the learners."""

from __future__ import annotations

import time

import numpy as np
import pytest

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.rounds import collective_learning_round, individual_training_round, initial_result
from colearn_ledger.core.summaries import TrainingSummary
from colearn_ledger.core.weights import encode, weights_ref

from .test_driver import Walker, no


class Telling(Walker):
    """Tells of its trainings."""

    def mli_get_current_weights(self) -> Weights:
        return Weights([self.w.copy()], TrainingSummary(samples=7))


def test_initial_result__everyone__tests_its_own_weights() -> None:
    start = time.monotonic()
    result = initial_result([Walker(start=1), Walker(start=2)])
    took = time.monotonic() - start
    assert (result.vote, result.votes, result.block_proposer) == (False, [True, True], None)
    assert (result.test_scores, result.vote_scores) == ([1.5, 3.0], [3.0, 6.0])
    record = result.record
    assert record is not None and (record.round, record.votes) == (0, (None, None))
    assert record.weights_sha256 == weights_ref(encode([np.full(3, 1.0)])).sha256.hex()  # the first learner's
    assert 0 <= record.seconds <= took
    assert (record.proposer, record.approvals, record.need, record.accepted) == (0, 0, 0, True)


def test_collective_learning_round__accepted__adopted_and_told() -> None:
    learners = [Telling(), Walker(), Telling(no)]
    result = collective_learning_round(learners, 0.4, 0)
    assert (result.vote, result.block_proposer, result.votes) == (True, 0, [None, True, False])
    assert (result.test_scores, result.vote_scores) == ([1.5] * 3, [3.0] * 3)
    assert [summary.samples for summary in result.training_summaries] == [7, 7]
    assert result.record is not None and result.record.round == 1
    assert [learner.w.tolist() for learner in learners] == [[1.0] * 3] * 3


@pytest.mark.parametrize("tie, accepted", [(None, False), ("reject", False), ("accept", True)])
def test_collective_learning_round__a_tie__rejects_unless_told_otherwise(tie: str | None, accepted: bool) -> None:
    options = {} if tie is None else {"tie": tie}
    result = collective_learning_round([Walker(), Walker(), Walker(no)], 0.5, 0, **options)  # type: ignore[arg-type]
    assert result.vote is accepted


def test_individual_training_round__everyone__trains_and_adopts_alone() -> None:
    learners = [Walker(start=1), Walker(start=5)]
    result = individual_training_round(learners, 3)
    assert [learner.w.tolist() for learner in learners] == [[2.0] * 3, [6.0] * 3]
    assert [learner.begun for learner in learners] == [[4], [4]]  # rounds count from 1
    assert (result.votes, result.test_scores, result.vote_scores) == ([True, True], [3.0, 9.0], [6.0, 18.0])
    assert result.record is None
