"""The rounds as plain text, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..core.merge.rules import Rule
from ..core.results import MergeRecord, Results, RoundResult
from . import signs
from .columns import Column, columns, row

__all__ = ["Table", "print_results", "render", "summary"]

_SIGNS = {True: signs.APPROVED, False: signs.REJECTED, None: signs.NONE}


class Table:
    """Makes the lines of a table, round by round as they come.

    Votes are by learner: ``+`` approves, ``-`` rejects, ``P`` proposed, ``D`` declined to propose, ``.`` did not vote.
    Scores are means over the learners' test sets: of what was proposed, and of the weights that are current after the
    round. Of joint rounds there are also how many contributions were merged, and by which rule.
    """

    def __init__(self, names: Sequence[str], *, joint: bool = False) -> None:
        self._names = names
        self._joint = joint
        self._columns = [
            Column("round", 5, right=True),
            Column("proposer").fitting(names),
            *([Column("merged", 5, right=True), Column("rule").fitting(rule.text for rule in Rule)] if joint else []),
            Column("votes").fitting(["?" * len(names)]),
            Column("decision", 8),
            Column("proposed", 8, right=True),
            Column("current", 8, right=True),
            Column("gas", 9, right=True),
            Column("seconds", 7, right=True),
        ]
        self._current = ""

    @property
    def header(self) -> str:
        """The line above the first."""
        return row(self._columns, [column.name for column in self._columns])

    def line(self, result: RoundResult) -> str:
        """The next round's line; round 0 is the genesis weights."""
        score = _mean(result.test_scores)
        if result.accepted:
            self._current = score
        genesis = result.round == 0
        votes = "" if genesis else "".join(_sign(result, seat) for seat in range(len(self._names)))
        cells = [
            str(result.round),
            "" if genesis else self._names[result.proposer],
            *(_merge(result.merge) if self._joint else ()),
            votes,
            "genesis" if genesis else _decision(result),
            score,
            self._current,
            "" if result.gas is None else f"{result.gas:,}",
            f"{result.seconds:.2f}",
        ]
        return row(self._columns, cells)


def _merge(merge: MergeRecord | None) -> tuple[str, str]:
    return ("", "") if merge is None else (str(len(merge.merged)), merge.rule if merge.merged else "")


def render(results: Results) -> str:
    """The whole table: the genesis weights and all decided rounds."""
    table = Table(results.learner_names, joint=any(r.merge is not None for r in results.rounds))
    return "\n".join([table.header, *(table.line(r) for r in (results.initial, *results.rounds))])


def summary(results: Results) -> str:
    """What came of the run, in a few lines: decisions, scores, who declined to propose and why, gas, time."""
    rounds, accepted = len(results.rounds), sum(r.accepted for r in results.rounds)
    declined = [r for r in results.rounds if r.declined]
    last = next((r for r in reversed(results.rounds) if r.accepted), results.initial)
    rejected = rounds - accepted - len(declined)
    lines = [
        f"{rounds:,} round{'' if rounds == 1 else 's'}: {accepted:,} accepted, {rejected:,} rejected"
        f"{f', {len(declined):,} declined' if declined else ''}; "
        f"mean test score {_mean(results.initial.test_scores)} -> {_mean(last.test_scores)}"
    ]
    for proposer, reason in sorted({(r.proposer, r.declined) for r in declined}):
        lines.append(f"{results.learner_names[proposer]} declines to propose: {reason}")
    left_out = Counter(one for r in results.rounds if r.merge is not None for one in r.merge.left_out)
    for (learner, reason), times in sorted(left_out.items()):
        lines.append(f"{results.learner_names[learner]} is left out of {times} of {rounds} rounds' merges: {reason}")
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
    known = [Column("learner"), Column("vote", 8), Column("vote score", 12, True), Column("test score", 12, True)]
    scores = (map(_score, last.vote_scores), map(_score, last.test_scores))
    for line in columns(known, list(zip(names, votes, *scores, strict=True))):
        print(line)


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _decision(result: RoundResult) -> str:
    return "declined" if result.declined else "accepted" if result.accepted else "rejected"


def _sign(result: RoundResult, seat: int) -> str:
    return (
        (signs.DECLINED if result.declined else signs.PROPOSED)
        if seat == result.proposer
        else _SIGNS[result.votes[seat]]
    )


def _mean(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""
