"""The node: look at the contract, decide, perform; and again when something wakes it.

Nothing that matters is remembered: a node that was killed looks, and carries on. What is remembered (the last view,
what failed how often) only saves work, or spares others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from colearn_ledger.backoff import Backoff
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.decide import (
    STEP_S,
    Action,
    Adopt,
    Advance,
    Contribute,
    Me,
    Merge,
    Propose,
    Republish,
    Reveal,
    Wait,
    decide,
    is_needed,
)
from colearn_ledger.core.protocol import RoundState, View, WeightsRef
from colearn_ledger.errors import (
    ColearnError,
    ConfigError,
    ContractError,
    DataError,
    InvalidWeights,
    LearnerError,
    TransactionError,
)
from colearn_ledger.member.work import Declined, Verdict, Work
from colearn_ledger.stores.base import patience_s

from .agreed import Agreed
from .health import Health
from .ledger import Ledger
from .outlook import Outlook
from .reporter import Reporter
from .retention import Retention
from .wakeup import Wake
from .worker.keys import Key, bytes_to_pull, key_of
from .worker.messages import Tidy
from .worker.supervisor import WorkerSupervisor

__all__ = ["Node"]

# While new heads come over a WebSocket as they did, a look now and then is only for those that got lost.
_QUIET_POLL_S = 15.0
_LEAST_PAUSE_S = 0.25
_COMPARE_S = 5.0  # between two comparisons of the endpoints' heads
_LAGS = 2  # comparisons in a row: blocks don't reach all endpoints in the same moment
_STILL_S = 300.0
# A view may have been spoilt on its way, and on a chain that mines on demand no block may come until it is acted on.
_TRUST_S = 5.0
_PAGE = 128  # rounds whose outcomes are read at once
_LONGEST_PAUSE_S = 15.0
_MINING_S = 0.5  # until it is known
# What the learner's side raises where only a person can mend it; see WorkerSupervisor.hear. All else passes.
_ENDS_A_NODE = (ConfigError, DataError, InvalidWeights, LearnerError)


class Subscription(Protocol):
    """What wakes the loop when something is mined; see :class:`.heads.HeadSubscription`."""

    @property
    def quiet_s(self) -> float: ...


class Node:
    """One member's node.

    Parameters
    ----------
    ledger: the collective; one that doesn't send makes this a dry run, which decides and says what it would do.
    supervisor: gets the long work done.
    retention: finds the weights that needn't be kept.
    health: is told what the loop does.
    poll_interval: seconds between two looks while nothing wakes the loop.
    store_timeout: seconds that one attempt to pull weights may take; for large ones more (:func:`.patience_s`).
    endpoint_lag: blocks that an endpoint may be behind another one before that one is used.
    heads: what wakes the loop beside the worker; None polls.
    clock: seconds that never go back.
    verify_merge: in joint rounds, recompute what a proposal claims to merge before voting on it.
    rounds: leave after so many decided rounds; None goes on until told to stop.
    until_round: leave when this round has passed, whoever decided it and whenever this node was started.
    agreed: what the members agreed on besides weights; None where nobody asks.
    """

    def __init__(
        self,
        ledger: Ledger,
        supervisor: WorkerSupervisor,
        wake: Wake,
        reporter: Reporter,
        retention: Retention,
        health: Health,
        *,
        poll_interval: float,
        store_timeout: float,
        endpoint_lag: float,
        heads: Subscription | None = None,
        verify_merge: bool = False,
        rounds: int | None = None,
        until_round: int | None = None,
        agreed: Agreed | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = ledger
        self.supervisor, self.wake, self.reporter, self.heads = supervisor, wake, reporter, heads
        self.retention, self.health, self.outlook = retention, health, Outlook(ledger)
        self.poll_interval, self.store_timeout = poll_interval, store_timeout
        self.rounds, self.until_round = rounds, until_round
        self.endpoint_lag, self.verify_merge, self.agreed = endpoint_lag, verify_merge, agreed
        self.stopping = False
        self._view: View | None = None
        self._lost: WeightsRef | None = None  # its own contribution, for good
        self._at = 0  # block time of the last view
        self._read_at = 0.0  # monotonic; when that block time was first read
        self._viewed_at = 0.0  # monotonic; when the last view was read
        self._told = self._counted = -1  # all rounds before this one; -1: not known yet
        self._telling = Backoff(longest_s=_LONGEST_PAUSE_S, clock=clock)
        self._now = clock
        self._decided = 0  # rounds, since it was started
        self._compare_at = 0.0  # monotonic
        self._several = False  # endpoints to compare
        self._lagged = 0  # comparisons in a row that found the endpoint behind
        # A look costs next to nothing: the chain is asked as often as ever while it is away, so that no time is lost
        # when it is back. What nobody foresaw may cost more.
        self._failures = Backoff(poll_interval, poll_interval, clock=clock)
        self._bugs = Backoff(longest_s=_LONGEST_PAUSE_S, clock=clock)
        # A vote that is taken says nothing about a contribution that isn't.
        self._refusals, self._contributions_refused = Backoff(clock=clock), Backoff(clock=clock)
        self._announced: Key = ()
        self._sent: tuple[Action, Work, Key] | None = None  # what is under way
        self._sent_at = 0.0  # monotonic
        self._mining_s = _MINING_S  # what the last transaction took until it was mined
        self._declined = 0  # the training that the learner takes no part in
        self._held: tuple[Key, float] = ((), 0.0)  # a vote that isn't needed, and since when it is held back

    # -------------------------------------------------------------------------------------------- the loop

    def run(self) -> None:
        """Go on until told to stop, whatever the chain, the store or the learner does meanwhile.

        Raises only what no waiting mends: accepted weights that can never fit, a learner that can't be made.
        """
        self.supervisor.start()
        try:
            while not self.stopping:
                self.health.looped()
                try:
                    pause = self.step()
                except _ENDS_A_NODE:
                    raise
                except Exception as e:
                    pause = self._trouble(e)
                else:
                    self._failures.clear()
                    self._bugs.clear()
                    self.health.failure = None
                self.wake.wait(pause)
        finally:
            self.supervisor.end()

    def _trouble(self, error: Exception) -> float:
        """Say what went wrong, and when to look again: what it depended on is looked at anew then."""
        self._view = None
        if isinstance(error, ColearnError):
            pause = self._failures.add(error.what)
            self.reporter.trouble(error, self._failures.times, pause)
            again = self._failures.times > 1
        else:
            pause = self._bugs.add(repr(error))
            self.reporter.bug(error, self._bugs.times, pause)
            again = True
        if again:  # once may be chance
            self.health.failure = str(getattr(error, "what", repr(error)))
        return pause

    def stop(self) -> None:
        """Leave soon; may be called from a signal handler."""
        self.stopping = True
        self.wake()

    def step(self) -> float:
        """Look, decide, perform. Returns the seconds after which to look again even if nothing wakes the loop."""
        self.supervisor.hear()
        self.reporter.trains(self.supervisor.steps)
        self._compare()
        self._follow()
        view = self._look()
        self._tell_outcomes(view)
        if self.agreed is not None:
            self.agreed.look(view, self.supervisor.policy)
            self.health.held = self.agreed.waits_for or None
            if self.agreed.follows is not None and self._sent is None:
                self.stop()
                return 0.0
        self.health.looked(can_work=self.supervisor.ready and self.supervisor.adopted == view.accepted.sha256)
        if self.ledger.sends:
            self.supervisor.pull_ahead(self.outlook.to_pull_ahead(view), view.accepted.size)
        action = decide(view, self._me(view))
        if self._enough(view) and not isinstance(action, Adopt):
            self.stop()
            return 0.0
        if self.health.held is not None and not isinstance(action, Adopt | Wait):
            self.reporter.held_back(view, self.health.held)
            return self._pause(view, view.deadline)
        return min(
            self._perform(action, view),
            self.ledger.pause,
            self._telling.left() if self._told < view.round else math.inf,
        )

    def _me(self, view: View) -> Me:
        published = self.supervisor.published
        if not self.ledger.sends and view.proposal is not None:
            published = view.proposal.weights  # a dry run publishes nothing
        trains = view.training is None or view.training.first_round != self._declined
        return Me(
            self.ledger.member,
            self.supervisor.adopted,
            self._now() - self._read_at,
            published,
            trains,
            self.outlook.rejected_before(view),
            self.verify_merge,
            self.outlook.accepted_before(view),
            self._contribution_there(view),
        )

    def _contribution_there(self, view: View) -> WeightsRef | None:
        """Its own contribution that its store has, or that nothing brings back."""
        own = None if view.training is None else view.training.of(view.seat)
        if own is not None and (not self.ledger.sends or own.weights == self._lost):
            return own.weights
        return self.supervisor.contributed

    def _perform(self, action: Action, view: View) -> float:
        if isinstance(action, Wait):
            self.reporter.wait(view, action)
            self.supervisor.rest(self._tidy(view))
            return self._pause(view, action.until)
        if isinstance(action, Reveal | Advance):
            return self._submit(action, action, view)
        if isinstance(action, Propose | Contribute) and (enough := self.agreed and self.agreed.why_enough()):
            self.reporter.declined(view, Declined(view.round, enough))
            self.supervisor.rest(self._tidy(view))
            return self._pause(view, view.deadline)
        if not self.ledger.sends and isinstance(action, Propose | Contribute):
            return self._announce(action, None, view)
        work = self.supervisor.work_on(action, self._patience(action, view))
        if work is None:
            return min(self._pause(view, view.deadline), self.supervisor.pause(action))
        if isinstance(work, Declined):  # the supervisor keeps the answer, so the learner isn't asked again in this turn
            if isinstance(action, Contribute):
                self._declined = action.training
            if isinstance(action, Republish) and action.contribution:
                self._lost = action.weights
            self.reporter.declined(view, work)
            return self._pause(view, view.deadline)
        return self._submit(action, work, view)

    def _tidy(self, view: View) -> Tidy | None:
        """What the store is to keep, where there is time to see to that."""
        return self.retention.due(view) if self.ledger.sends and self.supervisor.idle else None

    def _enough(self, view: View) -> bool:
        return (self.rounds is not None and self._decided >= self.rounds) or (
            self.until_round is not None and view.round > self.until_round
        )

    # -------------------------------------------------------------------------------------------- look

    def _compare(self) -> None:
        """Now and then: is the endpoint that is looked through behind another one? Then look through that one."""
        if self._now() < self._compare_at:
            return
        heads = self.ledger.compare_heads()
        self._compare_at, self._several = self._now() + _COMPARE_S, heads is not None
        if heads is None:
            self._lagged = 0
            self.health.endpoint = None
            return
        self.reporter.compared(heads)
        self._lagged = self._lagged + 1 if heads.lag >= self.endpoint_lag else 0
        lags = f"the endpoint {heads.current} is {heads.lag} blocks behind {heads.best}"
        self.health.endpoint = lags if self._lagged else None
        if self._lagged >= _LAGS:
            switched = self.ledger.switch_endpoint()
            if switched or self._lagged == _LAGS:
                self.reporter.lags(heads, switched)
            if switched:
                self._lagged, self._view = 0, None
                self._compare_at = 0.0  # whether it is better is known at the next look

    def _look(self) -> View:
        """The view at the newest block; the last one, if that was read lately, and nothing can have changed since."""
        last, now = self._view, self._now()
        fresh = last is not None and now - self._viewed_at <= _TRUST_S and self._clock(last) <= _changes_after(last)
        view = self.ledger.view(known=last if fresh else None)
        if view is last:
            return view
        self._viewed_at = now
        if view.at != self._at:  # else the clock stands still, and for how long is worth knowing
            self._at, self._read_at = view.at, now
        stands = now - self._read_at
        self.health.block_time = None
        if stands > _STILL_S and self._clock(view) > view.deadline and not view.ended:
            self.health.block_time = f"the chain's clock stands still since {stands:.0f} s, and a deadline has passed"
        self._view = view
        self.reporter.looked(view)
        return view

    def _tell_outcomes(self, view: View) -> None:
        """Count and tell how rounds have ended since the last look: a page a look, and nothing waits for it."""
        if self._told < 0:  # what was before this node isn't its to tell
            self._told = self._counted = view.round
        self._told = min(self._told, view.round)  # less, where the view went back with the chain
        count = min(view.round - self._told, _PAGE)
        if count == 0 or self._telling.left() > 0:
            return
        try:
            records = self.ledger.rounds(self._told, count, view)
        except ColearnError as e:
            self._telling.add()
            self.reporter.trouble(e, self._telling.times, self._telling.left())
            return
        self._telling.clear()
        ended = [record for record in records if record.state.decided]
        self.reporter.ended(ended)
        decided = [record.round for record in ended if record.state is not RoundState.MISSED]
        self._decided += sum(number >= self._counted for number in decided)  # a re-org's rounds count once
        self._told += count
        self._counted = max(self._counted, self._told)

    def _clock(self, view: View) -> float:
        """Block time by now, as far as this machine can tell: only for when to look again, never for a decision."""
        return view.at + (self._now() - self._read_at)

    def _pause(self, view: View, until: int) -> float:
        quiet = 0.0 if self.heads is None else min(self.heads.quiet_s, _QUIET_POLL_S)
        pause = max(self.poll_interval, quiet)
        pause = min(pause, max(_COMPARE_S, self.poll_interval)) if self._several else pause
        # Past the deadline the chain's own clock may still stand before it: look again, but not in a busy loop.
        return min(pause, max(until + 1 - self._clock(view), min(_LEAST_PAUSE_S, self.poll_interval)))

    def _patience(self, action: Action, view: View) -> float:
        """Seconds that pulling weights may take."""
        patience = patience_s(self.store_timeout, bytes_to_pull(action))
        left = patience if isinstance(action, Adopt) else view.deadline - self._clock(view)
        if isinstance(action, Merge):
            left /= 2  # the rest is for merging, testing and sending it
        return max(1.0, min(patience, left))

    # -------------------------------------------------------------------------------------------- perform

    def _submit(self, action: Action, work: Work, view: View) -> float:
        """Begin to send it, unless that is under way; what becomes of it is seen as the loop goes on."""
        if not self.ledger.sends:
            return self._announce(action, work, view)
        # A contribution is to a training, whichever of its rounds is open.
        key = (key_of(action), 0 if isinstance(action, Contribute) else view.round)
        if self._sent is None or self._sent[2] != key:
            refused = self._refused(action).left(key)
            if refused > 0:
                return min(self._pause(view, view.deadline), refused)
            hold = self._hold_back(work, key, view)
            if hold > 0:
                return min(self._pause(view, view.deadline), hold)
            self._sent, self._sent_at = (action, work, key), self._now()
            self.ledger.submit(work)
            if self._follow():
                return 0.0
        return self._pause(view, view.deadline)

    def _hold_back(self, work: Work, key: Key, view: View) -> float:
        """Seconds for which others' votes had better come first, which decide the round without this one (ADR 8)."""
        if isinstance(work, Verdict) and not work.action.secret:
            approve = work.approve
        elif isinstance(work, Reveal):
            approve = True  # what is revealed isn't known here; more often than not it is that
        else:
            return 0.0
        if is_needed(view, approve):
            return 0.0
        if self._held[0] != key:
            self._held = key, self._now()
        patience = min(max(2 * self._mining_s, _LEAST_PAUSE_S), STEP_S, (view.deadline - self._clock(view)) / 4)
        return self._held[1] + patience - self._now()

    def _follow(self) -> bool:
        """What has become of what is under way? True if it is settled, so that the view is another one."""
        if self._sent is None:
            return False
        action, work, key = self._sent
        try:
            receipt = self.ledger.poll()
        except (ContractError, TransactionError) as e:
            # Perhaps the state has changed between the look and the transaction; perhaps gas is too dear.
            self._sent = self._view = None
            pause = self._refused(action).add(key)
            self.reporter.refused(e, self._refused(action).times, pause)
            return False
        except BaseException:
            self._sent = None
            raise
        if receipt is None:
            return False
        self._sent = self._view = None
        self._refused(action).clear()
        if receipt.outcome is Outcome.SENT:
            self._mining_s = self._now() - self._sent_at
            for earlier in self.ledger.settle():  # votes count also when nobody could be told so at their time
                self.reporter.submitted(*earlier)
        self.supervisor.done(action)
        self.reporter.submitted(work, receipt)
        return True

    def _refused(self, action: Action) -> Backoff:
        return self._contributions_refused if isinstance(action, Contribute) else self._refusals

    def _announce(self, action: Action, work: Work | None, view: View) -> float:
        """Dry run: say once what would be done."""
        key = (key_of(action), view.round)
        if key != self._announced:
            self._announced = key
            self.reporter.would(action, work)
        return self._pause(view, view.deadline)


def _changes_after(view: View) -> int:
    """The last second for which the view holds, by the clock alone."""
    return view.opens_at - 1 if view.at < view.opens_at else view.deadline
