"""The plans that members agreed on one after the other, as an audit shows them: their words are other people's text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..audit.facts import Facts
from ..audit.findings import Examination
from ..core.agreements import NONE
from ..core.protocol import MotionKind, MotionState
from ..errors import ConfigError, StoreError
from ..plan.document import Plan
from .plan import plan_rows
from .terminal import one_line

__all__ = ["AuditedPlan", "plans_page", "plans_to_list", "read_plans"]


@dataclass(frozen=True, slots=True)
class AuditedPlan:
    """One of them.

    Attributes
    ----------
    sha256: of the plan; :data:`.NONE` where from then on there was none.
    first_round: from which it holds; 0 is the founding; None where only events would tell.
    motion: by which it was agreed on, from 0; None for the founding's.
    in_force: whether it holds now.
    plan: None where it could not be had, or there was none.
    """

    sha256: bytes
    first_round: int | None
    motion: int | None
    in_force: bool
    plan: Plan | None = None

    @property
    def since(self) -> str:
        """From when, and by whom, in words."""
        since = "from a round that events would tell" if self.first_round is None else f"from round {self.first_round}"
        return f"{since}, by {self.by}" if self.by else since

    @property
    def by(self) -> str:
        """By what it was agreed on; empty where nothing explains it."""
        if self.motion is not None:
            return f"motion {self.motion}"
        return "the founding" if self.first_round == 0 else ""


def read_plans(facts: Facts, find: Callable[[bytes], Plan], exam: Examination) -> tuple[AuditedPlan, ...]:
    """All of them, in their order, each with its words where they could be had; what couldn't is noted in ``exam``.

    ``find``: has a plan by its hash, or raises ConfigError or StoreError. No other check of an audit needs a plan, so
    that one which nobody has any more doesn't keep it from being complete.
    """
    agreed = _agreed(facts)
    found: dict[bytes, Plan | None] = {NONE: None}
    for sha256, _, _ in agreed:
        if sha256 in found:
            continue
        try:
            found[sha256] = find(sha256)
            exam.checked["plan"] += 1
        except (ConfigError, StoreError) as e:
            found[sha256] = None
            exam.lacks("plan", None, f"the plan with sha256 {sha256.hex()}", e.what, allowed=True)
    now = facts.agreements.get(MotionKind.SET_PLAN, NONE)
    last = max((place for place, (sha256, _, _) in enumerate(agreed) if sha256 == now), default=-1)
    return tuple(
        AuditedPlan(sha256, first_round, motion, place == last, found[sha256])
        for place, (sha256, first_round, motion) in enumerate(agreed)
    )


def plans_page(plans: Sequence[AuditedPlan]) -> Iterator[str]:
    """Lines for the report."""
    for one in plans:
        what = "none" if one.sha256 == NONE else f"sha256 {one.sha256.hex()}"
        yield f"plan {one.since}: {what}{' (in force)' if one.in_force else ''}"
        yield from (f"    {one_line(name)}: {text}" for name, text in ([] if one.plan is None else plan_rows(one.plan)))
        if one.plan is None and one.sha256 != NONE:
            yield "    what it says could not be had"


def plans_to_list(plans: Sequence[AuditedPlan]) -> list[dict[str, Any]]:
    """The same for JSON; what there isn't, or isn't known, is null."""
    return [
        {
            "sha256": None if one.sha256 == NONE else one.sha256.hex(),
            "first_round": one.first_round,
            "motion": one.motion,
            "in_force": one.in_force,
            "plan": None if one.plan is None else one.plan.to_values(),
        }
        for one in plans
    ]


def _agreed(facts: Facts) -> list[tuple[bytes, int | None, int | None]]:
    """Each plan with the round from which it holds and its motion: by the events, else as far as storage tells."""
    moved = {
        motion.id: (motion.word or NONE, index)
        for index, motion in enumerate(facts.motions)
        if motion.kind is MotionKind.SET_PLAN and motion.state is MotionState.ENACTED
    }
    now = facts.agreements.get(MotionKind.SET_PLAN, NONE)
    events = facts.complete_events
    agreed: list[tuple[bytes, int | None, int | None]] = []
    if events is None:
        agreed += [(word, None, index) for word, index in moved.values()] or [(now, 0, None)]
    else:
        agreed.append((events[0].arguments["plan"], 0, None))
        for event in events:
            if event.name == "MotionEnacted" and event.arguments["id"] in moved:
                word, index = moved[event.arguments["id"]]
                agreed.append((word, event.arguments["firstRound"], index))
    if agreed[0] == (NONE, 0, None):
        del agreed[0]
    if now != NONE and all(word != now for word, _, _ in agreed):
        agreed.append((now, None, None))  # nothing explains it, which the audit tells
    return agreed
