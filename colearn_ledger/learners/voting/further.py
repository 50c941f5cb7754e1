"""Where a vote looks further than the score: a proposal that changes nothing, or only what the score doesn't see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.summaries import VoteRecord
from .policy import Evaluation, VotePolicy

__all__ = ["NOTHING", "looked_further", "objection"]

NOTHING = "changes nothing that this member can score"


def looked_further(policy: VotePolicy, current: Evaluation, proposed: Evaluation) -> tuple[bool, VoteRecord]:
    """The policy's vote and its record; a yes stands only if there is no :func:`objection`."""
    vote, record = policy.judge(current, proposed)
    reason = objection(current, proposed) if vote else ""
    return vote and not reason, replace(record, reason=reason)


def objection(current: Evaluation, proposed: Evaluation) -> str:
    """Why a proposal that a policy approves is to be rejected nevertheless; empty where nothing speaks against it."""
    if _same(current, proposed):
        return NOTHING
    return ""


def _same(current: Evaluation, proposed: Evaluation) -> bool:
    if current.score != proposed.score or current.loss != proposed.loss:
        return False
    if current.outcomes is None or proposed.outcomes is None:
        return True
    return bool(np.array_equal(current.outcomes, proposed.outcomes))
