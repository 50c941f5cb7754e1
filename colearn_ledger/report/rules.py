"""A collective's rules in words: what its members agree to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..core.merge.rules import rule_text
from ..core.protocol import Rules
from ..core.threshold import need
from ..formats.duration import shown_duration

__all__ = [
    "PAUSE",
    "TRAIN_WINDOW",
    "WINDOWS",
    "Window",
    "decision_in_words",
    "rounds_in_words",
    "windows_in_words",
    "windows_of",
]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the rules in words.

    Attributes
    ----------
    name: of the field of :class:`.Rules`.
    step: that it is the time for, as in "1h to propose".
    use: what members need it for, as the help of an option says it.
    """

    name: str
    step: str
    use: str

    @property
    def flag(self) -> str:
        """The option that sets it."""
        return "--" + self.name.replace("_", "-")


WINDOWS = (
    Window("propose_window", "to propose", "for training"),
    Window("vote_window", "to vote", "for testing and voting"),
    Window("reveal_window", "to reveal secret votes", "for revealing secret votes"),
    Window("motion_window", "for a motion", "for voting on motions"),
)
TRAIN_WINDOW = Window("train_window", "to train", "for training in joint rounds, where --propose-window is for merging")
PAUSE = Window("pause", "to rest", "least time from a decision to the next proposal, 0 for none")


def windows_of(rules: Rules) -> tuple[Window, ...]:
    """The spans of these rules, in the order of a round: joint rounds have one more, and who rests has another."""
    rest = (PAUSE,) if rules.pause else ()
    if not rules.train_window:
        return *WINDOWS, *rest
    return TRAIN_WINDOW, replace(WINDOWS[0], step="to merge"), *WINDOWS[1:], *rest


def decision_in_words(rules: Rules, members: int) -> str:
    """What it takes to accept a proposal, with the count for so many members, and how many may be away."""
    voters = members - 1
    needed = need(rules.threshold, voters)
    away = "all must be there" if needed == voters else f"{voters - needed} may be away"
    return f"more than {rules.threshold} of the {voters} others must approve: {needed}, so {away}"


def rounds_in_words(merge_order: Sequence[int]) -> str:
    """Of which kind a collective's rounds are; ``merge_order``: the rules by which joint ones merge."""
    if not merge_order:
        return "solo: one member trains, the others vote"
    names = ", then by ".join(map(rule_text, merge_order))
    return f"joint: all train, one merges by {names}, the others vote"


def windows_in_words(rules: Rules, *, secret: bool) -> str:
    """How long each step may take."""
    steps = {window.name: window.step for window in windows_of(rules)}
    if secret:  # all reveal then, and what is voted first is a commitment
        steps |= {"vote_window": "to commit", "reveal_window": "to reveal"}
    else:
        del steps["reveal_window"]
    return ", ".join(f"{shown_duration(getattr(rules, name))} {step}" for name, step in steps.items())
