"""Finding a round whose weights were accepted: by its number, the current one, or the best by published scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..chain.snapshot import Snapshot
from ..core.protocol import ZERO_ADDRESS, RoundState
from ..errors import UsageError
from .read import read_history
from .types import History, Round

__all__ = ["Which", "mean_scores", "read_accepted"]

Which = int | Literal["current", "best"]


def read_accepted(snapshot: Snapshot, which: Which, *, deployed_block: int = 0, logs: bool = True) -> History:
    """The history of the one round that is asked for, as of ``snapshot``, with its events.

    Parameters
    ----------
    which: its number; ``"current"``, whose weights are the accepted ones now, also after members went back; or
        ``"best"``, the accepted one with the highest mean of the scores that voters published (of equal ones the last).
    logs: join what only events have; the best one can't be found without.

    Raises
    ------
    UsageError: there is no such round, it was rejected, missed or isn't over, or nobody published a score.
    ChainError: as :func:`.read_history`.
    """
    number = which
    if number == "current":
        number = snapshot.view(ZERO_ADDRESS).accepted_round
    elif number == "best":
        history = read_history(snapshot, deployed_block=deployed_block)
        number = _best(history.rounds, history.logs_problem)
    found = read_history(snapshot, first=number, last=number, deployed_block=deployed_block, logs=logs, receipts=logs)
    _check_accepted(found.rounds[0])
    return found


def mean_scores(round_: Round) -> tuple[float, float] | None:
    """The means of what voters published: of the weights before, and of the proposed ones; None if nobody did."""
    published = [vote.scores for vote in round_.votes if vote.scores is not None]
    if not published:
        return None
    before, after = (sum(scores[i] for scores in published) / len(published) for i in (0, 1))
    return before, after


def _best(rounds: Iterable[Round], problem: str) -> int:
    accepted = [(round_, mean_scores(round_)) for round_ in rounds if round_.record.state is RoundState.ACCEPTED]
    scored = [(means[1], round_.record.round) for round_, means in accepted if means is not None]
    if not scored:
        raise UsageError(
            "no voter published a score of accepted weights" + (f" that can be had ({problem})" if problem else ""),
            expected="nodes with publish_scores = true, and an endpoint that still has their events",
            fix="name a round with --round, or take --current",
        )
    return max(scored)[1]


def _check_accepted(round_: Round) -> None:
    record = round_.record
    if record.round == 0 or record.state is RoundState.ACCEPTED:
        return
    why = {RoundState.REJECTED: "was rejected", RoundState.MISSED: "was missed: nothing was proposed in it"}
    raise UsageError(
        f"round {record.round} {why.get(record.state, 'is not over yet')}",
        expected="a round whose weights were accepted, or 0, the genesis",
        fix="colearn-ledger history lists them; --current takes the weights that are accepted now",
    )
