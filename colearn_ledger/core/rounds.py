"""Rounds one by one, for programs that run and record them themselves.

These are the functions of the published interface, by their names and with their meaning.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction

from .asking import ask_accept, ask_current, ask_propose, ask_test
from .driver import play_round, set_equal_weights, tried
from .learner import Learner, ProposedWeights, Weights
from .results import Result
from .tensors import plain
from .threshold import Tie
from .weights import decode, encode

__all__ = ["collective_learning_round", "individual_training_round", "initial_result", "set_equal_weights"]


def initial_result(learners: Sequence[Learner]) -> Result:
    """Have every learner test its own current weights: the start, before the first round."""
    start = time.monotonic()
    own = [encode(ask_current(learner).weights) for learner in learners]
    tests = [ask_test(learner, Weights(decode(data))) for learner, data in zip(learners, own, strict=True)]
    result = _result(tests)
    result.record = tried(tests, own[0], time.monotonic() - start)
    return result


def collective_learning_round(
    learners: Sequence[Learner],
    vote_threshold: float | str | Fraction,
    round_index: int,
    *,
    tie: Tie = "reject",
) -> Result:
    """Run one round and say what happened; see :func:`~.driver.run_one_round`."""
    judged, record = play_round(round_index, learners, vote_threshold, tie)
    result = _result(judged)
    result.vote, result.block_proposer, result.record = record.accepted, record.proposer, record
    result.votes = [j.vote for j in judged]
    summaries = [learner.mli_get_current_weights().training_summary for learner in learners]
    result.training_summaries = [summary for summary in summaries if summary is not None]
    return result


def individual_training_round(learners: Sequence[Learner], round_index: int) -> Result:
    """Have every learner train and adopt what comes of it, alone and without a vote: what collective rounds beat."""
    tests = []
    for learner in learners:
        data = encode(plain(ask_propose(learner, round_index + 1).weights))
        tests.append(ask_test(learner, Weights(decode(data))))
        ask_accept(learner, Weights(decode(data)))
    return _result(tests)


def _result(tests: Sequence[ProposedWeights]) -> Result:
    return Result(
        votes=[True] * len(tests),
        test_scores=[test.test_value for test in tests],
        vote_scores=[test.vote_value for test in tests],
    )
