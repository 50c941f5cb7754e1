"""A whole collective in one process, on the embedded chain: the backend of the demo.

Not a second implementation: every learner has a :class:`~colearn_ledger.embedded.perform.Performer` and does what
``decide`` says, exactly as a node does. What a network does at the same time is done here in two steps: first all
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
from ..chain.transactions import Sender
from ..core.asking import ask_current
from ..core.cid import cid_text
from ..core.decide import Me, Wait, decide
from ..core.driver import check_fit, tried
from ..core.learner import Learner, ProposedWeights
from ..core.protocol import RoundRecord, RoundState, Rules, View
from ..core.results import Results, RoundResult, record_of
from ..core.schema import Schema
from ..core.weights import encode
from ..errors import ChainError
from ..member.verified import Verified
from ..stores.base import Store
from ..stores.local import LocalStore
from .chain import EmbeddedChain
from .perform import Declined, Performer, Trained, Verdict, sent

__all__ = ["EmbeddedLedger"]

_MAX_SIZE = 1 << 30
OnRound = Callable[[RoundResult], None]


@dataclass
class _Evidence:
    """What the members found out in the current round, by seat, for the run's record."""

    tests: dict[int, ProposedWeights] = field(default_factory=dict)
    votes: dict[int, bool | None] = field(default_factory=dict)
    declined: str = ""
    gas: int = 0


class EmbeddedLedger:
    """The backend that runs a collective on a chain inside this process.

    Parameters
    ----------
    secret: votes are committed and revealed instead of cast openly.
    shuffled: the contract shuffles the order of proposers each cycle; else it goes seat by seat.
    store: where weights go; a temporary folder when None.
    """

    name = "embedded ledger"

    def __init__(self, *, secret: bool = False, shuffled: bool = False, store: Store | None = None) -> None:
        self._secret = secret
        self._shuffled = shuffled
        self._store = store

    def run(
        self,
        learners: Sequence[Learner],
        n_rounds: int,
        threshold: Fraction,
        on_round: OnRound | None,
        names: Sequence[str],
    ) -> Results:
        """``n_rounds`` rounds; see :func:`colearn_ledger.run`. Ctrl-C ends it with the rounds decided before."""
        with self._open_store() as store:
            collective = _Collective(learners, names, store, threshold, secret=self._secret, shuffled=self._shuffled)
            initial = collective.initial_result()
            done: list[RoundResult] = []
            interrupted = False
            try:
                if on_round is not None:
                    on_round(initial)
                for _ in range(n_rounds):
                    result = collective.run_round()
                    done.append(result)
                    if on_round is not None:
                        on_round(result)
            except KeyboardInterrupt:
                interrupted = True
            return Results(
                names=tuple(names),
                threshold=str(threshold),
                backend=self.name,
                initial=initial,
                rounds=done,
                interrupted=interrupted,
                ledger=collective.about,
            )

    @contextlib.contextmanager
    def _open_store(self) -> Iterator[Store]:
        if self._store is not None:
            yield self._store
            return
        with tempfile.TemporaryDirectory(prefix="colearn-ledger-") as folder:
            yield LocalStore(Path(folder))


