"""The role of a leaf of the weights: whether the vote decides about it, a bound does, or it stays where it is.

A vote can only decide about what a score depends on. What it doesn't, such as a counter of steps, would be adopted
unseen, and one approved proposal could end training for good. ``docs/adr/0013-roles-of-leaves.md`` says why so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ConfigError, LearnerError

__all__ = ["Bounded", "Role", "Roles", "role_from_json", "role_to_json", "roles_of"]


@dataclass(frozen=True, slots=True)
class Bounded:
    """Between the parent's value and that plus what one round can add, element by element.

    For what training reads and no score shows, such as a counter of samples. A proposer's own driver keeps its values
    within the bound; a proposal beyond it is rejected.

    Parameters
    ----------
    rise: how much one round can add at most, in the leaf's unit; finite, and not below 0.
    """

    rise: float

    def __post_init__(self) -> None:
        if isinstance(self.rise, bool) or not isinstance(self.rise, int | float) or not 0 <= self.rise < math.inf:
            raise ConfigError(
                f"the bound of a leaf is {self.rise!r}",
                expected="what one round can add: a finite number, not below 0",
                fix="give the largest number of samples or steps of one training",
            )


Role = Literal["scored", "local"] | Bounded
Roles = Mapping[str, Role]


def roles_of(learner: object) -> Roles:
    """The roles that a learner declares by its attribute ``leaf_roles``; empty where it has none: all are scored.

    Keys are places in the tree of weights, as JSON pointers (``/t_``, ``/layers/0/count``); one that holds several
    leaves gives its role to all of them.

    Raises LearnerError for what declares no roles.
    """
    declared = getattr(learner, "leaf_roles", None)
    if declared is None:
        return {}
    if not isinstance(declared, Mapping) or not all(
        isinstance(path, str) and (role in ("scored", "local") or isinstance(role, Bounded))
        for path, role in declared.items()
    ):
        raise LearnerError(
            f"learner {type(learner).__name__}: leaf_roles is {str(declared)[:120]}",
            expected="places in the weights, each with 'scored', 'local' or Bounded(rise)",
            fix='such as {"/t_": Bounded(1000), "/generator": "local"}',
        )
    return declared


def role_to_json(role: Role) -> Any:
    return {"bounded": role.rise} if isinstance(role, Bounded) else role


def role_from_json(value: Any) -> Role:
    """Raises ConfigError for what is no role."""
    if value == "local" or value == "scored":
        role: Role = value
        return role
    if isinstance(value, dict) and list(value) == ["bounded"]:
        return Bounded(value["bounded"])
    raise ConfigError(f"the role of a leaf is {str(value)[:80]!r}", expected='"scored", "local" or {"bounded": NUMBER}')
