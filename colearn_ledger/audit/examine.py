"""All checks of what was read, in one go; weights are another matter (:mod:`.weights`)."""

from __future__ import annotations

from collections.abc import Callable

from ..chain.artifact import load_artifact
from ..core.protocol import seats
from .facts import Facts
from .findings import Examination
from .governance import check_motions
from .model import Model
from .records import check_code, check_deployment, check_records, check_shape
from .replay import compare_storage, replay

__all__ = ["check_senders", "examine"]

_ACTS = {
    "WeightsProposed": "proposer",
    "WeightsContributed": "member",
    "VoteCast": "voter",
    "VoteCommitted": "voter",
    "MotionMoved": "mover",
    "MotionVoteCast": "voter",
    "NameSet": "member",
}


def examine(facts: Facts, exam: Examination, progress: Callable[[str], None] = lambda text: None) -> Model | None:
    """Check all that was read; what the events make of the contract, where they are complete and can be followed."""
    progress("storage")
    if not check_shape(facts, exam):
        return None
    check_code(facts, load_artifact().deployed_bytecode, exam)
    check_deployment(facts, exam)
    check_records(facts, exam)
    check_motions(facts, exam)
    progress("events")
    model = replay(facts, exam)
    if model is not None:
        compare_storage(model, facts, exam)
    check_senders(facts, exam)
    _check_votes_told(facts, exam)
    return model


def check_senders(facts: Facts, exam: Examination) -> None:
    """Each member's transactions were sent by its own account. One that is a program has others send for it."""
    unknown = set[bytes]()
    for event in facts.events or ():
        name = _ACTS.get(event.name)
        if name is None:
            continue
        who, sender = str(event.arguments[name]), facts.senders.get(event.transaction)
        number = event.arguments.get("round", event.arguments.get("training"))
        if sender is None:
            unknown.add(event.transaction)
        elif who not in facts.programs:
            what = f"a transaction for {who} was sent by another account"
            field = f"{event.name}.sender"
            exam.same("senders", number, field, what, who, sender, subject=event.transaction.hex())
    if unknown:
        exam.lacks("senders", None, f"the senders of {len(unknown):,} transactions", "no receipt could be had")


def _check_votes_told(facts: Facts, exam: Examination) -> None:
    """Every vote of storage has its event, and every event its vote, whatever else may be missing."""
    if facts.complete_events is None:
        return
    told: dict[bytes, dict[str, bool]] = {}
    for event in facts.events or ():
        if event.name == "VoteCast":
            told.setdefault(event.arguments["id"], {})[event.arguments["voter"]] = event.arguments["approve"]
    proposed = {e.arguments["id"]: e for e in facts.events or () if e.name == "WeightsProposed"}
    for record in facts.records[1:]:
        if record.id is None:
            continue
        members = facts.members_in(record.round)
        for name, bitmap, approve in (("approvals", record.approvals, True), ("rejections", record.rejections, False)):
            by = {members[seat] for seat in seats(bitmap) if seat < len(members)}
            events = {who for who, yes in told.get(record.id, {}).items() if yes is approve}
            exam.same("events", record.round, name, "votes and their events differ", sorted(events), sorted(by))
        there = record.id in proposed
        exam.true("events", there, record.round, "WeightsProposed", "the proposal has no event", "an event", "none")
