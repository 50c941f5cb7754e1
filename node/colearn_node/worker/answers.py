"""Whether what the worker says came of a job can have come of it, and what should be told of it."""

from __future__ import annotations

import math

from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish
from colearn_ledger.core.learner import ProposedWeights
from colearn_ledger.core.limits import MOST_NOTE
from colearn_ledger.core.merge.claim import DIGEST_BITS, seats_mask
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.member.work import (
    Adopted,
    Contributed,
    Declined,
    Merged,
    Nothing,
    Published,
    Trained,
    Verdict,
    Work,
)

__all__ = ["NO_SCORE", "answers", "has_no_score"]

NO_SCORE = (
    "the learner's score is not a number (nan): what has no score is never approved, so it may vote to reject for "
    "ever; a vote set of one class has no AUC, for example (docs/voting.md)"
)


def has_no_score(test: ProposedWeights) -> bool:
    """Whether the learner can't score its own weights, as far as the test tells: then it can score nobody's."""
    return math.isnan(test.vote_value if test.current_score is None else test.current_score)


def answers(action: Action, work: Work, max_size: int) -> bool:
    """Whether the work can have come of the action: the learner's code, too, can write to the worker's channel."""
    if isinstance(work, Nothing):
        return True
    if isinstance(action, Adopt):
        return isinstance(work, Adopted) and work.weights == action.weights
    if isinstance(action, Judge):
        return isinstance(work, Verdict) and work.action == action
    if isinstance(action, Contribute):
        if isinstance(work, Declined):
            return work.round == action.training
        return (
            isinstance(work, Contributed)
            and (work.training, work.parent) == (action.training, action.parent)
            and _is_ref(work.weights, max_size)
            and len(work.note) <= MOST_NOTE
        )
    assert isinstance(action, Propose | Republish | Merge)
    if isinstance(work, Declined):
        return work.round == action.round
    if isinstance(action, Republish):
        return isinstance(work, Published) and work.weights == action.weights
    if isinstance(action, Merge):
        return isinstance(work, Merged) and _is_merge(work, action) and _is_ref(work.weights, max_size)
    return (
        isinstance(work, Trained)
        and (work.round, work.parent) == (action.round, action.parent)
        and _is_ref(work.weights, max_size)
        and len(work.note) <= MOST_NOTE
    )


def _is_merge(work: Merged, action: Merge) -> bool:
    offered = {one.seat for one in action.contributions}
    merged = {seat for seat in offered if work.claim.seats >> seat & 1}
    left_out = dict(work.left_out)
    return (
        (work.round, work.parent, work.claim.rule) == (action.round, action.parent, action.rule)
        and work.claim.seats == seats_mask(merged) != 0
        and 0 <= work.claim.digest < 1 << DIGEST_BITS
        and left_out.keys() <= offered - merged
        and all(0 < reason < 16 for reason in left_out.values())
    )


def _is_ref(ref: WeightsRef, max_size: int) -> bool:
    return len(ref.sha256) == len(ref.cid_digest) == 32 and 0 < ref.size <= max_size
