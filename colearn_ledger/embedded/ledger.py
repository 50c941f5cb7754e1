"""A whole collective in one process, on the embedded chain: the backend of the demo.

Not a second implementation: every learner has a :class:`Member`, which does what ``decide``
says, exactly as a node does. What a network does at the same time is done here in two steps: first all
members do their work on one state, then all send. So a vote may come too late, as it may in a network.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from ..chain.contract import CollectiveContract
from ..chain.deploy import Genesis, deploy
from ..chain.snapshot import Snapshot
from ..chain.transactions import Receipt, Sender
from ..core.asking import ask_current
from ..core.decide import Contribute, Me, Wait, decide
from ..core.driver import check_fit, play_rounds, tried
from ..core.joint import check_mergeable
from ..core.learner import Learner, ProposedWeights, without_weights
from ..core.limits import DEFAULT_MAX_SIZE
from ..core.merge.claim import LeftOut
from ..core.merge.rules import Rule
from ..core.protocol import RoundRecord, RoundState, Rules, View, seats
from ..core.results import MergeRecord, Results, RoundResult
from ..core.roles import roles_of
from ..core.schema import Schema
from ..core.weights import encode
from ..errors import ChainError, UsageError
from ..member.prepare import Preparer
from ..member.submit import Submitter, sent
from ..member.verified import Verified
from ..member.work import Contributed, Declined, Merged, Trained, Verdict, Work
from ..stores.base import Store
from ..stores.local import LocalStore
from .chain import EmbeddedChain

__all__ = ["EmbeddedLedger", "Member"]

OnRound = Callable[[RoundResult], None]


@dataclass
class _Evidence:
    """What the members found out in the current round, by seat, for the run's record."""

    tests: dict[int, ProposedWeights] = field(default_factory=dict)
    votes: dict[int, bool | None] = field(default_factory=dict)
    declined: str = ""
    gas: int = 0
    merge: MergeRecord | None = None


class EmbeddedLedger:
    """The backend that runs a collective on a chain inside this process.

    Parameters
    ----------
    secret: votes are committed and revealed instead of cast openly.
    shuffled: the contract shuffles the order of proposers each cycle; else it goes seat by seat.
    store: where weights go; a temporary folder when None. In joint rounds what was contributed to a training of which
        nothing was accepted goes again.
    chain: to be read afterwards, with an account for each learner; one that ends with the run when None.
    """

    name = "embedded ledger"

    def __init__(
        self,
        *,
        secret: bool = False,
        shuffled: bool = False,
        store: Store | None = None,
        chain: EmbeddedChain | None = None,
    ) -> None:
        self._secret = secret
        self._shuffled = shuffled
        self._store = store
        self._chain = chain

    def run(
        self,
        learners: Sequence[Learner],
        n_rounds: int,
        threshold: Fraction,
        on_round: OnRound | None,
        names: Sequence[str],
        order: Sequence[Rule] = (),
    ) -> Results:
        """``n_rounds`` rounds; see :func:`colearn_ledger.run`. Ctrl-C ends it with the rounds decided before."""
        if Rule.MOMENTUM in order:
            raise UsageError(
                "a ledger's members don't keep the weights that were accepted before the parent, which momentum takes",
                expected="an order without it",
                fix="leave it out, or run without a ledger",
            )
        with self._open_store() as store:
            chain = self._chain or EmbeddedChain(len(learners))
            collective = _Collective(
                learners, names, store, threshold, chain, order, secret=self._secret, shuffled=self._shuffled
            )
            begun = Results(
                names=tuple(names),
                threshold=str(threshold),
                backend=self.name,
                initial=collective.initial_result(),
                ledger=collective.about,
            )
            return play_rounds(begun, n_rounds, lambda number: collective.run_round(), on_round)

    @contextlib.contextmanager
    def _open_store(self) -> Iterator[Store]:
        if self._store is not None:
            yield self._store
            return
        with tempfile.TemporaryDirectory(prefix="colearn-ledger-") as folder:
            yield LocalStore(Path(folder))


@dataclass(frozen=True, slots=True)
class Member:
    """One member: the long half of its work and the short one, which a node has in two processes."""

    preparer: Preparer
    submitter: Submitter[Receipt]

    @property
    def me(self) -> Me:
        """What it knows of itself."""
        return Me(self.submitter.sender.account.address, self.preparer.adopted, published=self.preparer.published)


def _light(work: Work) -> Work:
    """The same without the weights that were tested, of which every member would hold its own."""
    if isinstance(work, Trained | Merged) and work.own_test is not None:
        return replace(work, own_test=without_weights(work.own_test))
    if isinstance(work, Verdict) and work.test is not None:
        return replace(work, test=without_weights(work.test))
    return work


class _Collective:
    """The deployed contract and its members by seat."""

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
    ) -> None:
        started = time.monotonic()
        genesis = ask_current(learners[0], names[0]).weights
        schema = Schema.of(genesis, roles_of(learners[0]))
        check_fit(learners, schema, names)
        rules = Rules.of(threshold)
        if order:
            check_mergeable(schema, learners, names)
            rules = rules.changed(train_window=rules.propose_window)
        self._chain = chain
        self._data = encode(genesis)
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
        self._store = store
        self._contributed = set[str]()  # to the training that goes on, by CID
        self._stays = {self._genesis.cid}  # of what was proposed, or contributed to what was accepted
        self._declined: dict[int, Declined] = {}  # to train for joint rounds: by seat, the last
        self._until = 0
        self._snapshot: Snapshot | None = None
        self._views: dict[str, View] = {}
        self.about = {
            "chain_id": self._deployment.chain_id,
            "contract": self._deployment.address,
            "members": [account.address for account in chain.accounts],
            "secret_votes": secret,
            "shuffled": shuffled,
            "max_size": DEFAULT_MAX_SIZE,
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
                evidence.declined = evidence.declined or self._why_idle(view)
                if not evidence.declined:
                    raise ChainError(f"nobody can act in round {view.round} ({view.state.name})")
                # A network waits until the turn has passed, or the time to contribute; here nobody's time needs to.
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
        return view, replace(member.me, trains=seat not in self._without(view))

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
        self._snapshot = None
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
