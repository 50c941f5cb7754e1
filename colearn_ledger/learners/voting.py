"""Vote rules: compare the proposal's score with the current model's, on one fixed vote set.

The set is fixed because a vote on a freshly drawn sample compares two samples as much as two models; below about 200
samples the comparison is mostly noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError

__all__ = ["CachedScore", "VoteRule"]


@dataclass(frozen=True, slots=True)
class VoteRule:
    """When to approve; scores are such that higher is better.

    Parameters
    ----------
    strict: approve only what is better; by default what is not worse is approved. A strict rule starves learning as
        the collective grows: the more voters, the rarer a proposal that is better for a majority of small sets.
    margin: by how much the score must have risen; a negative margin tolerates a fall.
    """

    strict: bool = False
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.margin):
            raise UsageError(
                f"the vote margin is {self.margin!r}", expected="a finite number", fix="0 means: not worse than now"
            )

    @classmethod
    def of(cls, rule: VoteRule | str) -> VoteRule:
        """A rule from its name: ``"not worse"`` or ``"strict"``."""
        if isinstance(rule, VoteRule):
            return rule
        known = {"not worse": cls(), "strict": cls(strict=True)}
        found = known.get(rule.strip().lower().replace("-", " ").replace("_", " "))
        if found is not None:
            return found
        raise UsageError(
            f"the vote rule is {rule!r}",
            expected="'not worse' or 'strict', or a VoteRule",
            fix="VoteRule(margin=0.01) asks for a rise by a margin",
        )

    def approves(self, current: float, proposed: float) -> bool:
        """Whether the proposal gets this learner's approval. A score that is NaN is never approved of."""
        bar = current + self.margin
        return bool(proposed > bar) if self.strict else bool(proposed >= bar)


@dataclass(slots=True)
class CachedScore:
    """The current weights' score, computed once for each weights that are accepted."""

    compute: Callable[[], float]
    value: float | None = None

    def get(self) -> float:
        """The score; computed at the first call after :meth:`clear`."""
        if self.value is None:
            self.value = self.compute()
        return self.value

    def clear(self) -> None:
        """The current weights have changed."""
        self.value = None
