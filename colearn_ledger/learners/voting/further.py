"""Where a vote looks further than the score: a proposal that changes nothing, or only what the score doesn't see."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...core.summaries import CHANGES_NOTHING, VoteRecord
from .policy import Evaluation, VotePolicy

__all__ = ["looked_further", "objection"]

# By what share the loss may rise. An honest training's rises by a tenth, or a half, where the score is equal, and up to
# threefold where it is higher; weights that are blown up, so that no step moves them any more, leave every accuracy as
# it is and multiply the loss (docs/adr/0013-roles-of-leaves.md has the figures).
RISE_WITHOUT, RISE_WITH_SCORE = 0.5, 9.0


def looked_further(policy: VotePolicy, current: Evaluation, proposed: Evaluation) -> tuple[bool, VoteRecord]:
    """The policy's vote and its record; a yes stands only if there is no :func:`objection`."""
    vote, record = policy.judge(current, proposed)
    reason = objection(current, proposed) if vote else ""
    return vote and not reason, replace(record, reason=reason)


def objection(current: Evaluation, proposed: Evaluation) -> str:
    """Why a proposal that a policy approves is to be rejected nevertheless; empty where nothing speaks against it."""
    if _same(current, proposed):
        return CHANGES_NOTHING
    if current.loss is None or proposed.loss is None or math.isnan(current.loss):
        return ""
    risen = proposed.score > current.score
    most = current.loss + (RISE_WITH_SCORE if risen else RISE_WITHOUT) * abs(current.loss)
    if proposed.loss <= most:
        return ""
    went = f"the loss went from {current.loss:.4g} to {proposed.loss:.4g}"
    return f"{'for all that the score rose' if risen else 'the score did not rise'}, {went}"


def _same(current: Evaluation, proposed: Evaluation) -> bool:
    if current.score != proposed.score or current.loss != proposed.loss:
        return False
    if current.outcomes is None or proposed.outcomes is None:
        return True
    return bool(np.array_equal(current.outcomes, proposed.outcomes))
