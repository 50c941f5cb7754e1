"""What the node says about what it sees and does, and what it counts."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Sequence
from typing import Protocol

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Action, Reveal, Wait
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import RoundRecord, RoundState, View
from colearn_ledger.core.results import record_of
from colearn_ledger.errors import ColearnError, ContractError, TransactionError
from colearn_ledger.formats.hashes import shown_hash
from colearn_ledger.founding.names import NO_NAMES, Names
from colearn_ledger.member.work import Contributed, Declined, Merged, Trained, Verdict, Work
from colearn_ledger.plan.comparing import Difference
from colearn_ledger.plan.document import Plan
from colearn_ledger.plan.successor import Successor

from .log import Log
from .worker.steps import Steps

__all__ = ["Reporter", "Watcher"]

_MANY = 4  # rounds missed in a row from which on they share one line


class Watcher(Protocol):
    """Gets what happens as it is, to count it; see :class:`.metrics.Metrics`."""

    def looked(self, view: View) -> None: ...
    def ended(self, record: RoundRecord) -> None: ...
    def compared(self, heads: Heads) -> None: ...
    def submitted(self, work: Work, receipt: Receipt) -> None: ...
    def trains(self, steps: Steps | None) -> None: ...


class Reporter:
    """Turns what happens into log lines, and passes it on to ``watcher``; ``names``: of members."""

    def __init__(self, log: Log, watcher: Watcher | None = None, names: Names = NO_NAMES) -> None:
        self.log = log
        self._names, self._names_missing = names, False
        self._watcher = watcher
        self._waiting: tuple[object, ...] = ()
        self._motions: tuple[bytes, ...] = ()

    def named(self, names: Names, problem: str) -> None:
        """What members are called from now on; ``problem``: why some names may be missing, which is said once."""
        self._names = names
        if problem and not self._names_missing:
            self.log.info("names", f"names that members said earlier may be missing: {problem}")
        self._names_missing = bool(problem)

    def looked(self, view: View) -> None:
        """A new view."""
        self.log.round, self.log.phase = view.round, view.state.name.lower()
        if self._watcher is not None:
            self._watcher.looked(view)
        if view.motions_to_vote != self._motions:
            self._motions = view.motions_to_vote
            ids = [f"0x{motion.hex()}" for motion in self._motions]
            if ids:
                text = f"{len(ids)} motion{'s wait' if len(ids) > 1 else ' waits'} for your vote: {', '.join(ids)}"
                self.log.info("motions", f"{text}; colearn-ledger motion list shows them", motions=ids)
            else:
                self.log.info("motions", "no motion waits for your vote any more", motions=ids)

    def compared(self, heads: Heads) -> None:
        """Where the endpoints stand."""
        if self._watcher is not None:
            self._watcher.compared(heads)

    def trains(self, steps: Steps | None) -> None:
        """How far a training is; None: there is none, or nobody knows."""
        if self._watcher is not None:
            self._watcher.trains(steps)

    def lags(self, heads: Heads, switched: bool) -> None:
        """The endpoint in use is too far behind another one, which is used from now on unless it has failed, too."""
        text = f"the endpoint {heads.current} is at block {heads.current_number}, {heads.lag} behind {heads.best}"
        self.log.warning("endpoint", f"{text}: {'switched to that' if switched else 'there is no better one'}")

    def ended(self, records: Sequence[RoundRecord]) -> None:
        """Rounds that were decided, or missed, since they were told last."""
        if self._watcher is not None:
            for record in records:
                self._watcher.ended(record)
        for missed, run in itertools.groupby(records, lambda record: record.state is RoundState.MISSED):
            told = list(run)
            if missed and len(told) >= _MANY:
                first, last = told[0].round, told[-1].round
                self.log.warning("outcome", f"rounds {first} to {last} were missed", decided=last, outcome="missed")
                continue
            for record in told:
                self._ended(record)

    def _ended(self, record: RoundRecord) -> None:
        outcome = record.state.name.lower()
        facts = {"decided": record.round, "outcome": outcome, "proposer": record.proposer}
        if record.state is RoundState.MISSED:
            self.log.warning(
                "outcome", f"round {record.round} was missed by {self._names.full(record.proposer)}", **facts
            )
            return
        votes = {"approvals": record.approvals.bit_count(), "need": record.need}
        text = f"round {record.round} is {outcome}: {votes['approvals']} approve, {record.need} needed"
        self.log.info("outcome", text, **facts, **votes)

    def wait(self, view: View, action: Wait) -> None:
        """Nothing to do; said once."""
        waiting = (view.round, view.state, action.why)
        if waiting != self._waiting:
            self._waiting = waiting
            why = action.why.replace(view.proposer, self._names.short(view.proposer))
            self.log.info("wait", why, until=action.until)

    def declined(self, view: View, work: Declined) -> None:
        """The learner makes no proposal in its turn, or can't publish it again; said once."""
        waiting = (view.round, view.state, work.reason)
        if waiting != self._waiting:
            self._waiting = waiting
            what = "declines to propose" if view.proposal is None else "its proposal can't be had"
            what = what if view.training is None else "declines to train, or to merge"
            self.log.warning("declined", f"{what}: {work.reason}", until=view.deadline)

    def held_back(self, view: View, why: str) -> None:
        """Nothing may be done yet; said once."""
        if self._waiting != (view.round, why):
            self._waiting = view.round, why
            self.log.info("wait", why, until=view.deadline)

    def plan(self, plan: Plan | None, found: tuple[Difference, ...]) -> None:
        """The members have this plan, or none; and what this member has otherwise."""
        if plan is None:
            self.log.info("plan", "the members have no plan any more")
            return
        for one in found:
            self.log.warning("plan", f"differs from the members' plan: {one}", field=one.field)
        if not found:
            self.log.info("plan", f"as the members' plan says, sha256 {shown_hash(plan.sha256)}", sha256=plan.sha256)

    def plan_missing(self, error: ColearnError, times: int, pause: float) -> None:
        """The plan can't be had, or is none; said the first time, and then ever more rarely."""
        self._ever_more_rarely("plan", error, times, pause)

    def successor(self, successor: Successor | None, why_not: str) -> None:
        """The members agreed on a successor, or on none any more; ``why_not``: this node doesn't go on in it."""
        if successor is None:
            self.log.info("successor", "the members have no successor any more")
            return
        text = f"the members agreed on a successor, {successor}"
        facts = {"address": successor.address, "chain_id": successor.chain_id}
        if not why_not:
            self.log.info("successor", f"{text}: going on there", **facts)
            return
        todo = "get its deployment file, set follow to it, and start this node again; or set deployment, and start it"
        self.log.warning("successor", f"{text}, and this node stays here: {why_not}; to go on there: {todo}", **facts)

    def submitted(self, work: Work, receipt: Receipt) -> None:
        """A transaction, or why there was none."""
        if self._watcher is not None:
            self._watcher.submitted(work, receipt)
        event, did = _did(work)
        if receipt.outcome is Outcome.ALREADY_DONE:
            self.log.info(event, f"{did}: was done already", sent=False)
        elif receipt.outcome is Outcome.TOO_LATE:
            self.log.warning(event, f"{did}: too late, dropped", sent=False)
        else:
            facts = {"transaction": receipt.transaction, "block": receipt.block, "gas": receipt.gas}
            text = f"{did} (0x{shown_hash(receipt.transaction)}…, {receipt.gas:,} gas)"
            self.log.info(event, text, sent=True, **facts, **_facts(work))

    def would(self, action: Action, work: Work | None) -> None:
        """Dry run."""
        did = _did(work)[1] if work is not None else "trained and proposed"
        self.log.info("dry_run", f"would have {did}", action=type(action).__name__.lower())

    def refused(self, error: ContractError | TransactionError, times: int, pause: float) -> None:
        """A transaction that the contract or the chain doesn't take; said the first time, and then ever more rarely."""
        self._ever_more_rarely("refused" if isinstance(error, ContractError) else "chain", error, times, pause)

    def trouble(self, error: ColearnError, times: int, pause: float) -> None:
        """Something can't be had or done, and is tried again; said the first time, and then ever more rarely."""
        self._ever_more_rarely("chain", error, times, pause)

    def bug(self, error: Exception, times: int, pause: float) -> None:
        """Something that nobody foresaw; said as rarely, with its traceback."""
        if times & (times - 1) == 0:
            self.log.error("trace", "".join(traceback.format_exception(error)).rstrip())
            text = f"an error that should not be, {times} times by now" if times > 1 else "an error that should not be"
            self.log.error("bug", f"{text}: {type(error).__name__}: {error}; going on in {pause:.1f} s")

    def _ever_more_rarely(self, event: str, error: ColearnError, times: int, pause: float) -> None:
        if times & (times - 1) == 0:
            more = f" ({times} times)"
            if times == 1:
                named = (("expected", error.expected), ("to fix", error.fix))
                more = "".join(f"; {name}: {text}" for name, text in named if text)
            self.log.warning(event, f"{error.what}{more}; again in {pause:.1f} s")


