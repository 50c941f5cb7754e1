"""A collective's rules in words: what its members agree to."""

from __future__ import annotations

from ..core.protocol import Rules
from ..core.threshold import need
from ..formats.duration import shown_duration

__all__ = ["decision_in_words", "windows_in_words"]


def decision_in_words(rules: Rules, members: int) -> str:
    """What it takes to accept a proposal, with the count for so many members."""
    voters = members - 1
    return f"more than {rules.threshold} of the {voters} others must approve: {need(rules.threshold, voters)}"


def windows_in_words(rules: Rules, *, secret: bool) -> str:
    """How long each step may take."""
    steps = [("to propose", rules.propose_window), ("to commit" if secret else "to vote", rules.vote_window)]
    if secret:
        steps.append(("to reveal", rules.reveal_window))
    steps.append(("for a motion", rules.motion_window))
    return ", ".join(f"{shown_duration(seconds)} {step}" for step, seconds in steps)
