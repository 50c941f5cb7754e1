"""Whether a collective's windows are long enough for what a machine needs, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.protocol import Rules
from ..formats.duration import shown_duration
from .rules import Window, windows_of

__all__ = ["Times", "budget_in_words", "least_window", "short_windows", "windows_fit_in_words"]

_FACTOR = 2  # other members' machines may be slower, and this one busy
_SENDING_S = 30  # for a transaction: two blocks of twelve seconds, and some


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that things took on one machine; None: not measured.

    ``train``: a training; ``test``: a test of weights; ``merge``: checking and merging everybody's contributions;
    ``carry``: bringing one set of weights into the store, or having it from there.
    """

    train: float | None = None
    test: float | None = None
    merge: float | None = None
    carry: float | None = None

    def needed(self, joint: bool) -> dict[str, float]:
        """Seconds of work by the window that it must fit into, as far as they are known."""
        steps: dict[str, tuple[float | None, ...]] = {"vote_window": (self.test, self.carry)}
        if joint:  # half of the window to merge may go in pulling contributions
            merging = (self.merge, self.merge, self.test, self.test, self.carry)
            steps |= {"train_window": (self.train, self.carry), "propose_window": merging}
        else:
            steps |= {"propose_window": (self.train, self.test, self.carry)}
        known = {window: [s for s in parts if s is not None] for window, parts in steps.items() if parts[0] is not None}
        return {window: sum(parts) for window, parts in known.items()}


def least_window(seconds: float) -> int:
    """The shortest window for so much work: twice that, and the time for a transaction, rounded up."""
    least = _FACTOR * seconds + _SENDING_S
    unit = 10 if least <= 120 else 60 if least <= 7200 else 600
    return math.ceil(least / unit) * unit


def short_windows(rules: Rules, times: Times) -> list[tuple[Window, int]]:
    """The windows that are shorter than they had better be, each with the seconds that it should have."""
    needed = times.needed(bool(rules.train_window))
    found = ((window, least_window(needed[window.name])) for window in windows_of(rules) if window.name in needed)
    return [(window, least) for window, least in found if getattr(rules, window.name) < least]


def windows_fit_in_words(rules: Rules, times: Times, members: int, change: str) -> str:
    """What was measured, and which windows are too short for it; ``change``: by what a window is changed."""
    took = [
        f"{what} {seconds:.1f} s"
        for what, seconds in (
            ("a training", times.train),
            ("a test", times.test),
            (f"a merge of {members} contributions", times.merge),
            ("the store", times.carry),
        )
        if seconds is not None
    ]
    short = short_windows(rules, times)
    flags = " ".join(f"{window.flag} {shown_duration(least)}" for window, least in short)
    said = [f"{shown_duration(getattr(rules, w.name))} {w.step} is short" for w, _ in short]
    verdict = f"{' and '.join(said)}: {change} {flags}" if short else "the windows are long enough"
    counted = "pulling not counted" if times.carry is None else "the way between members' stores not counted"
    return f"{', '.join(took)} on this machine, {counted}; {verdict}"


def budget_in_words(trainings_left: int, members: int, merge_order: Sequence[int]) -> str:
    """How many rounds a learner's privacy budget lasts."""
    if trainings_left == 0:
        can = "merges and votes" if merge_order else "votes"
        return f"the budget is spent: the learner trains no more, and {can} as ever"
    often = f"the budget lasts for {trainings_left:,} more training{'' if trainings_left == 1 else 's'}"
    if not merge_order:
        return f"{often}, one in each of its turns: about {trainings_left * members:,} rounds of {members} members"
    most = trainings_left * len(merge_order)
    rounds = f"{trainings_left:,} to {most:,} rounds" if most > trainings_left else f"{trainings_left:,} rounds"
    return f"{often}, one in each training of the collective: {rounds}, as a rejected merge costs none"