def _did(work: Work) -> tuple[str, str]:
    if isinstance(work, Trained):
        return "propose", f"proposed {shown_hash(work.weights.sha256)}, {work.weights.size:,} bytes"
    if isinstance(work, Contributed):
        return "contribute", f"contributed {shown_hash(work.weights.sha256)}, {work.weights.size:,} bytes"
    if isinstance(work, Merged):
        out = f", {len(work.left_out)} left out" if work.left_out else ""
        why = f" ({'; '.join(work.why)})" if work.why else ""
        rule = Rule(work.claim.rule).text
        again = "; it was rejected before, and brings the next rule's turn" if work.again else ""
        return "merge", f"proposed {shown_hash(work.weights.sha256)}, the {rule} of {_merged(work)}{out}{why}{again}"
    if isinstance(work, Verdict):
        how = "approve" if work.approve else "reject"
        event = "commit" if work.action.secret else "vote"
        verb = "committed to " if work.action.secret else "voted to "
        return event, f"{verb}{how}: {_why(work)}"
    if isinstance(work, Reveal):
        return "reveal", "revealed the vote"
    return "advance", "advanced the round"


def _merged(work: Merged) -> int:
    return work.claim.seats.bit_count()


def _why(verdict: Verdict) -> str:
    if not verdict.unknown:
        return _tested(verdict)
    return f"{_tested(verdict)}; whether it is the merge that it claims to be can't be told: {verdict.unknown}"


