"""What an audit found, as lines for people and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..audit.facts import Facts
from ..audit.findings import TOPICS, Examination
from ..founding.names import NO_NAMES, Names
from ..history.export import utc
from .audited_plans import AuditedPlan, plans_page, plans_to_list
from .terminal import one_line

__all__ = ["AUDIT_FORMAT", "Scored", "audit_page", "audit_to_dict", "verdict"]

AUDIT_FORMAT = "colearn-audit-1"
_SHOWN = 50  # findings of a topic; JSON has all


@dataclass(frozen=True, slots=True)
class Scored:
    """What the accepted weights of a round reach on the auditor's own vote and test sets; higher is better."""

    round: int
    parent_round: int
    vote_score: float
    test_score: float


def verdict(exam: Examination) -> str:
    """One line: what came of it."""
    if exam.findings:
        count = len(exam.findings)
        return f"{count:,} things do not hold" if count > 1 else "1 thing does not hold"
    if not exam.complete:
        return "all that could be checked holds; not all could be had"
    return "all holds"


def audit_page(
    facts: Facts,
    exam: Examination,
    scored: Sequence[Scored] = (),
    names: Names = NO_NAMES,
    plans: Sequence[AuditedPlan] = (),
) -> Iterator[str]:
    """The lines of the report. ``names``: of members, which are other people's text; so is what ``plans`` say."""
    yield f"collective {facts.address} on chain {facts.chain_id}"
    yield f"as of block {facts.head.number} (0x{facts.head.hash.hex()}), {utc(facts.clock)}"
    yield f"rounds 0 to {facts.view.round}, {len(facts.motions):,} motions, {len(facts.events or ()):,} events"
    yield from _named_members(facts, names)
    yield from plans_page(plans)
    yield ""
    for topic, about in TOPICS.items():
        found = [one for one in exam.findings if one.topic == topic]
        if topic not in exam.checked and not any(one.topic == topic for one in exam.missing):
            continue
        count = exam.checked[topic]
        sign = "WRONG" if found else "ok" if count else "-"
        yield f"{topic:<11} {sign:<5} {count:>9,}  {about}"
        for one in found[:_SHOWN]:
            where = "" if one.round is None else f"round {one.round}: "
            yield f"    {where}{one.field}: {one_line(one.what)}"
            yield f"        expected {one_line(one.expected)}"
            yield f"        found    {one_line(one.found)}"
        if len(found) > _SHOWN:
            yield f"    and {len(found) - _SHOWN:,} more (--json lists all)"
    yield from _scores(scored)
    if exam.missing:
        yield ""
        yield "not had, and so not checked:"
    for missing in exam.missing[:_SHOWN]:
        where = "" if missing.round is None else f"round {missing.round}: "
        counts = " (need not be)" if missing.allowed else ""
        yield f"    {where}{one_line(missing.what)}: {one_line(missing.why)}{counts}"
    if len(exam.missing) > _SHOWN:
        yield f"    and {len(exam.missing) - _SHOWN:,} more (--json lists all)"
    yield ""
    yield f"outcome     {verdict(exam)}"


def _named_members(facts: Facts, names: Names) -> Iterator[str]:
    """Who has a name, of all that ever were members."""
    ever = dict.fromkeys(who for span in facts.spans for who in span.members)
    yield from (f"member {one_line(names.full(who))}" for who in ever if names.of(who))


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _scores(scored: Sequence[Scored]) -> Iterator[str]:
    if scored:
        yield ""
        yield "accepted weights on the auditor's own data (change: of the vote score, from their parent's)"
        yield "round   vote score  change      test score"
    by_round = {one.round: one for one in scored}
    for one in scored:
        parent = by_round.get(one.parent_round) if one.round > 0 else None
        change = "" if parent is None else f"{one.vote_score - parent.vote_score:+.4f}"
        yield f"{one.round:>5}   {one.vote_score:<10.4f}  {change:<10}  {one.test_score:.4f}"


def audit_to_dict(
    facts: Facts,
    exam: Examination,
    scored: Sequence[Scored] = (),
    names: Names = NO_NAMES,
    plans: Sequence[AuditedPlan] = (),
) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": AUDIT_FORMAT,
        "chain_id": facts.chain_id,
        "address": facts.address,
        "block": facts.head.number,
        "block_hash": "0x" + facts.head.hash.hex(),
        "time": utc(facts.clock),
        "current_round": facts.view.round,
        "names": dict(names.by_address),
        "plans": plans_to_list(plans),
        "holds": exam.holds,
        "complete": exam.complete,
        "checked": {topic: exam.checked[topic] for topic in TOPICS if topic in exam.checked},
        "scores": [_finite(asdict(one)) for one in scored],
        "findings": [
            {
                "topic": one.topic,
                "round": one.round,
                "field": one.field,
                "what": one.what,
                "expected": one.expected,
                "found": one.found,
            }
            for one in exam.findings
        ],
        "missing": [
            {"topic": one.topic, "round": one.round, "what": one.what, "why": one.why, "allowed": one.allowed}
            for one in exam.missing
        ],
    }
