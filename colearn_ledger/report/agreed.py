"""What members agreed on besides weights, as it stands: the plan, how far its target is, a successor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..chain.snapshot import Snapshot
from ..core.protocol import ZERO_ADDRESS, MotionKind
from ..errors import ConfigError, StoreError
from ..history.accepted import mean_scores
from ..history.read import read_history
from ..plan.document import Plan
from ..plan.successor import Successor
from .plan import plan_rows
from .terminal import one_line

__all__ = ["Agreed", "agreed_rows", "agreed_to_dict", "agreed_words", "read_agreed"]


@dataclass(frozen=True, slots=True)
class Agreed:
    """As of one block.

    Attributes
    ----------
    sha256: of the plan; empty where there is none.
    plan: None where it wasn't had.
    missing: why it wasn't.
    successor: the collective that goes on where this one ends, if the members agreed on one.
    mean: of the scores that were published for the accepted weights; None where none was, or nobody needs it.
    """

    sha256: bytes
    plan: Plan | None
    missing: str
    successor: Successor | None
    mean: float | None

    @property
    def reached(self) -> bool:
        """Whether that mean has come to the plan's target: then nodes decline to train."""
        target = None if self.plan is None else self.plan.target
        return target is not None and self.mean is not None and self.mean >= target.value


def read_agreed(
    snapshot: Snapshot, find: Callable[[bytes], Plan], *, deployed_block: int = 0, scores: bool = True
) -> Agreed:
    """Read it from the chain; ``find``: has the plan by its hash, or raises ConfigError or StoreError.

    ``scores``: read those that were published, from events, where the plan has a target. Raises ChainError.
    """
    sha256, word = (snapshot.agreement(kind) for kind in (MotionKind.SET_PLAN, MotionKind.SET_SUCCESSOR))
    plan, missing, mean = None, "", None
    if any(sha256):
        try:
            plan = find(sha256)
        except (ConfigError, StoreError) as e:
            missing = e.what
    if scores and plan is not None and plan.target is not None:
        number = snapshot.view(ZERO_ADDRESS).accepted_round
        history = read_history(snapshot, first=number, last=number, deployed_block=deployed_block)
        means = mean_scores(history.rounds[0])
        mean = None if means is None else means[1]
    return Agreed(sha256 if any(sha256) else b"", plan, missing, Successor.of(word), mean)


def agreed_rows(agreed: Agreed) -> list[tuple[str, str]]:
    """Lines, each with its subject; those of the plan with all that it says."""
    rows = []
    if agreed.sha256:
        rows.append(("plan", f"sha256 {agreed.sha256.hex()}"))
        rows += [("", f"{name}: {text}") for name, text in ([] if agreed.plan is None else plan_rows(agreed.plan))]
        rows += [("", one_line(agreed.missing))] if agreed.missing else []
        rows += [("", f"published mean of the accepted weights: {agreed.mean:.4g}")] if agreed.mean is not None else []
        rows += [("", "its target is reached: nodes decline to train")] if agreed.reached else []
    if agreed.successor is not None:
        rows.append(("successor", str(agreed.successor)))
    return rows


def agreed_words(agreed: Agreed) -> list[str]:
    """The same in few sentences, for a page that has rules beside it."""
    said = []
    if agreed.sha256:
        plan, target = agreed.plan, ""
        if plan is not None and plan.target is not None:
            name = one_line(plan.target.metric) or "score"
            target = f", until {name} {plan.target.value:g}" + (" (reached)" if agreed.reached else "")
        learner = f": {one_line(plan.learner)}" if plan is not None and plan.learner else ""
        said.append(f"the plan has sha256 {agreed.sha256.hex()}{learner}{target}")
    if agreed.plan is not None and agreed.plan.succeeds is not None:
        old = agreed.plan.succeeds
        said.append(f"it succeeds {old.address} on chain {old.chain_id}, by the weights of round {old.round} there")
    if agreed.successor is not None:
        said.append(f"its successor is {agreed.successor}")
    return said


def agreed_to_dict(agreed: Agreed) -> dict[str, Any]:
    """The same for JSON; what there isn't, or isn't known, is null."""
    new = agreed.successor
    return {
        "plan_sha256": agreed.sha256.hex() or None,
        "plan": None if agreed.plan is None else agreed.plan.to_values(),
        "target_reached": agreed.reached,
        "published_mean": agreed.mean,
        "successor": None if new is None else {"chain_id": new.chain_id, "address": new.address},
    }
