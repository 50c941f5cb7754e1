"""A deployed contract and its members, all in one process.

Not a second implementation: every learner has a :class:`Member`, which does what ``decide``
says, exactly as a node does. What a network does at the same time is done here in two steps: first all
members do their work on one state, then all send. So a vote may come too late, as it may in a network.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ..chain.contract import CollectiveContract
from ..chain.deploy import Genesis, deploy
from ..chain.snapshot import Snapshot
from ..chain.transactions import Receipt, Sender
from ..core.asking import ask_current
from ..core.claims import RejectedMerge, before_accepted, rejected_merges
from ..core.decide import Contribute, Me, Wait, decide
from ..core.driver import check_fit, tried
from ..core.joint import check_mergeable
from ..core.learner import Learner, ProposedWeights, without_weights
from ..core.limits import DEFAULT_MAX_SIZE
from ..core.merge.claim import LeftOut
from ..core.merge.rules import Rule
from ..core.protocol import RoundRecord, RoundState, Rules, View, WeightsRef, seats
from ..core.results import MergeRecord, RoundResult
from ..core.roles import roles_of
from ..core.schema import Schema
from ..core.weights import encode
from ..core.wire import Wire
from ..errors import ChainError
from ..founding.names import NO_NAMES, Names, why_no_names
from ..founding.record import DeploymentRecord
from ..member.prepare import Preparer
from ..member.submit import Submitter, sent
from ..member.verified import Verified
from ..member.work import Contributed, Declined, Merged, Trained, Verdict, Work
from ..stores.base import Store
from .chain import EmbeddedChain

__all__ = ["EmbeddedCollective", "Member"]


@dataclass
class _Evidence:
    """What the members found out in the current round, by seat, for the run's record."""

    tests: dict[int, ProposedWeights] = field(default_factory=dict)
    votes: dict[int, bool | None] = field(default_factory=dict)
    declined: str = ""
    gas: int = 0
    merge: MergeRecord | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One member: the long half of its work and the short one, which a node has in two processes."""

    preparer: Preparer
    submitter: Submitter[Receipt]

    @property
    def me(self) -> Me:
        """What it knows of itself."""
        mine = self.preparer
        address = self.submitter.sender.account.address
        return Me(address, mine.adopted, published=mine.published, contributed=mine.contributed)


def _light(work: Work) -> Work:
    """The same without the weights that were tested, of which every member would hold its own."""
    if isinstance(work, Trained | Merged) and work.own_test is not None:
        return replace(work, own_test=without_weights(work.own_test))
    if isinstance(work, Verdict) and work.test is not None:
        return replace(work, test=without_weights(work.test))
    return work


class EmbeddedCollective:
    """The deployed contract and its members by seat; ``record`` is its deployment, as a file would have it."""

    def __init__(
        self,
        learners: Sequence[Learner],
        names: Sequence[str],
        store: Store,
        threshold: Fraction,
        chain: EmbeddedChain,
        order: Sequence[Rule],
        *,
        secret: bool,
        shuffled: bool,
        verify_merge: bool,
        wire: Wire | None,
        pause: int,
    ) -> None:
        started = time.monotonic()
        genesis = ask_current(learners[0], names[0]).weights
        schema = Schema.of(genesis, roles_of(learners[0]), wire)
        check_fit(learners, schema, names)
        rules = Rules.of(threshold, pause=pause)
        if order:
            check_mergeable(schema, learners, names)
            rules = rules.changed(train_window=rules.propose_window)
        self._chain = chain
        self._data = encode(genesis, schema)
        self._genesis = store.put(self._data)
        self._started = started
        self._deployment = deploy(
            chain.web3,
            chain.accounts[0],
            Genesis(
                members=[account.address for account in chain.accounts],
                weights=self._genesis,
                rules=rules,
                secret_votes=secret,
                shuffled=shuffled,
                max_size=DEFAULT_MAX_SIZE,
                merge_order=order,
            ),
        )
        made = self._deployment
        called = {str(a.address): name for a, name in zip(chain.accounts, names, strict=False)}
        self.record = DeploymentRecord(
            made.chain_id,
            made.address,
            made.block,
            made.transaction,
            self._genesis,
            schema,
            names=NO_NAMES if why_no_names(called.values()) else Names(called),
        )
        self._contract = CollectiveContract(chain.web3, self._deployment.address, pin_by_number=True)
        verified = Verified()  # one for all: on disk a set of weights lies once, however many members there are
        self._members = [
            Member(
                Preparer(
                    learner,
                    store,
                    max_size=DEFAULT_MAX_SIZE,
                    name=name,
                    schema=schema,
                    verified=verified,
                    keep_contributions=False,  # the run sees to that: the store is everybody's
                ),
                Submitter(Sender(self._contract, account), publish_scores=True),
            )
            for learner, account, name in zip(learners, chain.accounts, names, strict=True)
        ]
        self._store, self._verifies = store, verify_merge
        self._contributed = set[str]()  # to the training that goes on, by CID
        self._stays = {self._genesis.cid}  # of what was proposed, or contributed to what was accepted
        self._declined: dict[int, Declined] = {}  # to train for joint rounds: by seat, the last
        self._until = 0
        self._snapshot: Snapshot | None = None
        self._rejected: tuple[RejectedMerge, ...] | None = None
        self._before: tuple[WeightsRef | None] | None = None
        self._views: dict[str, View] = {}
        self.about = {
            "chain_id": self._deployment.chain_id,
            "contract": self._deployment.address,
            "members": [account.address for account in chain.accounts],
            "secret_votes": secret,
            "shuffled": shuffled,
            "max_size": DEFAULT_MAX_SIZE,
            "wire": wire,
        }

    def initial_result(self) -> RoundResult:
        """Everyone adopts the genesis weights and tests them."""
        for seat, member in enumerate(self._members):
            member.preparer.prepare(decide(*self._look(member, seat)))
        tests = [without_weights(member.preparer.test(self._data)) for member in self._members]
        return replace(tried(tests, self._data, time.monotonic() - self._started), gas=self._deployment.gas)

    def run_round(self) -> RoundResult:
        """Let every member act until the round is decided and everyone has adopted the outcome."""
        started = time.monotonic()
        view = self._view(self._members[0])
        first, evidence = view.round, _Evidence()
        while view.round == first or not self._settled():
            if not self._step(evidence):
                if view.proposal is not None or view.at >= view.opens_at:
                    evidence.declined = evidence.declined or self._why_idle(view)
                    if not evidence.declined:
                        raise ChainError(f"nobody can act in round {view.round} ({view.state.name})")
                # A network waits until the turn has passed, the pause, or the time to contribute; here nobody has to.
                self._chain.pass_time(self._until + 1 - view.at)
                self._changed()
            view = self._view(self._members[0])
        record = self._record(first)
        self._sort_out(record, view)
        return self._result(record, evidence, time.monotonic() - started)

    def _sort_out(self, record: RoundRecord, now: View) -> None:
        """What was contributed to a training is kept while that goes on, and for good if a merge of it is accepted."""
        if record.weights is not None:
            self._stays.add(record.weights.cid)
        if record.state is RoundState.ACCEPTED:
            self._stays |= self._contributed
        if now.training is None or now.training.first_round <= record.round:
            return
        for cid in self._contributed - self._stays:
            self._store.discard(cid)
        self._contributed.clear()

    # -------------------------------------------------------------------------------------------- one step

    def _step(self, evidence: _Evidence) -> bool:
        """All members look and work on one state, then all send. False when nobody had anything to do."""
        acted = False
        prepared = []
        self._until = self._view(self._members[0]).deadline
        for seat, member in enumerate(self._members):
            action = decide(*self._look(member, seat))
            if isinstance(action, Wait):
                self._until = min(self._until, action.until)
                continue
            work = _light(member.preparer.prepare(action))
            if isinstance(work, Declined):
                evidence.declined = work.reason
                if isinstance(action, Contribute):
                    self._declined[seat] = work
                continue
            acted = True
            if isinstance(work, Contributed):
                self._contributed.add(work.weights.cid)
            if isinstance(work, Merged):
                evidence.merge = self._merge_of(work)
            if isinstance(work, Trained | Merged):
                if work.own_test is not None:
                    evidence.tests[seat] = work.own_test
            elif isinstance(work, Verdict):
                evidence.votes[seat] = work.approve if work.test is None else work.test.vote
                if work.test is not None:
                    evidence.tests[seat] = work.test
            prepared.append((member, work))
        for member, work in prepared:
            receipt = member.submitter.submit(work)
            if receipt is None:
                continue
            self._changed()
            if sent(receipt):
                evidence.gas += receipt.gas
        return acted

    def _settled(self) -> bool:
        accepted = self._view(self._members[0]).accepted.sha256
        return all(member.me.adopted == accepted for member in self._members)

    def _look(self, member: Member, seat: int) -> tuple[View, Me]:
        view = self._view(member)
        trains, rejected = seat not in self._without(view), self._rejected_before(view)
        if self._before is None:
            self._before = (before_accepted(view, self._state().rounds),)
        [before] = self._before
        return view, replace(member.me, trains=trains, rejected=rejected, verifies=self._verifies, before=before)

    def _rejected_before(self, view: View) -> tuple[RejectedMerge, ...]:
        first = view.accepted_round + 1
        if view.training is None or first >= view.round:
            return ()
        if self._rejected is None:
            self._rejected = rejected_merges(view, self._state().rounds(first, view.round - first))
        return self._rejected

    def _without(self, view: View) -> dict[int, str]:
        """Who takes no part in the training that goes on, by seat, and why."""
        first = None if view.training is None else view.training.first_round
        return {seat: one.reason for seat, one in self._declined.items() if one.round == first}

    def _why_idle(self, view: View) -> str:
        """Why it may be that nobody has anything to do until time has passed; empty if there is no reason."""
        return next(iter(self._without(view).values()), "")

    def _merge_of(self, work: Merged) -> MergeRecord:
        view = self._view(self._members[0])
        training = view.training
        assert training is not None
        left_out = {seat: LeftOut(reason).text for seat, reason in work.left_out} | self._without(view)
        return MergeRecord(
            training.first_round,
            Rule(work.claim.rule).text,
            seats(training.in_time),
            seats(work.claim.seats),
            tuple(sorted(left_out.items())),
        )

    def _view(self, member: Member) -> View:
        """What a member sees: read once for each state, since a read is as dear as a vote."""
        address = member.me.address
        if address not in self._views:
            self._views[address] = self._state().view(address)
        return self._views[address]

    def _record(self, round_number: int) -> RoundRecord:
        return self._state().rounds(round_number, 1)[0]

    def _state(self) -> Snapshot:
        """The contract as it is. The chain's clock, too, stands still until the next block, and only this run mines."""
        if self._snapshot is None:
            self._snapshot = self._contract.snapshot()
        return self._snapshot

    def _changed(self) -> None:
        """A block may have been mined."""
        self._snapshot = self._rejected = self._before = None
        self._views.clear()

    def _result(self, record: RoundRecord, evidence: _Evidence, seconds: float) -> RoundResult:
        if record.weights is None:
            if not evidence.declined:
                raise ChainError(f"round {record.round} was {record.state.name} in a run where every member acts")
            return RoundResult.missed(
                record.round, record.proposer_seat, len(self._members), evidence.declined, seconds, gas=evidence.gas
            )
        everyone = range(len(self._members))
        result = RoundResult.of(
            record.round,
            record.proposer_seat,
            record.weights,
            [evidence.tests.get(seat) for seat in everyone],
            accepted=record.state is RoundState.ACCEPTED,
            votes=[evidence.votes.get(seat) for seat in everyone],
            need=record.need,
            gas=evidence.gas,
            seconds=seconds,
        )
        return replace(result, merge=evidence.merge)
