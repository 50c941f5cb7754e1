"""What one endpoint shows, compared with what another one shows of the same block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ..core.protocol import AGREEMENTS, MotionRecord, RoundRecord
from .facts import Facts
from .findings import Examination

__all__ = ["compare_facts"]


def compare_facts(facts: Facts, other: Facts, name: str, exam: Examination) -> None:
    """Everything of two endpoints. ``name``: what the other one is called; the first finding of each field is kept."""
    what = f"{name} shows something else"

    def same(round_: int | None, field: str, one: Any, two: Any) -> bool:
        return exam.same("endpoints", round_, field, what, one, two, subject=name)

    if not same(None, "block_hash", facts.head.hash, other.head.hash):
        return  # another chain, or another branch of it
    same(None, "code", facts.code, other.code)
    same(None, "clock", facts.clock, other.clock)
    if same(None, "current_round", len(facts.records), len(other.records)):
        for one, two in zip(facts.records, other.records, strict=True):
            for field in fields(RoundRecord):
                same(one.round, field.name, getattr(one, field.name), getattr(two, field.name))
    if same(None, "motions", len(facts.motions), len(other.motions)):
        for index, (mine, theirs) in enumerate(zip(facts.motions, other.motions, strict=True)):
            for field in fields(MotionRecord):
                same(None, f"motion {index}.{field.name}", getattr(mine, field.name), getattr(theirs, field.name))
    for span in (*facts.spans, *other.spans):
        first = span.first_round
        same(first, "members", facts.members_in(first), other.members_in(first))
    for kind in AGREEMENTS:
        same(None, kind.name.lower(), facts.agreements.get(kind), other.agreements.get(kind))
    same(facts.view.round, "rules", facts.view.rules, other.view.rules)
    same(facts.view.round, "accepted_round", facts.view.accepted_round, other.view.accepted_round)
    if facts.complete_events is not None and other.complete_events is not None:
        _compare_events(facts.complete_events, other.complete_events, same)


def _compare_events(mine: Sequence[Any], theirs: Sequence[Any], same: Any) -> None:
    there = {(event.block, event.index): event for event in theirs}
    for event in mine:
        number = event.arguments.get("round", event.arguments.get("training"))
        two = there.pop((event.block, event.index), None)
        same(number, event.name, _said(event), None if two is None else _said(two))
    for event in there.values():
        same(event.arguments.get("round", event.arguments.get("training")), event.name, None, _said(event))


def _said(event: Any) -> tuple[Any, ...]:
    return event.name, tuple(sorted(event.arguments.items())), event.transaction, event.time
