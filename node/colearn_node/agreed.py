"""What the members agreed on besides weights, as a node goes by it: the plan, its target, a successor.

What takes long (finding a plan, reading scores) is done beside the loop, which asks again and again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from colearn_ledger.backoff import Backoff
from colearn_ledger.core.protocol import View
from colearn_ledger.errors import ColearnError, ConfigError
from colearn_ledger.founding.record import DeploymentRecord
from colearn_ledger.plan.comparing import Difference, vote_difference
from colearn_ledger.plan.document import Plan
from colearn_ledger.plan.successor import Successor

__all__ = ["NO_PLAN", "Agreed", "Agreements", "Compared", "beside"]

NO_PLAN = bytes(32)
_LONGEST_PAUSE_S = 60.0


class Agreements(Protocol):
    """What of it is on the ledger, as of a view. May raise ChainError."""

    def plan(self, view: View) -> bytes:
        """The plan's sha256; zeros where there is none."""

    def successor(self, view: View) -> Successor | None: ...

    def published_mean(self, view: View) -> float | None:
        """The mean of the scores that were published for the accepted weights; None where none was, or can be had."""


class Told(Protocol):
    """Who says it; see :class:`.reporter.Reporter`."""

    def plan(self, plan: Plan | None, found: tuple[Difference, ...]) -> None: ...
    def plan_missing(self, error: ColearnError, times: int, pause: float) -> None: ...
    def successor(self, successor: Successor | None, why_not: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan, and what this member has otherwise."""

    plan: Plan
    found: tuple[Difference, ...]


Poll = Callable[[], object]  # what came of it, None while it goes on; raises what it raised


def beside(work: Callable[[], object], wake: Callable[[], None]) -> Poll:
    """Do it in a thread of its own; ``wake`` is called at its end."""
    done: Future[object] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as e:
            done.set_exception(e)
        wake()

    threading.Thread(target=run, daemon=True).start()
    return lambda: done.result() if done.done() else None


class Agreed:
    """Looked at in each step of the loop.

    Parameters
    ----------
    ledger: where the hash of the plan, the successor and published scores are.
    compare: finds the plan with this hash, and compares it; may raise ColearnError.
    told: says what comes of it.
    wake: wakes the loop when something was found.
    strict: a plan from which this member differs ends the node, and nothing is done before that is known.
    follow: the successor's record, where this member goes on in it once it is agreed on.
    start: does something beside the loop.
    clock: seconds that never go back.

    Attributes
    ----------
    follows: the successor that was agreed on, and is to be gone on in; None while there is none.
    """

    def __init__(
        self,
        ledger: Agreements,
        compare: Callable[[bytes], Compared],
        told: Told,
        wake: Callable[[], None],
        *,
        strict: bool = False,
        follow: DeploymentRecord | None = None,
        start: Callable[[Callable[[], object], Callable[[], None]], Poll] = beside,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._compare, self._told, self._wake = ledger, compare, told, wake
        self._strict, self._follow, self._start = strict, follow, start
        self._round = -1  # at whose beginning it was looked at last: motions take effect between rounds
        self._sha256: bytes | None = None  # of the plan that is agreed on; None: not known yet
        self._plan: Plan | None = None
        self._comparing: Poll | None = None
        self._policy = ""  # that was compared
        self._failures = Backoff(longest_s=_LONGEST_PAUSE_S, clock=clock)
        self._scored: tuple[int, bytes] | None = None  # the accepted weights whose mean is known, or being read
        self._scoring: Poll | None = None
        self._mean: float | None = None
        self._successor: Successor | None = None
        self.follows: DeploymentRecord | None = None

    def look(self, view: View, policy: str) -> None:
        """Keep up with the view; ``policy``: by which this member's learner votes, empty while that isn't known.

        Raises ChainError, and where it is strict ConfigError for a plan from which this member differs.
        """
        if view.round != self._round:
            sha256, successor = self._ledger.plan(view), self._ledger.successor(view)
            self._round = view.round
            if successor != self._successor:
                self._succeeded(successor)
            if sha256 != self._sha256:
                self._changed(sha256)
        self._hear_of_plan()
        if self._plan is not None and policy != self._policy:
            self._policy = policy
            differs = vote_difference(self._plan, policy)
            if differs is not None:
                self._differs(self._plan, (differs,))
        self._hear_of_scores(view)

    @property
    def waits_for(self) -> str:
        """Why nothing may be done yet, for people; empty where it may."""
        missing = self._sha256 != NO_PLAN and self._plan is None
        if not (missing and self._strict):
            return ""
        return "waiting for the members' plan: nothing is done before it was compared"

    def why_enough(self) -> str:
        """Why there is nothing more to learn, for people; empty where there is."""
        target = None if self._plan is None else self._plan.target
        if target is None or self._mean is None or self._mean < target.value:
            return ""
        number = -1 if self._scored is None else self._scored[0]
        name = f"{target.metric} " if target.metric else ""
        return (
            f"the plan's target is reached: the mean of published scores is {self._mean:.4g} in round {number}, "
            f"and the target is {name}{target.value:g}"
        )

    # -------------------------------------------------------------------------------------------- the plan

    def _changed(self, sha256: bytes) -> None:
        had, self._sha256 = self._sha256, sha256
        self._plan, self._comparing, self._policy, self._scored = None, None, "", None
        self._failures.clear()
        if sha256 == NO_PLAN and had is not None:
            self._told.plan(None, ())

    def _hear_of_plan(self) -> None:
        if self._plan is not None or self._sha256 in (None, NO_PLAN) or self._failures.left() > 0:
            return
        sha256 = self._sha256
        assert sha256 is not None
        if self._comparing is None:
            self._comparing = self._start(lambda: self._compare(sha256), self._wake)
        try:
            compared = self._comparing()
        except ColearnError as e:
            self._comparing = None
            self._told.plan_missing(e, self._failures.times + 1, self._failures.add())
            return
        if compared is None:
            return
        assert isinstance(compared, Compared)
        self._comparing, self._plan = None, compared.plan
        self._differs(compared.plan, compared.found)

    def _differs(self, plan: Plan, found: tuple[Difference, ...]) -> None:
        self._told.plan(plan, found)
        if found and self._strict:
            raise ConfigError(
                f"this member differs from the plan that the members agreed on: {'; '.join(map(str, found))}",
                expected='what the plan says, where plan is "refuse"',
                fix='do that, or set plan = "warn", or have the plan changed by a motion',
            )

    # -------------------------------------------------------------------------------------------- its target

    def _hear_of_scores(self, view: View) -> None:
        if self._plan is None or self._plan.target is None:
            return
        accepted = view.accepted_round, view.accepted.sha256
        if self._scored != accepted:
            self._scored, self._mean = accepted, None
            self._scoring = self._start(lambda: self._ledger.published_mean(view) or (), self._wake)
        if self._scoring is None:
            return
        try:
            mean = self._scoring()
        except ColearnError:  # it can't be had now: what nobody knows keeps nobody from training
            mean = ()
        if mean is not None:
            self._scoring, self._mean = None, mean if isinstance(mean, float) else None

    # -------------------------------------------------------------------------------------------- a successor

    def _succeeded(self, successor: Successor | None) -> None:
        self._successor, follow = successor, self._follow
        why_not = ""
        if follow is None:
            why_not = "follow names no deployment file"
        elif successor is not None and (follow.chain_id, follow.address) != (successor.chain_id, successor.address):
            why_not = f"follow names another collective, {follow.address} on chain {follow.chain_id}"
        elif successor is not None:
            self.follows = follow
        self._told.successor(successor, why_not)
