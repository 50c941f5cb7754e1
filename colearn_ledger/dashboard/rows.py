"""Rounds as a table and curves show them: rows, filters, pages, columns of numbers. Nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.merge.rules import rule_text
from ..core.protocol import RoundRecord, RoundState
from ..errors import UsageError
from ..history.export import utc
from ..history.types import Round, Transaction, choice_of
from ..report import signs
from ..report.rounds import sign, state_text

__all__ = ["STATES", "Told", "curves", "lineage", "page_of", "row", "told_of"]

STATES = ("accepted", "rejected", "missed", "open")  # by which rounds can be filtered
MOST_ROWS = 200
_PROPOSED = (RoundState.ACCEPTED, RoundState.REJECTED)


@dataclass(frozen=True, slots=True)
class Told:
    """What only events have of a round, as far as a table and curves need it. None: it isn't known.

    Attributes
    ----------
    decided: block time of the transaction that decided it.
    to_propose, to_decide: seconds from the opening to the proposal, and from there to the decision.
    scores: that voters published: the member, of the current weights, of the proposed ones.
    contributed: contributions that there were to merge, in joint rounds.
    reverted_to: the round whose weights became the accepted ones again just before this one.
    """

    by_clock: bool | None = None
    gas: int | None = None
    decided: int | None = None
    to_propose: int | None = None
    to_decide: int | None = None
    scores: tuple[tuple[str, float, float], ...] = ()
    contributed: int | None = None
    reverted_to: int | None = None


NOTHING = Told()


def told_of(round_: Round) -> Told:
    """The part of a round of the history that is kept."""
    last = round_.decided if round_.record.round > 0 else next(iter(round_.transactions), None)
    return Told(
        by_clock=round_.by_clock,
        gas=round_.gas,
        decided=None if last is None else last.time,
        to_propose=_seconds(round_.opened, round_.proposed),
        to_decide=_seconds(round_.proposed, round_.decided),
        scores=tuple((vote.member, *vote.scores) for vote in round_.votes if vote.scores is not None),
        contributed=round_.contributed,
        reverted_to=round_.reverted_to,
    )


def _seconds(begin: Transaction | None, end: Transaction | None) -> int | None:
    if begin is None or end is None or begin.time is None or end.time is None:
        return None
    return end.time - begin.time


def row(record: RoundRecord, told: Told | None) -> dict[str, Any]:
    """A round as one row; ``told`` is None as long as its events weren't read."""
    known = told or NOTHING
    shown = Round(record=record, by_clock=known.by_clock)
    weights, claim, built = record.weights, record.claim, record.weights is not None and record.round > 0
    return {
        "round": record.round,
        "state": state_text(shown),
        "by_clock": known.by_clock,
        "proposer": None if record.round == 0 else record.proposer,
        "votes": _votes(shown) if built else "",
        "approvals": record.approvals.bit_count() if built else None,
        "need": record.need if built else None,
        "voters": record.member_count - 1 if built else None,
        "weights_sha256": None if weights is None else weights.sha256.hex(),
        "size": None if weights is None else weights.size,
        "current_score": _mean([before for _, before, _ in known.scores]),
        "proposed_score": _mean([after for _, _, after in known.scores]),
        "gas": known.gas,
        "decided": None if known.decided is None else utc(known.decided),
        "merged": None if claim is None else claim.seats.bit_count(),
        "contributed": known.contributed,
        "rule": None if claim is None else rule_text(claim.rule),
        "reverted_to": known.reverted_to,
        "told": told is not None,
    }


def _votes(round_: Round) -> str:
    """A sign for each seat, the same as in every table."""
    record = round_.record
    return "".join(
        signs.PROPOSED if seat == record.proposer_seat else sign(choice_of(record, seat), round_)
        for seat in range(record.member_count)
    )


def page_of(
    records: Sequence[RoundRecord],
    told: Mapping[int, Told],
    *,
    page: int = 0,
    size: int = 50,
    state: str = "",
    proposer: str = "",
) -> dict[str, Any]:
    """One page of the rounds, newest first. Raises UsageError for a state or a size that there isn't.

    Parameters
    ----------
    page: from 0; past the last one is the last one.
    state: one of :data:`STATES`, or empty for all.
    proposer: an address in any case, or empty for all.
    """
    if state and state not in STATES:
        raise UsageError(f"the state is {state[:40]!r}", expected=f"one of {', '.join(STATES)}")
    if not 1 <= size <= MOST_ROWS or page < 0:
        raise UsageError(f"page {page} of {size} rows", expected=f"pages from 0 on, of 1 to {MOST_ROWS} rows")
    asked = proposer.lower()
    found = [
        record
        for record in reversed(records)
        if (not state or _state(record) == state) and (not asked or _is_by(record, asked))
    ]
    pages = max(1, -(-len(found) // size))
    page = min(page, pages - 1)
    return {
        "total": len(found),
        "page": page,
        "pages": pages,
        "rows": [row(record, told.get(record.round)) for record in found[page * size : (page + 1) * size]],
    }


def _state(record: RoundRecord) -> str:
    return record.state.name.lower() if record.state.decided else "open"


def _is_by(record: RoundRecord, proposer: str) -> bool:
    return record.round > 0 and record.proposer.lower() == proposer


def lineage(records: Sequence[RoundRecord], number: int, most: int = 12) -> dict[str, Any]:
    """The accepted rounds that a round's weights were built on, the nearest first, and how many there are in all."""
    chain: list[int] = []
    record = records[number]
    while record.round > 0:
        if record.state is RoundState.MISSED:  # nothing was built
            break
        chain.append(record.parent_round)
        record = records[record.parent_round]
    return {"rounds": chain[:most], "length": len(chain)}


def curves(records: Sequence[RoundRecord], told: Mapping[int, Told], last: int) -> dict[str, Any]:
    """Columns of numbers over the ``last`` newest rounds that are over, genesis not among them; None is a gap."""
    over = [record for record in records if record.round > 0 and record.state.decided][-last:]
    known = [told.get(record.round, NOTHING) for record in over]
    members = sorted({member for one in known for member, _, _ in one.scores})
    scores = [{member: after for member, _, after in one.scores} for one in known]
    means = [_mean(list(of.values())) for of in scores]
    refused = [record.state is RoundState.REJECTED for record in over]
    accepted = [record.state is RoundState.ACCEPTED for record in over]
    approvals = [record.approvals.bit_count() if record.state in _PROPOSED else None for record in over]
    return {
        "rounds": [record.round for record in over],
        "members": [
            {
                "member": member,
                "scores": [None if no else of.get(member) for of, no in zip(scores, refused, strict=True)],
            }
            for member in members
        ],
        "mean_accepted": [mean if yes else None for mean, yes in zip(means, accepted, strict=True)],
        "mean_rejected": [mean if no else None for mean, no in zip(means, refused, strict=True)],
        "approvals_accepted": [count if yes else None for count, yes in zip(approvals, accepted, strict=True)],
        "approvals_rejected": [count if no else None for count, no in zip(approvals, refused, strict=True)],
        "need": [record.need if record.state in _PROPOSED else None for record in over],
        "to_propose": [one.to_propose for one in known],
        "to_decide": [one.to_decide for one in known],
        "gas": [one.gas for one in known],
    }


def _mean(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 6) if scores else None
