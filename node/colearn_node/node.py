"""The node: look at the contract, decide, perform; and again when something wakes it.

Nothing that matters is remembered: a node that was killed looks, and carries on. What is remembered (the last view,
what failed how often) only saves work, or spares others.
"""

from __future__ import annotations

import time

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.decide import Action, Adopt, Advance, Me, Propose, Reveal, Wait, decide
from colearn_ledger.core.protocol import View
from colearn_ledger.errors import ChainError, ContractError, WrongChain
from colearn_ledger.ledger.submit import Submitter
from colearn_ledger.ledger.work import Declined, Work

from .crew import Crew, Key, key_of
from .health import Health
from .narrator import Narrator
from .tidy import Tidier
from .trouble import Trouble
from .wake import News, Wake

__all__ = ["Node"]

# While news come over a WebSocket, a look now and then is only for the news that got lost.
_QUIET_POLL_S = 15.0
_LEAST_PAUSE_S = 0.25


class Node:
    """One member's node.

    Parameters
    ----------
    contract: the collective, as seen through an endpoint.
    member: the address whose view decides.
    submitter: sends; None decides and says what it would do (dry run).
    crew: gets the long work done.
    tidier: finds the weights that needn't be kept.
    health: is told what the loop does.
    news: what wakes the loop beside the crew; None polls.
    rounds: leave after so many decided rounds; None goes on until told to stop.
    until_round: leave when this round has passed, whoever decided it and whenever this node was started.
    """

    def __init__(
        self,
        contract: CollectiveContract,
        member: str,
        submitter: Submitter | None,
        crew: Crew,
        wake: Wake,
        narrator: Narrator,
        tidier: Tidier,
        health: Health,
        *,
        news: News | None = None,
        poll_interval: float = 1.0,
        store_timeout: float = 60.0,
        rounds: int | None = None,
        until_round: int | None = None,
    ) -> None:
        self.contract, self.member, self.submitter = contract, member, submitter
        self.crew, self.wake, self.narrator, self.news = crew, wake, narrator, news
        self.tidier, self.health = tidier, health
        self.poll_interval, self.store_timeout = poll_interval, store_timeout
        self.rounds, self.until_round = rounds, until_round
        self.stopping = False
        self._view: View | None = None
        self._read_at = 0.0  # monotonic; when the view was read
        self._told_from: int | None = None  # the round whose outcome is to be told next
        self._own_block = 0  # of this node's last transaction
        self._failures = Trouble()
        self._announced: Key = ()

    # -------------------------------------------------------------------------------------------- the loop

    def run(self) -> None:
        """Go on until told to stop. Raises what only a person can mend: another chain, a learner of another model."""
        self.crew.start()
        try:
            while not self.stopping:
                self.health.looped()
                try:
                    pause = self.step()
                except WrongChain:
                    raise
                except ChainError as e:
                    pause = self._failures.add(e.what)
                    self.narrator.chain_trouble(e, self._failures.times, pause)
                self.wake.wait(pause)
        finally:
            self.crew.end()

    def stop(self) -> None:
        """Leave soon; may be called from a signal handler."""
        self.stopping = True
        self.wake()

    def step(self) -> float:
        """Look, decide, perform. Returns the seconds after which to look again even if nothing wakes the loop."""
        self.crew.hear()
        view = self._look()
        self.health.looked(can_work=self.crew.ready and self.crew.adopted == view.accepted.sha256)
        action = decide(view, Me(self.member, self.crew.adopted), view.at)
        if self._enough(view) and not isinstance(action, Adopt):
            self.stop()
            return 0.0
        if isinstance(action, Wait):
            self.narrator.wait(view, action)
            self.crew.rest(self.tidier.due(view) if self.submitter is not None and self.crew.idle else None)
            return self._pause(view, action.until)
        if isinstance(action, Reveal | Advance):
            return self._submit(action, action, view)
        if self.submitter is None and isinstance(action, Propose):
            return self._announce(action, None, view)
        work = self.crew.work_on(action, self._patience(action, view))
        if work is None:
            return min(self._pause(view, view.deadline), self.crew.pause(action))
        if isinstance(work, Declined):  # the crew keeps the answer, so the learner isn't asked again in this turn
            self.narrator.declined(view, work)
            return self._pause(view, view.deadline)
        return self._submit(action, work, view)

    def _enough(self, view: View) -> bool:
        return (self.rounds is not None and self.narrator.decided >= self.rounds) or (
            self.until_round is not None and view.round > self.until_round
        )

    # -------------------------------------------------------------------------------------------- look

    def _look(self) -> View:
        """The view at the newest block; the last one, if that block is still the newest and no deadline has passed."""
        head = self.contract.fetch_head()
        view = self._view
        if view is not None and view.block_hash == head.hash and self._clock(view) <= view.deadline:
            return view
        if head.number < self._own_block:
            raise ChainError(f"the endpoint shows block {head.number}, this node's transaction is in {self._own_block}")
        now = time.monotonic()
        view = self.contract.fetch_view(self.member, head, self.contract.fetch_clock(head))
        if self._told_from is not None and self._told_from < view.round:
            count = view.round - self._told_from
            self.narrator.outcomes(self.contract.fetch_rounds(self._told_from, count, head, view.at))
        self._told_from = view.round
        self._view, self._read_at = view, now
        self._failures.clear()
        self.narrator.looked(view)
        return view

    def _clock(self, view: View) -> float:
        """Block time by now, as far as this machine can tell: only for when to look again, never for a decision."""
        return view.at + (time.monotonic() - self._read_at)

    def _pause(self, view: View, until: int) -> float:
        quiet = self.news is not None and self.news.connected
        pause = max(self.poll_interval, _QUIET_POLL_S) if quiet else self.poll_interval
        # Past the deadline the chain's own clock may still stand before it: look again, but not in a busy loop.
        return min(pause, max(until + 1 - self._clock(view), min(_LEAST_PAUSE_S, self.poll_interval)))

    def _patience(self, action: Action, view: View) -> float:
        """Seconds that pulling weights may take."""
        left = self.store_timeout if isinstance(action, Adopt) else view.deadline - self._clock(view)
        return max(1.0, min(self.store_timeout, left))

    # -------------------------------------------------------------------------------------------- perform

    def _submit(self, action: Action, work: Work, view: View) -> float:
        if self.submitter is None:
            return self._announce(action, work, view)
        try:
            receipt = self.submitter.submit(work)
        except ContractError as e:
            # Perhaps the state has changed between the look and the transaction; a second time it's no coincidence.
            pause = self._failures.add((e.name, key_of(action), view.round))
            if self._failures.times > 1:
                raise
            self.narrator.refused(e)
            self._view = None
            return pause
        assert receipt is not None
        self.crew.done()
        self._view = None  # it has changed
        if receipt.outcome is Outcome.SENT:
            self._own_block = max(self._own_block, receipt.block)
        self.narrator.submitted(work, receipt)
        return 0.0

    def _announce(self, action: Action, work: Work | None, view: View) -> float:
        """Dry run: say once what would be done."""
        key = (key_of(action), view.round)
        if key != self._announced:
            self._announced = key
            self.narrator.would(action, work)
        return self._pause(view, view.deadline)
