"""The rules by which contributions become one proposal, and whose turn it is after so many rejections.

Which rule merges is a function of the state, never of a proposer's taste: the order is fixed when a collective is
founded, and each rejection of a training's merge moves on to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from ...errors import UsageError

__all__ = ["DEFAULT_ORDER", "Rule", "parse_order", "parse_rule", "rule_of", "rule_text"]


class Rule(IntEnum):
    """A rule, by the number that stands for it in the contract (four bits); 0 is a proposal that is no merge."""

    SOLO = 0
    MEAN = 1
    CLIPPED_MEAN = 2
    MEDIAN = 3
    TRIMMED_MEAN = 4
    MOMENTUM = 5

    @property
    def text(self) -> str:
        """By which people call it, such as ``clipped-mean``."""
        return self.name.lower().replace("_", "-")


DEFAULT_ORDER = (Rule.MEAN, Rule.CLIPPED_MEAN, Rule.MEDIAN)

_MERGING = {rule.text: rule for rule in Rule if rule is not Rule.SOLO}


def rule_text(number: int) -> str:
    """What people call the rule of this number in a contract, which takes any from 1 to 15."""
    return Rule(number).text if number in set(Rule) else f"rule {number}"


def parse_rule(text: str) -> Rule:
    """The rule of this name. Raises UsageError for any other."""
    if text not in _MERGING:
        raise UsageError(
            f"there is no rule {text[:40]!r} to merge by",
            expected=f"one of {', '.join(_MERGING)}",
            fix="name one of these",
        )
    return _MERGING[text]


def parse_order(text: str) -> tuple[Rule, ...]:
    """An order of rules as people write it, such as ``mean,clipped-mean,median``.

    Raises UsageError for an unknown rule, one that is named twice, and none at all.
    """
    order = tuple(parse_rule(part.strip()) for part in text.split(","))
    if len(set(order)) != len(order):
        raise UsageError(
            f"the order of rules names one twice: {text[:80]!r}",
            expected="each rule once: rejected by one, the same contributions are merged by the next",
            fix="leave one of the two out",
        )
    return order


def rule_of(order: Sequence[Rule], rejections: int) -> Rule | None:
    """The rule whose turn it is; None once each was rejected, and a new training begins.

    Parameters
    ----------
    order: of the deployment.
    rejections: how many merges of this training's contributions were rejected.
    """
    return order[rejections] if rejections < len(order) else None
