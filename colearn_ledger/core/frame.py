"""A run as a table: one row for each learner in each round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import UsageError
from .results import RoundResult

__all__ = ["frame_of", "rows_of"]


def rows_of(initial: RoundResult, rounds: Sequence[RoundResult], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows, round 0 first; a round's learners in their order, each row with what is said of the round, too."""
    for result in (initial, *rounds):
        for index, name in enumerate(names):
            voted = result.round > 0 and index != result.proposer
            yield {
                "round": result.round,
                "learner": name,
                "role": "none" if result.round == 0 else "voter" if voted else "proposer",
                "vote": result.votes[index],
                "vote_score": result.vote_scores[index],
                "test_score": result.test_scores[index],
                "current_score": result.current_scores[index],
                "proposer": names[result.proposer] if result.round > 0 else None,
                "accepted": result.accepted,
                "declined": result.declined,
                "approvals": result.approvals,
                "need": result.need,
                "rule": None if result.merge is None else result.merge.rule,
                "gas": result.gas,
                "seconds": result.seconds,
                "sha256": result.weights_sha256,
            }


def frame_of(initial: RoundResult, rounds: Sequence[RoundResult], names: Sequence[str]) -> Any:
    """The rows as a pandas DataFrame. Raises UsageError where pandas isn't installed."""
    try:
        import pandas
    except ModuleNotFoundError:
        raise UsageError(
            "a frame needs pandas, which is not installed", expected="pandas", fix="pip install pandas"
        ) from None
    return pandas.DataFrame(list(rows_of(initial, rounds, names)))
