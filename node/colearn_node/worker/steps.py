"""How far a training is, and how long it may yet take."""

from __future__ import annotations

from dataclasses import dataclass

from .messages import Progress

__all__ = ["Steps"]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps ``done`` of a training, the job of that number, and ``of`` how many.

    ``left_s``: seconds that the others take, if they take as long as those that were seen; None: nobody knows yet.
    ``first``: the first that was heard of it, and when. What was done before, as by a process that has ended, says
    nothing of how fast this one is.
    """

    job: int
    done: int
    of: int
    left_s: float | None
    first: tuple[int, float]

    @classmethod
    def of_message(cls, message: Progress, now: float, known: Steps | None) -> Steps:
        """As the worker says it ``now``; ``known``: what was known of the same training."""
        done, at = first = (message.done, now) if known is None else known.first
        left = (now - at) / (message.done - done) * max(message.of - message.done, 0) if message.done > done else None
        return cls(message.number, message.done, message.of, left, first)

    @property
    def text(self) -> str:
        """For people."""
        left = "" if self.left_s is None else f", some {self.left_s:.0f} s to go"
        return f"{self.done:,} of {self.of:,} steps{left}"
