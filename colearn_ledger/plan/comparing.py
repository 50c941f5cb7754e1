"""What a member has otherwise than the plan says, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..formats.toml import toml_value
from ..learners.loading.factory import FLOWER, LearnerSpec
from .code import code_hash, installed_version, top_module
from .document import Plan

__all__ = ["Difference", "agreed_code", "differences", "source_path", "vote_difference"]

_MOST_SHOWN = 80  # characters of a value


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what was ``agreed`` on, what is there, and what to do about it."""

    field: str
    agreed: str
    mine: str
    fix: str

    def __str__(self) -> str:
        return f"{self.field} is {self.mine}, and the plan says {self.agreed}; {self.fix}"


def differences(plan: Plan, spec: LearnerSpec, base: str, policy: str = "") -> tuple[Difference, ...]:
    """Compare what a member has with the plan; no code of the learner's runs for it.

    Parameters
    ----------
    spec: of the member's learner.
    base: of the schema of the collective's weights; empty where there is none.
    policy: by which the learner votes, by name; empty where that isn't known, which is no difference.
    """
    return tuple(_differences(plan, spec, base, policy))


def vote_difference(plan: Plan, policy: str) -> Difference | None:
    """Whether a learner votes by another policy; None, too, where that isn't known (empty)."""
    if not plan.vote or not policy or policy == plan.vote:
        return None
    return Difference("vote.policy", plan.vote, policy, "have the learner vote by that policy")


def agreed_code(plan: Plan, spec: LearnerSpec) -> bytes:
    """The hash of the member's own source of the modules that the plan is about. Raises ConfigError."""
    return code_hash(plan.modules or (top_module(plan.learner or spec.factory),), source_path(spec))


def source_path(spec: LearnerSpec) -> tuple[str, ...]:
    """Where the source of a learner's modules is looked for: of a Flower app in its own folder first."""
    folder = spec.options.get("folder") if spec.factory == FLOWER else None
    return (folder, *spec.path) if isinstance(folder, str) else spec.path


def _differences(plan: Plan, spec: LearnerSpec, base: str, policy: str) -> Iterator[Difference]:
    if plan.learner and plan.learner != spec.factory:
        yield Difference("learner.factory", plan.learner, spec.factory, "name that one by learner.factory")
    module = top_module(plan.learner or spec.factory)
    if plan.version and (installed := installed_version(module)) and installed != plan.version:
        yield Difference("learner.version", plan.version, installed, f"install {module} {plan.version}")
    if plan.code:
        try:
            code = agreed_code(plan, spec).hex()
        except ConfigError as e:
            code = f"unknown ({e.what})"
        if code != plan.code.hex():
            yield Difference("learner.code", plan.code.hex(), code, "get the source that the others have")
    if plan.learner or plan.options or plan.own:
        yield from _options(plan, spec)
    if plan.base and plan.base != base:
        yield Difference("base", plan.base, base or "none", "take the base model that the others have")
    if (vote := vote_difference(plan, policy)) is not None:
        yield vote


def _options(plan: Plan, spec: LearnerSpec) -> Iterator[Difference]:
    for name in sorted({*plan.options, *spec.options} - set(plan.own)):
        agreed, mine = plan.options.get(name), spec.options.get(name)
        if name in plan.options and name in spec.options and _same(agreed, mine):
            continue
        place = f"learner.options.{name}"
        fix = "set it to that under [learner.options]" if name in plan.options else "leave it out"
        yield Difference(place, _shown(plan.options, name), _shown(spec.options, name), fix)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one to a learner: 1 and 1.0 are, 1 and true aren't."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _shown(options: Any, name: str) -> str:
    if name not in options:
        return "left out"
    text = toml_value(options[name])
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
