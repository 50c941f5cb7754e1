"""The history as plain values: dictionaries for JSON, and one row a round for CSV.

Field names are kept from version to version; ``docs/history.md`` says what each means. Weights' hashes are hex as
``sha256sum`` prints it; ids, transactions and addresses begin with 0x. Times are ISO 8601 in UTC. What isn't known is
null, or an empty cell.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TextIO

from ..core.cid import cid_text
from ..core.merge.claim import digest_text
from ..core.merge.rules import rule_text
from ..formats.json import parse_shallow_json
from .omissions import Omissions, omissions_of
from .types import Choice, Contributed, History, Round, Transaction, Use, Vote

__all__ = ["CSV_COLUMNS", "FORMAT", "history_to_dict", "parse_note", "round_to_dict", "utc", "write_csv"]

FORMAT = "colearn-history-1"
CSV_COLUMNS = (
    "round",
    "state",
    "by_clock",
    "proposer",
    "proposer_seat",
    "proposer_name",
    "parent_round",
    "parent_sha256",
    "proposal_id",
    "weights_sha256",
    "cid",
    "size",
    "members",
    "need",
    "approvals",
    "rejections",
    "hidden",
    "absent",
    "votes",
    "deadline",
    "opened_block",
    "opened_time",
    "proposed_block",
    "proposed_time",
    "decided_block",
    "decided_time",
    "transactions",
    "gas",
    "fee_wei",
    "current_score",
    "proposed_score",
    "note",
    "reverted_to",
    "training",
    "rule",
    "merged",
    "contributed",
    "contributions",
    "merge_digest",
    "left_out",
)
# Letters, since spreadsheets take a cell that begins with + or - for a formula.
_LETTERS = {Choice.APPROVED: "a", Choice.REJECTED: "r", Choice.HIDDEN: "h", Choice.ABSENT: "."}
_USE_LETTERS = {
    Use.MERGED: "m",
    Use.UNAVAILABLE: "u",
    Use.INVALID: "i",
    Use.EQUAL: "e",
    Use.CANCELS: "c",
    Use.LEFT_OUT: "o",
    Use.LATE: "l",
}


def history_to_dict(history: History, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole history, for JSON; ``names``: of members, by address, other people's text."""
    return {
        "format": FORMAT,
        "chain_id": history.chain_id,
        "address": history.address,
        "block": history.head.number,
        "block_hash": _0x(history.head.hash),
        "time": utc(history.clock),
        "current_round": history.current,
        "merge_order": [rule_text(number) for number in history.merge_order],
        "names": dict(names or {}),
        "logs_from": history.logs_from,
        "logs_problem": history.logs_problem,
        "omissions": [_omissions(one) for one in omissions_of(history.rounds)],
        "rounds": [round_to_dict(round_) for round_ in history.rounds],
    }


def round_to_dict(round_: Round) -> dict[str, Any]:
    """One round, for JSON."""
    record, weights = round_.record, round_.record.weights
    counts = {choice: sum(vote.choice is choice for vote in round_.votes) for choice in Choice}
    claim = record.claim
    built = weights is not None and record.round > 0  # round 0 is built on nothing
    return {
        "round": record.round,
        "state": record.state.name.lower(),
        "by_clock": round_.by_clock,
        "proposer": None if record.round == 0 else record.proposer,
        "proposer_seat": None if record.round == 0 else record.proposer_seat,
        "parent_round": record.parent_round if built else None,
        "parent_sha256": record.parent.hex() if built else None,
        "proposal_id": None if record.id is None or not built else _0x(record.id),
        "weights_sha256": None if weights is None else weights.sha256.hex(),
        "cid": None if weights is None else cid_text(weights.cid_digest, weights.size),
        "size": None if weights is None else weights.size,
        "members": record.member_count,
        "need": record.need if built else None,
        "approvals": counts[Choice.APPROVED],
        "rejections": counts[Choice.REJECTED],
        "hidden": counts[Choice.HIDDEN],
        "absent": counts[Choice.ABSENT],
        "votes": [_vote(vote) for vote in round_.votes],
        "deadline": utc(record.deadline) if record.deadline and record.round > 0 else None,
        **_when("opened", round_.opened),
        **_when("proposed", round_.proposed),
        **_when("decided", round_.decided),
        "transactions": [_transaction(transaction) for transaction in round_.transactions],
        "gas": round_.gas,
        "fee_wei": round_.fee,
        "note": parse_note(round_.note),
        "reverted_to": round_.reverted_to,
        "training": round_.training,
        "rule": None if claim is None else rule_text(claim.rule),
        "merged": None if claim is None else claim.seats.bit_count(),
        "contributed": round_.contributed,
        "contributions": [_contribution(one) for one in round_.contributions],
        "merge_digest": None if claim is None else digest_text(claim.digest),
        "left_out": None
        if claim is None or round_.contributed is None
        else [{"seat": one.seat, "member": one.member, "reason": one.use.value} for one in round_.omissions],
    }


