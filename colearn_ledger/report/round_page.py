"""Everything about one round, as lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..chain.fees import in_ether
from ..core.cid import cid_text
from ..core.limits import MOST_MEMBERS
from ..core.merge.claim import digest_text
from ..core.merge.rules import rule_text
from ..core.protocol import RoundState
from ..founding.names import NO_NAMES, Names
from ..history.export import parse_note
from ..history.types import Choice, Contributed, History, Round, Transaction, Use
from .columns import Column, columns
from .rounds import human_time, state_text
from .terminal import one_line

__all__ = ["outcome", "round_page"]

_USES = {
    Use.UNAVAILABLE: "left out: the proposer could not get it",
    Use.INVALID: "left out: invalid",
    Use.EQUAL: "left out: the same as one of a lower seat",
    Use.CANCELS: "left out: with it the merge would change nothing",
    Use.LEFT_OUT: "left out, for no reason given",
    Use.LATE: "late",
    Use.VOID: "void: its member has left",
    Use.WAITING: "there to be merged",
}


def round_page(history: History, names: Names = NO_NAMES) -> Iterator[str]:
    """The lines for the one round that ``history`` has; ``names``: of members."""
    [round_] = history.rounds
    yield f"round {round_.record.round}: {outcome(round_, names)}"
    yield f"collective {history.address} on chain {history.chain_id}, as of block {history.head.number}"
    yield ""
    yield from _content(round_, names)
    yield from _phases(round_)
    yield from _merge(round_)
    yield from _note(round_)
    yield from _contributions(round_, names)
    yield from _votes(round_, names)
    yield from _transactions(round_, names)


def outcome(round_: Round, names: Names = NO_NAMES) -> str:
    """How the round ended and why, or how far it is."""
    record, state = round_.record, round_.record.state
    if record.round == 0:
        return "genesis, the weights that the collective was deployed with"
    if state is RoundState.MISSED:
        return f"missed: {names.full(record.proposer)} proposed nothing in its turn"
    if state is RoundState.PROPOSING:
        return f"open: {names.full(record.proposer)} may propose until {human_time(record.deadline)} UTC"
    voters, yes = record.member_count - 1, record.approvals.bit_count()
    count = f"{yes} of {voters} voters approved, {record.need} needed"
    if not state.decided:
        return f"{state_text(round_)}: {count}; until {human_time(record.deadline)} UTC"
    if round_.by_clock:
        return f"{state_text(round_)} by the clock, when the deadline had passed: {count}"
    return f"{state_text(round_)}{'' if round_.by_clock is None else ' by the votes'}: {count}"


def _line(name: str, text: str) -> str:
    return f"{name:<10}  {text}"


def _content(round_: Round, names: Names) -> Iterator[str]:
    record = round_.record
    if round_.reverted_to is not None:
        yield _line("before it", f"members went back to the weights of round {round_.reverted_to}, by a motion")
    if record.round > 0:
        yield _line("proposer", f"{names.full(record.proposer)}, seat {record.proposer_seat}")
    if record.weights is None:
        return
    if record.round > 0:
        yield _line("built on", f"round {record.parent_round}")
        yield _line("", f"sha256 {record.parent.hex()}")
    yield _line("weights", f"{record.weights.size:,} bytes")
    yield _line("", f"sha256 {record.weights.sha256.hex()}")
    yield _line("", f"CID    {cid_text(record.weights.cid_digest, record.weights.size)}")


def _phases(round_: Round) -> Iterator[str]:
    record = round_.record
    for name, transaction in (("opened", round_.opened), ("proposed", round_.proposed), ("decided", round_.decided)):
        if transaction is not None and record.round > 0:
            yield _line(name, _where(transaction))
    if record.deadline and record.round > 0:
        yield _line("deadline", f"{human_time(record.deadline)} UTC")


def _merge(round_: Round) -> Iterator[str]:
    claim = round_.record.claim
    if claim is not None:
        contributed = "" if round_.contributed is None else f" of {round_.contributed} contributions"
        yield _line("merged", f"{claim.seats.bit_count()}{contributed}, by {rule_text(claim.rule)}")
        yield _line("", f"digest {digest_text(claim.digest)}")
    if round_.training is not None:
        yield _line("training", f"that began with round {round_.training}")


def _contributions(round_: Round, names: Names) -> Iterator[str]:
    """Who contributed, in time or late, who didn't, and what the proposal made of it."""
    if not round_.contributions:
        return
    yield ""
    known = [Column("seat", right=True), Column("contributed by"), Column("size", right=True), Column("contribution")]
    rows = [
        [str(seat), names.full(member), "", "none"]
        for seat, member in enumerate(round_.members)
        if all(one.seat != seat for one in round_.contributions)
    ]
    for one in round_.contributions:
        seat = "" if one.seat is None else str(one.seat)
        rows.append([seat, names.full(one.member), f"{one.weights.size:,}", _use(one)])
        if one.note:
            rows[-1][3] += f"; {_value(parse_note(one.note))}"
    yield from columns(known, sorted(rows, key=lambda cells: int(cells[0] or MOST_MEMBERS)))


