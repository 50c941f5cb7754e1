"""A round's record out of what its learners found."""

from __future__ import annotations

import hashlib

import pytest

from colearn_ledger.core.cid import cid_text
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.results import Results, RoundResult
from colearn_ledger.core.summaries import VoteRecord

from ..kit.learners import linear_learners

DIGEST = hashlib.sha256(b"weights").digest()
REF = WeightsRef(DIGEST, DIGEST, 7)
RECORD = VoteRecord("strict", 200, 0.0, 0.5, 0.6)


def judged(score: float) -> ProposedWeights:
    return ProposedWeights(Weights({}), score, score + 10, current_score=score + 20, record=RECORD)


def test_round_result__of_tests__has_each_learners_part_in_its_place() -> None:
    result = RoundResult.of(
        5,
        1,
        REF,
        [judged(1), judged(2), None, judged(4)],
        accepted=True,
        votes=[True, None, False, True],
        need=2,
        seconds=1.5,
        gas=9,
    )
    assert (result.round, result.proposer, result.accepted, result.need, result.gas) == (5, 1, True, 2, 9)
    assert result.votes == (True, None, False, True) and result.approvals == 2 and result.seconds == 1.5
    assert result.vote_scores == (1, 2, None, 4) and result.test_scores == (11, 12, None, 14)
    assert result.current_scores == (21, 22, None, 24)
    assert result.vote_records == (RECORD, None, None, RECORD)  # the proposer's own test is no vote
    assert (result.weights_sha256, result.size, result.cid) == (DIGEST.hex(), 7, cid_text(DIGEST, 7))
    assert RoundResult.from_dict(result.to_dict()) == result


@pytest.mark.parametrize("count", [1, 3])
def test_round_result__of_round_0__nobody_voted(count: int) -> None:
    tests = [judged(i) for i in range(count)]
    result = RoundResult.of(0, 0, REF, tests, accepted=True, votes=[None] * count, need=0, seconds=0.0)
    assert result.approvals == 0 and result.vote_records == () and result.gas is None
    assert len(result.vote_scores) == count


def test_repr__of_a_run__is_one_line_that_says_what_came_of_it() -> None:
    results = run(3, linear_learners(3, 1), 0.5)
    accepted = sum(r.accepted for r in results.rounds)
    said = repr(results)
    assert said.startswith(f"Results(3 learners, 3 rounds, {accepted} accepted; mean test score ")
    last = [score for score, r in zip(results.mean_test_scores, results.data, strict=True) if r.vote or r.round == 0]
    assert said.endswith(f" -> {last[-1]:.4f})") and repr(Results()) == "Results()"
