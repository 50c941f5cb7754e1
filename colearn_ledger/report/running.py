"""The public ``run``: the driver's, which shows on a terminal how far it is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from ..core.driver import Backend, OnRound, Rounds
from ..core.driver import run as run_quietly
from ..core.learner import Learner
from ..core.merge.rules import DEFAULT_ORDER, Rule
from ..core.results import Results, RoundResult
from ..core.threshold import Tie

__all__ = ["run"]


def run(
    n_rounds: int,
    learners: Sequence[Learner],
    vote_threshold: float | str | Fraction = 0.5,
    *,
    tie: Tie = "reject",
    backend: Backend | None = None,
    on_round: OnRound | None = None,
    names: Sequence[str] | None = None,
    rounds: Rounds = "solo",
    merge_order: Sequence[Rule] = DEFAULT_ORDER,
    progress: bool | None = None,
) -> Results:
    """Run rounds of collective learning and return what happened.

    Parameters
    ----------
    n_rounds: how many rounds.
    learners: at least two objects with the four methods of the learner interface; they take turns in proposing.
    vote_threshold: a proposal is accepted if more than this share of the voters approves it; the proposer is no voter.
    tie: ``"accept"`` if exactly this share is enough, which is the published driver's rule.
    backend: what runs the rounds; :class:`InProcess` if not given.
    on_round: called with round 0 (the genesis weights, tested by everyone), and with each round as soon as it is
        decided.
    names: the learners' names for tables and plots; ``learner 1``, ``learner 2``, ... if not given.
    rounds: ``"solo"``: in each round one learner trains, and proposes. ``"joint"``: all train from the current weights,
        the round's proposer merges what they contribute, and after a rejection the next one merges the same by the next
        rule. When each rule was rejected once, all train anew.
    merge_order: those rules.
    progress: whether a line on standard error says how far it is; None: where that is a terminal, and there is no
        ``on_round``, which may say so itself.

    Raises
    ------
    UsageError, LearnerError: an argument is out of range, or a learner breaks the interface. Nothing was changed.
    InvalidWeights: a learner proposed weights that don't fit the first learner's.
    """
    if progress is None:
        progress = on_round is None and bool(sys.stderr) and sys.stderr.isatty()
    with _line(n_rounds) if progress else contextlib.nullcontext() as show:

        def decided(result: RoundResult) -> None:
            if show is not None:
                show(result)
            if on_round is not None:
                on_round(result)

        return run_quietly(
            n_rounds,
            learners,
            vote_threshold,
            tie=tie,
            backend=backend,
            on_round=decided,
            names=names,
            rounds=rounds,
            merge_order=merge_order,
        )


@contextlib.contextmanager
def _line(n_rounds: int) -> Iterator[Callable[[RoundResult], None]]:
    """A line that says how many rounds are over, what came of them, and how long the rest may take; gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("round"), MofNCompleteColumn(), BarColumn(20), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("genesis weights", total=n_rounds)
        accepted, score = 0, ""

        def show(result: RoundResult) -> None:
            nonlocal accepted, score
            if result.accepted:
                known = [one for one in result.test_scores if one is not None]
                score = f", mean test score {sum(known) / len(known):.4f}" if known else ""
                accepted += result.round > 0
            bar.update(task, completed=result.round, description=f"{accepted} accepted{score}")

        yield show
