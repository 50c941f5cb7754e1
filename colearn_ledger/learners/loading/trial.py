"""A new learner tried out before a collective depends on it: how long it takes, and what its owner should know."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...core.asking import ask_proposal, ask_test
from ...core.check_learner import warnings_about
from ...core.learner import Weights
from ...core.schema import Schema
from ...core.weights import decode
from ...errors import LearnerError
from ..voting.policy import one_class_vote_set, small_vote_set

__all__ = ["Trial", "try_out"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes
    ----------
    notes: for people.
    tested_s: seconds that a test took, the first one: a framework makes itself ready in it.
    trained_s: seconds that a training took; None where there was none.
    untrained: why there was none though it was asked for; empty else.
    trainings_left: how many trainings its privacy budget lasts for; None of a learner without one.
    """

    notes: tuple[str, ...]
    tested_s: float
    trained_s: float | None = None
    untrained: str = ""
    trainings_left: int | None = None


def try_out(
    learner: Any, data: bytes, schema: Schema, *, train: bool, clock: Callable[[], float] = time.monotonic
) -> Trial:
    """Have the learner test its own weights, ``data`` of the ``schema``, and ``train`` once if that costs no privacy.

    Raises LearnerError for a learner that does what no learner does; whatever its own code raises comes through.
    """
    began = clock()
    test = ask_test(learner, Weights(decode(data)))
    tested_s = clock() - began
    notes = warnings_about(decode(data))
    notes += [f"it {note}" for note in (small_vote_set(learner), one_class_vote_set(learner)) if note is not None]
    if not math.isfinite(test.vote_value):
        notes.append(
            f"its vote score of its own weights is {test.vote_value}: what has no finite score is never approved, so "
            "it may vote to reject for ever; a vote set of one class has no AUC, for example (docs/voting.md)"
        )
    left = _trainings_left(learner)
    trained_s, untrained = None, ""
    if train and left is not None:
        untrained = "a training would cost privacy"
    elif train:
        began = clock()
        ask_proposal(learner, 1, schema)
        trained_s = clock() - began
    return Trial(tuple(notes), tested_s, trained_s, untrained, left)


def _trainings_left(learner: Any) -> int | None:
    left = getattr(learner, "trainings_left", None)
    if left is not None and (type(left) is not int or left < 0):
        raise LearnerError(
            f"learner {type(learner).__name__}: trainings_left is {left!r}",
            expected="how many trainings its privacy budget lasts for, from 0; None without a budget",
            fix="correct it, or leave the attribute out",
        )
    return left