def write_csv(
    rounds: Iterable[Round], file: TextIO, *, names: Mapping[str, str] | None = None, header: bool = True
) -> None:
    """One row a round, in the order of ``CSV_COLUMNS``; ``names``: of members, by address."""
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(CSV_COLUMNS)
    for round_ in rounds:
        values = round_to_dict(round_)
        values["proposer_name"] = _cell((names or {}).get(values["proposer"], ""))
        values["votes"] = "".join(_letter(round_, seat) for seat in range(len(round_.members)))
        values["transactions"] = len(round_.transactions) if round_.transactions else None
        values["contributions"] = _use_letters(round_)
        values["left_out"] = "; ".join(f"seat {one.seat}: {one.use.value}" for one in round_.omissions)
        published = [vote.scores for vote in round_.votes if vote.scores is not None]
        for i, name in enumerate(("current_score", "proposed_score")):
            values[name] = round(sum(s[i] for s in published) / len(published), 6) if published else None
        # As JSON even where it is plain text: the quotation mark in front keeps spreadsheets from running it.
        values["note"] = None if round_.note is None or round_.note == b"" else json.dumps(values["note"])
        if values["by_clock"] is not None:
            values["by_clock"] = "true" if values["by_clock"] else "false"
        writer.writerow(["" if values[name] is None else values[name] for name in CSV_COLUMNS])


def _cell(text: str) -> str:
    """A member's own text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def parse_note(note: bytes | None) -> Any:
    """A proposer's note: what it says if it is a JSON object, else its text. A stranger wrote it: it may be anything.

    Bytes that aren't UTF-8 become ``\\xff`` and so on.
    """
    if note is None:
        return None
    try:
        value = parse_shallow_json(note, max_depth=10)
        if isinstance(value, dict) and _is_finite(value):
            return value
    except ValueError:
        pass
    return note.decode("utf-8", "backslashreplace")


def utc(seconds: int) -> str:
    """Block time in ISO 8601, UTC. A time past the year 9999, which test chains can have, stays a number."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _is_finite(value: Any) -> bool:
    """JSON has no infinity, but Python reads one out of 1e999."""
    if isinstance(value, dict):
        return all(_is_finite(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_finite(inner) for inner in value)
    return not isinstance(value, float) or math.isfinite(value)


def _letter(round_: Round, seat: int) -> str:
    if seat == round_.record.proposer_seat:
        return "P"
    return next(_LETTERS[vote.choice] for vote in round_.votes if vote.seat == seat)


def _use_letters(round_: Round) -> str | None:
    """By seat, what the proposal made of the contributions; None where there is no proposal, or nothing is known."""
    if round_.record.claim is None or not round_.contributions:
        return None
    letters = {one.seat: _USE_LETTERS[one.use] for one in round_.contributions if one.seat is not None}
    return "".join(letters.get(seat, ".") for seat in range(len(round_.members)))


def _contribution(one: Contributed) -> dict[str, Any]:
    return {
        "seat": one.seat,
        "member": one.member,
        "use": one.use.value,
        "late": one.late,
        "weights_sha256": one.weights.sha256.hex(),
        "cid": one.weights.cid,
        "size": one.weights.size,
        "note": parse_note(one.note),
        "time": None if one.transaction.time is None else utc(one.transaction.time),
        "transaction": _0x(one.transaction.hash),
        "gas": one.transaction.gas,
    }


def _omissions(one: Omissions) -> dict[str, Any]:
    return {
        "proposer": one.proposer,
        "proposals": one.proposals,
        "rounds": one.rounds,
        "left_out": one.total,
        "reasons": {use.value: count for use, count in one.left_out.items()},
        "members": dict(one.members),
    }


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "seat": vote.seat,
        "member": vote.member,
        "vote": vote.choice.value,
        "current_score": None if vote.scores is None else vote.scores[0],
        "proposed_score": None if vote.scores is None else vote.scores[1],
        "transaction": None if vote.transaction is None else _0x(vote.transaction),
    }


def _when(name: str, transaction: Transaction | None) -> dict[str, Any]:
    return {
        f"{name}_block": None if transaction is None else transaction.block,
        f"{name}_time": None if transaction is None or transaction.time is None else utc(transaction.time),
    }


def _transaction(transaction: Transaction) -> dict[str, Any]:
    return {
        "hash": _0x(transaction.hash),
        "block": transaction.block,
        "time": None if transaction.time is None else utc(transaction.time),
        "round": transaction.round,
        "did": list(transaction.did),
        "sender": transaction.sender,
        "gas": transaction.gas,
        "fee_wei": transaction.fee,
    }


def _0x(data: bytes) -> str:
    return "0x" + data.hex()