class _Collective:
    """The deployed contract and one performer per seat."""

    def __init__(
        self,
        learners: Sequence[Learner],
        names: Sequence[str],
        store: Store,
        threshold: Fraction,
        *,
        secret: bool,
        shuffled: bool,
    ) -> None:
        started = time.monotonic()
        genesis = ask_current(learners[0], names[0]).weights
        schema = Schema.of(genesis)
        check_fit(learners, schema, names)
        self._chain = chain = EmbeddedChain(len(learners))
        self._data = encode(genesis)
        self._genesis = store.put(self._data)
        self._started = started
        self._deployment = deploy(
            chain.web3,
            chain.accounts[0],
            Genesis(
                members=[account.address for account in chain.accounts],
                weights=self._genesis,
                rules=Rules(threshold.numerator, threshold.denominator),
                secret_votes=secret,
                shuffled=shuffled,
                max_size=_MAX_SIZE,
            ),
        )
        self._contract = CollectiveContract(chain.web3, self._deployment.address, pin_by_number=True)
        verified = Verified()  # one for all: on disk a set of weights lies once, however many members there are
        self._performers = [
            Performer(
                learner,
                store,
                Sender(self._contract, account),
                max_size=_MAX_SIZE,
                name=name,
                schema=schema,
                verified=verified,
            )
            for learner, account, name in zip(learners, chain.accounts, names, strict=True)
        ]
        self.about = {
            "chain_id": self._deployment.chain_id,
            "contract": self._deployment.address,
            "members": [account.address for account in chain.accounts],
            "secret_votes": secret,
            "shuffled": shuffled,
            "max_size": _MAX_SIZE,
        }

    def initial_result(self) -> RoundResult:
        """Everyone adopts the genesis weights and tests them."""
        for performer in self._performers:
            performer.prepare(decide(*self._look(performer)))
        tests = [performer.test(self._data) for performer in self._performers]
        return replace(tried(tests, self._data, time.monotonic() - self._started), gas=self._deployment.gas)

    def run_round(self) -> RoundResult:
        """Let every member act until the round is decided and everyone has adopted the outcome."""
        started = time.monotonic()
        view = self._view(self._performers[0])
        first, evidence = view.round, _Evidence()
        while view.round == first or not self._settled():
            if not self._step(evidence):
                if not evidence.declined:
                    raise ChainError(f"nobody can act in round {view.round} ({view.state.name})")
                # A network waits until the turn has passed; here nobody's time needs to.
                self._chain.pass_time(view.deadline + 1 - view.at)
            view = self._view(self._performers[0])
        return self._result(self._record(first), evidence, time.monotonic() - started)

    # -------------------------------------------------------------------------------------------- one step

    def _step(self, evidence: _Evidence) -> bool:
        """All members look and work on one state, then all send. False when nobody had anything to do."""
        acted = False
        prepared = []
        for seat, performer in enumerate(self._performers):
            action = decide(*self._look(performer))
            if isinstance(action, Wait):
                continue
            work = performer.prepare(action)
            if isinstance(work, Declined):
                evidence.declined = work.reason
                continue
            acted = True
            if isinstance(work, Trained):
                evidence.tests[seat] = work.own_test
            elif isinstance(work, Verdict):
                evidence.votes[seat] = work.approve if work.test is None else work.test.vote
                if work.test is not None:
                    evidence.tests[seat] = work.test
            prepared.append((performer, work))
        for performer, work in prepared:
            receipt = performer.submit(work)
            if receipt is not None and sent(receipt):
                evidence.gas += receipt.gas
        return acted

    def _settled(self) -> bool:
        accepted = self._view(self._performers[0]).accepted.sha256
        return all(performer.me.adopted == accepted for performer in self._performers)

    def _look(self, performer: Performer) -> tuple[View, Me]:
        return self._view(performer), performer.me

    def _view(self, performer: Performer) -> View:
        return self._contract.snapshot().view(performer.me.address)

    def _record(self, round_number: int) -> RoundRecord:
        return self._contract.snapshot().rounds(round_number, 1)[0]

    def _result(self, record: RoundRecord, evidence: _Evidence, seconds: float) -> RoundResult:
        n = len(self._performers)
        if record.weights is None:
            if not evidence.declined:
                raise ChainError(f"round {record.round} was {record.state.name} in a run where every member acts")
            return RoundResult.missed(
                record.round, record.proposer_seat, n, evidence.declined, seconds, gas=evidence.gas
            )
        return RoundResult(
            round=record.round,
            proposer=record.proposer_seat,
            accepted=record.state is RoundState.ACCEPTED,
            votes=tuple(evidence.votes.get(seat) for seat in range(n)),
            vote_scores=_vote_scores(evidence.tests, n),
            test_scores=_test_scores(evidence.tests, n),
            current_scores=_current_scores(evidence.tests, n),
            approvals=sum(vote is True for vote in evidence.votes.values()),
            need=record.need,
            weights_sha256=record.weights.sha256.hex(),
            size=record.weights.size,
            cid=cid_text(record.weights.cid_digest, record.weights.size),
            gas=evidence.gas,
            seconds=seconds,
            vote_records=tuple(
                None if seat == record.proposer_seat else record_of(evidence.tests.get(seat)) for seat in range(n)
            ),
        )


Scores = tuple[float | None, ...]


def _vote_scores(tests: dict[int, ProposedWeights], n: int) -> Scores:
    return tuple(tests[seat].vote_value if seat in tests else None for seat in range(n))


def _test_scores(tests: dict[int, ProposedWeights], n: int) -> Scores:
    return tuple(tests[seat].test_value if seat in tests else None for seat in range(n))


def _current_scores(tests: dict[int, ProposedWeights], n: int) -> Scores:
    return tuple(tests[seat].current_score if seat in tests else None for seat in range(n))
