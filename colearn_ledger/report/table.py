"""The rounds as plain text, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.results import Results, RoundResult

__all__ = ["Table", "print_results", "render", "summary"]

_SIGNS = {True: "+", False: "-", None: "."}


class Table:
    """Makes the lines of a table, round by round as they come.

    Votes are by learner: ``+`` approves, ``-`` rejects, ``P`` proposed, ``D`` declined to propose, ``.`` did not vote.
    Scores are means over the learners' test sets: of what was proposed, and of the weights that are current after the
    round.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._name_width = max(len("proposer"), *(len(name) for name in names))
        self._vote_width = max(len("votes"), len(names))
        self._current = ""

    @property
    def header(self) -> str:
        """The line above the first."""
        return self._line("round", "proposer", "votes", "decision", "proposed", "current", "gas", "seconds")

    def line(self, result: RoundResult) -> str:
        """The next round's line; round 0 is the genesis weights."""
        score = _mean(result.test_scores)
        if result.accepted:
            self._current = score
        genesis = result.round == 0
        votes = "" if genesis else "".join(_sign(result, seat) for seat in range(len(self._names)))
        return self._line(
            str(result.round),
            "" if genesis else self._names[result.proposer],
            votes,
            "genesis" if genesis else _decision(result),
            score,
            self._current,
            "" if result.gas is None else f"{result.gas:,}",
            f"{result.seconds:.2f}",
        )

    def _line(self, round: str, proposer: str, votes: str, decision: str, *numbers: str) -> str:
        proposed, current, gas, seconds = numbers
        return (
            f"{round:>5}  {proposer:<{self._name_width}}  {votes:<{self._vote_width}}  {decision:<8}  "
            f"{proposed:>8}  {current:>8}  {gas:>9}  {seconds:>7}"
        )


def render(results: Results) -> str:
    """The whole table: the genesis weights and all decided rounds."""
    table = Table(results.learner_names)
    return "\n".join([table.header, *(table.line(r) for r in (results.initial, *results.rounds))])


def summary(results: Results) -> str:
    """What came of the run, in a few lines: decisions, scores, who declined to propose and why, gas, time."""
    rounds, accepted = len(results.rounds), sum(r.accepted for r in results.rounds)
    declined = [r for r in results.rounds if r.declined]
    last = next((r for r in reversed(results.rounds) if r.accepted), results.initial)
    lines = [
        f"{rounds} round{'' if rounds == 1 else 's'}: {accepted} accepted, {rounds - accepted - len(declined)} rejected"
        f"{f', {len(declined)} declined' if declined else ''}; "
        f"mean test score {_mean(results.initial.test_scores)} -> {_mean(last.test_scores)}"
    ]
    for proposer, reason in sorted({(r.proposer, r.declined) for r in declined}):
        lines.append(f"{results.learner_names[proposer]} declines to propose: {reason}")
    gas = [r.gas for r in results.rounds if r.gas is not None]
    if gas and results.initial.gas is not None:
        lines.append(
            f"gas: {sum(gas):,} in rounds ({sum(gas) // len(gas):,} each), {results.initial.gas:,} for the deployment, "
            f"{sum(gas) + results.initial.gas:,} in all"
        )
    lines.append(f"time: {sum(r.seconds for r in (results.initial, *results.rounds)):.1f} s")
    return "\n".join(lines)


def print_results(results: Results) -> None:
    """Print the last entry of ``results.data``: who proposed, what was decided, each learner's vote and scores."""
    if not results.data:
        print("no results yet")
        return
    last, names = results.data[-1], results.learner_names
    if last.block_proposer is None or len(results.data) == 1:
        print(f"result {len(results.data) - 1}: no proposal was voted on")
        votes = ["-"] * len(names)
    else:
        record = last if isinstance(last, RoundResult) else last.record
        did = "declined" if record is not None and record.declined else "proposed"
        outcome = " to propose" if did == "declined" else ", accepted" if last.vote else ", rejected"
        print(f"round {len(results.data) - 1}: {names[last.block_proposer]} {did}{outcome}")
        votes = [
            did if seat == last.block_proposer else {True: "yes", False: "no", None: "none"}[vote]
            for seat, vote in enumerate(last.votes)
        ]
    width = max(len("learner"), *map(len, names))
    print(f"{'learner':<{width}}  {'vote':<8}  {'vote score':>12}  {'test score':>12}")
    for name, vote, *scores in zip(names, votes, last.vote_scores, last.test_scores, strict=True):
        print(f"{name:<{width}}  {vote:<8}  " + "  ".join(f"{_score(score):>12}" for score in scores))


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _decision(result: RoundResult) -> str:
    return "declined" if result.declined else "accepted" if result.accepted else "rejected"


def _sign(result: RoundResult, seat: int) -> str:
    return ("D" if result.declined else "P") if seat == result.proposer else _SIGNS[result.votes[seat]]


def _mean(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""
