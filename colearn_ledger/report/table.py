"""The rounds as plain text, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.results import Results, RoundResult

__all__ = ["HEADER", "line", "render"]

HEADER = f"{'round':>5}  {'proposer':>8}  {'votes':<12}  {'decision':<8}  {'score':>7}  {'gas':>9}  {'seconds':>7}"


def line(result: RoundResult) -> str:
    """One round. Votes by seat: + approves, - rejects, P proposed, . did not vote. The score is the mean test score."""
    votes = "".join(
        "P" if seat == result.proposer and result.round else {True: "+", False: "-", None: "."}[vote]
        for seat, vote in enumerate(result.votes)
    )
    decision = "genesis" if not result.round else "accepted" if result.accepted else "rejected"
    gas = "" if result.gas is None else str(result.gas)
    return (
        f"{result.round:>5}  {result.proposer + 1:>8}  {votes:<12}  {decision:<8}  "
        f"{_mean(result.test_scores):>7}  {gas:>9}  {result.seconds:>7.2f}"
    )


def render(results: Results) -> str:
    """The genesis weights and all decided rounds."""
    return "\n".join([HEADER, *(line(r) for r in (results.initial, *results.rounds))])


def _mean(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""
