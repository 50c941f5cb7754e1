"""What a member writes beside its weights, for people and indexers."""

from __future__ import annotations

import json
import math

from ..core.learner import Weights
from ..core.limits import MOST_NOTE

__all__ = ["note_of"]


def note_of(weights: Weights) -> bytes:
    """The training summary as short JSON for people and indexers; empty when there is none or it is too long.

    ``samples`` were trained on; ``epsilon`` and ``delta`` is what the learner's proposals have cost its data's privacy
    so far, this one included, and ``target`` the epsilon that they may cost.
    """
    summary = weights.training_summary
    facts: dict[str, int | float] = {}
    samples, budget = getattr(summary, "samples", None), getattr(summary, "dp_budget", None)
    if samples is not None:
        facts["samples"] = int(samples)
    if budget is not None and math.isfinite(budget.consumed_epsilon):
        facts["epsilon"] = _up(budget.consumed_epsilon)
        facts["delta"] = float(budget.consumed_delta)
        facts["target"] = float(budget.target_epsilon)
    note = json.dumps(facts, separators=(",", ":")).encode() if facts else b""
    return note if len(note) <= MOST_NOTE else b""


def _up(epsilon: float) -> float:
    """To four digits after the point, and never less than it is."""
    return math.ceil(float(epsilon) * 1e4) / 1e4