def _use(one: Contributed) -> str:
    """What became of a contribution."""
    if one.use is Use.MERGED:
        return "merged, though late" if one.late else "merged"
    return _USES[one.use]


def _note(round_: Round) -> Iterator[str]:
    if not round_.note:
        return
    note = parse_note(round_.note)
    name = "note"
    for key, value in note.items() if isinstance(note, dict) else [("", note)]:
        yield _line(name, f"{one_line(key)}: {_value(value)}" if key else _value(value))
        name = ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{one_line(key)} {_value(inner)}" for key, inner in value.items())
    return one_line(value if isinstance(value, str) else json.dumps(value))


def _votes(round_: Round, names: Names) -> Iterator[str]:
    if not round_.members:
        return
    scored = any(vote.scores is not None for vote in round_.votes)
    yield ""
    known = [Column("seat", right=True), Column("member"), Column("vote", 8)]
    known += [Column("now", 9, right=True), Column("proposed", 9, right=True)] if scored else []
    votes = {vote.seat: vote for vote in round_.votes}
    rows = []
    for seat, member in enumerate(round_.members):
        vote = votes.get(seat)
        cells = [str(seat), names.full(member), "proposer" if vote is None else _choice(vote.choice, round_)]
        if scored:
            scores = None if vote is None else vote.scores
            cells += ["", ""] if scores is None else [f"{score:.4f}" for score in scores]
        rows.append(cells)
    yield from columns(known, rows)


def _choice(choice: Choice, round_: Round) -> str:
    """An absent voter of an open round may still come; where the votes decided, nobody waited for it."""
    if choice is not Choice.ABSENT:
        return str(choice.value)
    if not round_.record.state.decided:
        return "none yet"
    return "did not vote" if round_.missed_votes else "not needed"


def _transactions(round_: Round, names: Names) -> Iterator[str]:
    if not round_.transactions:
        return
    yield ""
    yield "transactions"
    for transaction in round_.transactions:
        yield f"  0x{transaction.hash.hex()}"
        did = ", ".join(transaction.did)
        if transaction.round != round_.record.round:
            did += f" (for round {transaction.round})"
        yield f"    {did}: {_where(transaction)}"
        if transaction.sender is not None:
            cost = f"{transaction.gas or 0:,} gas, {in_ether(transaction.fee or 0)} ether"
            yield f"    by {names.full(transaction.sender)}: {cost}"
    if round_.gas is not None and round_.fee is not None:
        yield f"gas of this round: {round_.gas:,}, {in_ether(round_.fee)} ether"


def _where(transaction: Transaction) -> str:
    when = "" if transaction.time is None else f", {human_time(transaction.time)} UTC"
    return f"block {transaction.block}{when}"
