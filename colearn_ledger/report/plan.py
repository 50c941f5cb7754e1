"""A plan in words. Whoever wrote it may have written anything: it is shown as text, one line for each field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.cid import cid_text
from ..formats.toml import toml_value
from ..plan.document import Plan, Predecessor
from .terminal import one_line

__all__ = ["plan_page", "plan_rows", "predecessor_in_words"]


def plan_page(plan: Plan) -> Iterator[str]:
    """Lines, each with its subject first; what it is called at the end."""
    yield from (f"{name:<10}  {text}" for name, text in plan_rows(plan))
    yield f"{'sha256':<10}  {plan.sha256.hex()}"
    yield f"{'CID':<10}  {cid_text(plan.sha256, 1)}"


def plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """What it says, by the names of its fields; nothing of what it leaves open."""
    target, data = plan.target, plan.data
    rows: list[tuple[str, Any]] = [
        ("learner", plan.learner),
        ("version", plan.version),
        (
            "code",
            plan.code and f"sha256 {plan.code.hex()}" + (f" of {', '.join(plan.modules)}" if plan.modules else ""),
        ),
        *(("option", f"{name} = {toml_value(value)}") for name, value in sorted(plan.options.items())),
        ("own", ", ".join(plan.own)),
        ("base", plan.base and f"sha256 {plan.base}"),
        ("vote", plan.vote),
        ("target", "" if target is None else f"{target.metric or 'score'} {target.value:g}"),
        *([("data", data)] if isinstance(data, str) else [("data", f"{k} = {toml_value(v)}") for k, v in data.items()]),
        ("succeeds", "" if plan.succeeds is None else predecessor_in_words(plan.succeeds)),
        ("text", plan.text),
    ]
    return [(name, one_line(text)) for name, text in rows if text]


def predecessor_in_words(old: Predecessor) -> str:
    """Whose accepted weights a successor began with."""
    return f"{old.address} on chain {old.chain_id}, by the weights of its round {old.round}, sha256 {old.sha256.hex()}"