def _tested(verdict: Verdict) -> str:
    test = verdict.test
    if test is None:
        return verdict.reason
    now = "" if test.current_score is None else f", now {test.current_score:.4g}"
    record = record_of(test)
    if record is None:
        return f"scores {test.vote_value:.4g}{now}"
    p_value = "" if record.p_value is None else f", p {record.p_value:.2g}"
    return f"scores {test.vote_value:.4g}{now} on {record.samples:,} samples ({record.policy}{p_value})"


def _facts(work: Work) -> dict[str, object]:
    if isinstance(work, Trained | Contributed):
        return {"sha256": work.weights.sha256, "size": work.weights.size}
    if isinstance(work, Merged):
        merged = {"rule": Rule(work.claim.rule).text, "merged": _merged(work), "left_out": len(work.left_out)}
        return {"sha256": work.weights.sha256, "size": work.weights.size, **merged}
    if isinstance(work, Verdict):
        facts: dict[str, object] = {"proposal": work.action.proposal.id, "approve": work.approve}
        if work.test is not None:
            facts |= {"score": work.test.vote_value, "current_score": work.test.current_score}
            record = record_of(work.test)
            if record is not None:
                facts |= {"policy": record.policy, "samples": record.samples, "margin": record.margin}
                facts |= {} if record.p_value is None else {"p_value": record.p_value}
        return facts
    return {}
