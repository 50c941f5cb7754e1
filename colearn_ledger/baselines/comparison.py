"""Each learner alone, a collective in solo and in joint rounds, and federated averaging, from the same start.

Each of them has the same number of rounds, and in a round nobody trains more than once. So none takes more steps *one
after the other* than another; where all train at the same time, all of them together take as many times more as there
are learners.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from ..core.asking import ask_accept, ask_current, ask_test
from ..core.driver import Rounds, run, set_equal_weights
from ..core.joint import check_mergeable
from ..core.learner import Learner, Weights
from ..core.merge.rules import DEFAULT_ORDER, Rule
from ..core.results import RoundResult
from ..core.roles import roles_of
from ..core.schema import Schema
from ..core.weights import decode, encode
from .alone import run_alone
from .federated import run_federated

__all__ = ["ALONE", "FEDERATED", "JOINT", "SOLO", "Comparison", "Line", "Scores", "check_comparable", "compare"]

ALONE, SOLO, JOINT, FEDERATED = "each alone", "collective, solo", "collective, joint", "federated averaging"


@dataclass(frozen=True, slots=True)
class Scores:
    """What the learners' models are worth after a round; one entry for each learner.

    Attributes
    ----------
    everybody: the mean of the model's scores on all learners' test sets. Where all have one model, so is this.
    own: its score on its learner's own test set.
    """

    everybody: tuple[float, ...]
    own: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One way to learn.

    Attributes
    ----------
    name: for people.
    scores: after each round, from round 0, the first weights.
    accepted: how many rounds the collective accepted; None where nobody votes.
    in_a_row: how many trainings came one after the other.
    trainings: how many there were in all.
    seconds: wall time.
    """

    name: str
    scores: tuple[Scores, ...]
    accepted: int | None
    in_a_row: int
    trainings: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of them.

    Attributes
    ----------
    names: the learners'.
    rounds: how many each line has.
    threshold: of the collective's votes.
    steps: how many a training has; None if the learners don't tell, or differ.
    lines: alone, solo, joint, federated averaging.
    """

    names: tuple[str, ...]
    rounds: int
    threshold: str
    steps: int | None
    lines: tuple[Line, ...]

    def line(self, name: str) -> Line:
        """The line of that name."""
        return next(line for line in self.lines if line.name == name)


def check_comparable(learners: Sequence[Learner], names: Sequence[str]) -> None:
    """Raise UsageError where the learners' weights can't be merged: without that there is half a comparison."""
    first = ask_current(learners[0], names[0]).weights
    check_mergeable(Schema.of(first, roles_of(learners[0])), learners, names)


def compare(
    n_rounds: int,
    learners: Sequence[Learner],
    threshold: Fraction,
    *,
    names: Sequence[str],
    merge_order: Sequence[Rule] = DEFAULT_ORDER,
    say: Callable[[str], None] = lambda text: None,
    on_line: Callable[[Line], None] = lambda line: None,
) -> Comparison:
    """Run all of them with these learners, one after the other.

    Each starts from the first learner's current weights. That they begin anew is what learners promise: the current
    weights, the seed and the round fix what is proposed.

    Parameters
    ----------
    n_rounds, learners, threshold, names, merge_order: as for :func:`~colearn_ledger.core.driver.run`.
    say: told what is being done.
    on_line: called with each line as soon as it is there.

    Raises
    ------
    UsageError: the weights can't be merged. Nothing was trained.
    """
    check_comparable(learners, names)
    data = encode(ask_current(learners[0], names[0]).weights)
    set_equal_weights(learners)
    begun = _shared([_score(learner, data, name) for learner, name in zip(learners, names, strict=True)])
    runs = _Runs(n_rounds, learners, names, begun, say)
    lines = []
    for make in (
        runs.alone,
        lambda: runs.collective(SOLO, "solo", threshold, merge_order),
        lambda: runs.collective(JOINT, "joint", threshold, merge_order),
        runs.federated,
    ):
        ask_accept(learners[0], Weights(decode(data)), names[0])
        set_equal_weights(learners)
        line = make()
        on_line(line)
        lines.append(line)
    steps = {getattr(learner, "steps", None) for learner in learners}
    return Comparison(tuple(names), n_rounds, str(threshold), steps.pop() if len(steps) == 1 else None, tuple(lines))


@dataclass(frozen=True, slots=True)
class _Runs:
    """What each line is made by; all learners hold the same weights when it begins. ``begun``: the scores of these."""

    rounds: int
    learners: Sequence[Learner]
    names: Sequence[str]
    begun: Scores
    say: Callable[[str], None]

    def alone(self) -> Line:
        return self._line(ALONE, partial(run_alone, self.learners, self.rounds), self._each)

    def federated(self) -> Line:
        return self._line(FEDERATED, partial(run_federated, "FedAvg", self.learners, self.rounds), self._all)

    def collective(self, name: str, kind: Rounds, threshold: Fraction, order: Sequence[Rule]) -> Line:
        started = time.monotonic()

        def tell(result: RoundResult) -> None:
            self._tell(name, result.round + 1)

        results = run(
            self.rounds, self.learners, threshold, names=self.names, rounds=kind, merge_order=order, on_round=tell
        )
        if results.interrupted:  # a comparison of lines of different lengths is none
            raise KeyboardInterrupt
        scores: list[Scores] = []
        for result in results.data:
            assert isinstance(result, RoundResult)
            scores.append(_shared(list(map(_number, result.test_scores))) if result.accepted else scores[-1])
        trained = {r.round if r.merge is None else r.merge.training for r in results.rounds}
        return Line(
            name,
            tuple(scores),
            sum(r.accepted for r in results.rounds),
            len(trained),
            len(trained) * (len(self.learners) if kind == "joint" else 1),
            time.monotonic() - started,
        )

    def _line(self, name: str, runs: Callable[..., None], scored: Callable[[], Scores]) -> Line:
        """A line of which every learner trains in every round."""
        started = time.monotonic()
        scores = [self.begun]

        def on_round(done: int) -> None:
            scores.append(scored())
            self._tell(name, done + 1)

        self._tell(name, 1)
        runs(on_round=on_round)
        total = self.rounds * len(self.learners)
        return Line(name, tuple(scores), None, self.rounds, total, time.monotonic() - started)

    def _tell(self, name: str, round: int) -> None:
        if round <= self.rounds:
            self.say(f"{name}: round {round} of {self.rounds}")

    def _each(self) -> Scores:
        """Of models that differ: each on everybody's test set."""
        held = [encode(ask_current(*pair).weights) for pair in zip(self.learners, self.names, strict=True)]
        table = [
            [_score(learner, data, name) for learner, name in zip(self.learners, self.names, strict=True)]
            for data in held
        ]
        return Scores(tuple(map(statistics.fmean, table)), tuple(row[i] for i, row in enumerate(table)))

    def _all(self) -> Scores:
        """Of the one model that all hold."""
        data = encode(ask_current(self.learners[0]).weights)
        return _shared([_score(learner, data, name) for learner, name in zip(self.learners, self.names, strict=True)])


def _score(learner: Learner, data: bytes, name: str) -> float:
    return ask_test(learner, Weights(decode(data)), name).test_value


def _shared(own: Sequence[float]) -> Scores:
    """Of one model, by its score on each learner's test set; NaN where a learner could not be tested with it."""
    known = [score for score in own if not math.isnan(score)]
    return Scores((statistics.fmean(known) if known else math.nan,) * len(own), tuple(own))


def _number(score: float | None) -> float:
    return math.nan if score is None else score
