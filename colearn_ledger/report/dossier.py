"""An audit as one HTML file to print: no script, nothing from elsewhere, and all that members wrote is text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ..audit.facts import Facts
from ..audit.findings import TOPICS, Examination
from ..core.agreements import NONE
from ..core.merge.rules import rule_text
from ..core.protocol import MotionRecord, RoundRecord, seats
from ..founding.names import NO_NAMES, Names
from ..history.export import utc
from .agreements import agreement_in_words
from .audit import Scored, verdict
from .audited_plans import AuditedPlan
from .plan import plan_rows
from .terminal import one_line

__all__ = ["dossier"]

_STYLE = """
body { font: 10pt/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; color: #111; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: .5em 0 1.5em; }
th, td { border: 1px solid #bbb; padding: .2em .5em; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; } thead { display: table-header-group; } tr { break-inside: avoid; }
code { font: 9pt ui-monospace, monospace; } .bad { color: #a00; font-weight: bold; } .good { color: #060; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
"""
_PROVES = (
    "It holds of what the endpoint showed at this block. An endpoint that lies consistently about everything can invent"
    " a history: compare several, or ask a node of the chain that you run yourself.",
    "It does not say who stands behind an address, whether a member that was absent stayed away or was kept out, what"
    " data was used, or that weights are good.",
)


def dossier(
    facts: Facts,
    exam: Examination,
    scored: Sequence[Scored] = (),
    *,
    names: Names = NO_NAMES,
    plans: Sequence[AuditedPlan] = (),
    version: str = "",
) -> Iterator[str]:
    """The lines of the file. ``names``: of members; ``version``: of the program that made it."""
    title = f"Audit of {facts.address} on chain {facts.chain_id}"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    mark = "bad" if exam.findings else "good"
    yield f'<p class="{mark}">{escape(verdict(exam))}</p>'
    yield from _table("What was audited", ("", ""), _about(facts, version))
    yield from _table("What was checked", ("topic", "what holds", "checks", "do not hold"), _topics(exam))
    yield from _table(
        "What does not hold",
        ("round", "field", "what", "expected", "found"),
        ((_number(one.round), one.field, one.what, one.expected, one.found) for one in exam.findings),
    )
    yield from _table(
        "What could not be had, and so was not checked",
        ("round", "what", "why", "has to be had"),
        ((_number(one.round), one.what, one.why, "no" if one.allowed else "yes") for one in exam.missing),
    )
    if scored:
        yield from _table(
            "Accepted weights on the auditor's own data",
            ("round", "trained from round", "vote score", "test score"),
            (
                (str(one.round), str(one.parent_round), f"{one.vote_score:.4f}", f"{one.test_score:.4f}")
                for one in scored
            ),
        )
    yield from _plans(plans)
    yield from _table("Members, by seat", ("from round", "members"), _members(facts, names))
    yield from _table(
        "Motions",
        ("", "kind", "about", "moved by", "approved by seats", "rejected by seats", "needed", "state"),
        (_motion(index, motion, names) for index, motion in enumerate(facts.motions)),
    )
    yield from _table(
        "Rounds",
        ("", "state", "proposed by", "weights: sha256, bytes", "from", "approved by", "rejected by", "hidden", "need"),
        (_round(record, names) for record in facts.records),
    )
    yield "<h2>What this proves, and what not</h2>"
    for paragraph in _PROVES:
        yield f"<p>{escape(paragraph)}</p>"
    yield "</body></html>"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2>"
    yield "<table>"
    if any(head):
        yield "<thead><tr>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in head) + "</tr></thead>"
    yield "<tbody>"
    empty = True
    for row in rows:
        empty = False
        yield "<tr>" + "".join(f"<td>{escape(one_line(cell))}</td>" for cell in row) + "</tr>"
    if empty:
        yield f'<tr><td colspan="{len(head)}">none</td></tr>'
    yield "</tbody></table>"


def _about(facts: Facts, version: str) -> Iterator[tuple[str, str]]:
    rules = facts.view.rules
    yield "contract", facts.address
    yield "chain", str(facts.chain_id)
    yield "block", f"{facts.head.number}, 0x{facts.head.hash.hex()}"
    yield "block time", utc(facts.clock)
    yield "rounds", f"0 to {facts.view.round}"
    yield "rules now", f"threshold {rules.threshold}, windows of {rules.propose_window} and {rules.vote_window} s"
    yield "votes", "secret" if facts.view.secret_votes else "open"
    yield "turns", "shuffled" if facts.shuffled else "seat by seat"
    if facts.view.merge_order:
        yield "merges", ", ".join(rule_text(rule) for rule in facts.view.merge_order)
    yield "events", "none were read" if facts.events is None else str(len(facts.events))
    if version:
        yield "made by", f"colearn-ledger {version}"


def _topics(exam: Examination) -> Iterator[tuple[str, ...]]:
    for topic, about in TOPICS.items():
        if topic in exam.checked:
            wrong = sum(one.topic == topic for one in exam.findings)
            yield topic, about, f"{exam.checked[topic]:,}", str(wrong)


def _plans(plans: Sequence[AuditedPlan]) -> Iterator[str]:
    """Which there were, and what each says."""
    yield from _table(
        "Plans that the members agreed on",
        ("from round", "by", "sha256", "in force", "what it says"),
        (
            (
                _number(one.first_round),
                one.by,
                "none" if one.sha256 == NONE else one.sha256.hex(),
                "yes" if one.in_force else "no",
                "below" if one.plan is not None else "" if one.sha256 == NONE else "could not be had",
            )
            for one in plans
        ),
    )
    for sha256, plan in {one.sha256: one.plan for one in plans if one.plan is not None}.items():
        yield from _table(f"What the plan {sha256.hex()[:8]} says", ("field", "text"), plan_rows(plan))


def _members(facts: Facts, names: Names) -> Iterator[tuple[str, str]]:
    for span in facts.spans:
        yield str(span.first_round), ", ".join(f"{seat}: {names.full(who)}" for seat, who in enumerate(span.members))


def _motion(index: int, motion: MotionRecord, names: Names) -> tuple[str, ...]:
    about = (
        names.full(motion.subject)
        if motion.subject
        else ("" if motion.to_round is None else f"round {motion.to_round}")
    )
    if motion.rules is not None:
        about = ", ".join(f"{name} {getattr(motion.rules, name)}" for name in motion.rules.__slots__)
    if motion.word is not None:
        about = agreement_in_words(motion.kind, motion.word)
    kind, state = (value.name.lower().replace("_", " ") for value in (motion.kind, motion.state))
    votes = _seats(motion.approvals), _seats(motion.rejections)
    return str(index), kind, about, names.full(motion.mover), *votes, str(motion.need), state


def _round(record: RoundRecord, names: Names) -> tuple[str, ...]:
    weights = "" if record.weights is None else f"{record.weights.sha256.hex()}, {record.weights.size:,}"
    who = f"seat {record.proposer_seat}, {names.full(record.proposer)}" if record.round else "genesis"
    parent = "" if record.weights is None or record.round == 0 else str(record.parent_round)
    votes = (_seats(bitmap) for bitmap in (record.approvals, record.rejections, record.hidden))
    return str(record.round), record.state.name.lower(), who, weights, parent, *votes, str(record.need)


def _seats(bitmap: int) -> str:
    return ", ".join(map(str, seats(bitmap)))


def _number(round_: int | None) -> str:
    return "" if round_ is None else str(round_)
