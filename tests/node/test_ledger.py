"""A chain as a node sees it. The contract and what sends are fakes that say what they are asked."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any, cast

import pytest
from colearn_node.ledger import ChainLedger
from web3.exceptions import TransactionNotFound

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.endpoints import Heads, begin_view, connect
from colearn_ledger.chain.transactions import Outcome, Receipt, Sending
from colearn_ledger.core.decide import Advance
from colearn_ledger.core.protocol import RoundRecord, RoundState, View
from colearn_ledger.errors import ChainError, ColearnError, TransactionError
from colearn_ledger.member.submit import Submitter
from colearn_ledger.member.work import Work

from ..kit.anvil import anvil
from ..kit.builders import ME, OTHER, record, view
from ..kit.collective import JOINT_RULES, embedded_joint
from ..kit.fakes import Clock


class FakeContract:
    """A contract of which everything is known; ``asked`` of which state and whose view."""

    def __init__(self) -> None:
        self.head = Head(5, b"5" * 32, 1000)
        self.asked: list[tuple[Any, ...]] = []
        self.address = OTHER
        self.error: ColearnError | None = None

    def fetch_head(self) -> Head:
        return self.head

    def snapshot_at(self, head: Head, clock: int | None = None) -> FakeSnapshot:
        return FakeSnapshot(self, head, head.timestamp + 7 if clock is None else clock)


@dataclasses.dataclass(frozen=True)
class FakeSnapshot:
    contract: FakeContract
    head: Head
    clock: int
    pin: int = 0

    def view(self, member: str) -> View:
        if self.contract.error is not None:
            raise self.contract.error
        self.contract.asked.append((member, self.head, self.clock))
        return view(block_number=self.head.number, block_hash=self.head.hash, at=self.clock)

    def rounds(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        self.contract.asked.append((first, count, self.head, self.clock))
        return (record(first, RoundState.ACCEPTED),)


@dataclasses.dataclass
class FakeSending:
    """Under way until what becomes of it is given."""

    becomes: Receipt | Exception | None = None
    pause: float = 0.2
    later: Receipt | None = None

    def fetch_receipt(self) -> Receipt | None:
        return self.later

    def poll(self) -> Receipt | None:
        if isinstance(self.becomes, Exception):
            raise self.becomes
        return self.becomes


class FakeSubmitter:
    def __init__(self, *outcomes: Receipt | Exception | None) -> None:
        self.sendings = [FakeSending(outcome) for outcome in outcomes]
        self.sent: list[Work] = []

    def submit(self, work: Work) -> FakeSending:
        self.sent.append(work)
        return self.sendings[len(self.sent) - 1]


def ledger(contract: FakeContract, submitter: FakeSubmitter | None = None, clock: Clock | None = None) -> ChainLedger:
    return ChainLedger(
        cast(CollectiveContract, contract), ME, cast("Submitter[Sending] | None", submitter), clock=clock or Clock()
    )


def mined(block: int) -> Receipt:
    return Receipt(Outcome.SENT, b"t" * 32, block, 1)


def after_own(block: int, *, there: bool) -> tuple[ChainLedger, FakeContract, Clock]:
    """A ledger whose transaction was mined in that block; ``there``: whether the endpoint still has it."""
    contract, clock = FakeContract(), Clock()
    vars(contract)["web3"] = SimpleNamespace(eth=SimpleNamespace(get_transaction_receipt=found if there else lost))
    chain = ledger(contract, FakeSubmitter(mined(block)), clock)
    chain.submit(Advance(7))
    assert chain.poll() == mined(block)
    return chain, contract, clock


def found(_: bytes) -> dict[str, Any]:
    return {}


def lost(_: bytes) -> dict[str, Any]:
    raise TransactionNotFound("no such transaction")


def test_view__of_the_member__at_the_newest_head_and_block_time_now() -> None:
    contract = FakeContract()
    seen = ledger(contract).view()
    assert (seen.block_number, seen.block_hash, seen.at) == (5, b"5" * 32, 1007)
    assert contract.asked == [(ME, contract.head, 1007)]


def test_view__nothing_mined_since__is_the_known_one_and_not_read_again() -> None:
    contract = FakeContract()
    chain = ledger(contract)
    known = chain.view()
    assert chain.view(known=known) is known and len(contract.asked) == 1
    contract.head = Head(6, b"6" * 32, 1001)
    assert chain.view(known=known).block_number == 6


@pytest.mark.parametrize("there, patience", [(False, 2.0), (True, 30.0)])
def test_view__below_this_nodes_own_transaction__is_not_believed_before_it_stays_so(
    there: bool, patience: float
) -> None:
    chain, contract, clock = after_own(9, there=there)
    contract.head = dataclasses.replace(contract.head, number=8)
    for seconds in (0.0, patience - 0.1):
        clock.now += seconds
        with pytest.raises(ChainError, match="shows block 8, this node's transaction is in 9"):
            chain.view()
    clock.now += 0.1
    assert chain.view().block_number == 8, "the chain has gone back"
    contract.head = dataclasses.replace(contract.head, number=3)
    assert chain.view().block_number == 3, "and what was remembered of it is forgotten"


def test_view__below_this_nodes_own_transaction_now_and_then__is_a_balancer_and_never_believed() -> None:
    chain, contract, clock = after_own(9, there=False)
    for _ in range(3):
        contract.head = dataclasses.replace(contract.head, number=8)
        with pytest.raises(ChainError):
            chain.view()
        clock.now += 60
        contract.head = dataclasses.replace(contract.head, number=9)
        assert chain.view().block_number == 9


def test_poll__one_transaction_after_another__an_earlier_block_comes_first() -> None:
    contract = FakeContract()
    chain = ledger(contract, FakeSubmitter(mined(9), mined(4)))
    for _ in range(2):
        chain.submit(Advance(7))
        chain.poll()
    assert chain.view().block_number == 5, "the chain went back between them"


@pytest.mark.parametrize("error", [ChainError("an empty answer")])
def test_view__chain_begun_anew__says_that_the_contract_is_gone(error: ColearnError) -> None:
    contract, code = FakeContract(), [b""]
    contract.error = error
    vars(contract)["web3"] = SimpleNamespace(eth=SimpleNamespace(get_code=lambda address, pin: code[0]))
    chain = ledger(contract)
    with pytest.raises(ChainError, match="isn't on this chain any more: block 5 has no code at its address"):
        chain.view()
    code[0] = b"something"
    with pytest.raises(type(error), match=error.what):
        chain.view()


def test_view__chain_that_has_just_begun__is_read() -> None:
    contract = FakeContract()
    contract.head = Head(0, b"0" * 32, 1000)
    assert ledger(contract).view().block_number == 0


def test_rounds__are_read_of_the_view__whatever_was_mined_since() -> None:
    contract = FakeContract()
    chain = ledger(contract)
    seen = chain.view()
    contract.head = Head(6, b"6" * 32, 1001)
    assert [r.round for r in chain.rounds(3, 2, seen)] == [3]
    first, count, head, clock = contract.asked[-1]
    assert (first, count, head.number, head.hash, clock) == (3, 2, 5, b"5" * 32, 1007)


def test_poll__not_sent__is_told_and_no_block_is_waited_for() -> None:
    receipt = Receipt(Outcome.TOO_LATE, b"", 99)
    submitter = FakeSubmitter(receipt)
    chain = ledger(FakeContract(), submitter)
    chain.submit(Advance(7))
    assert chain.poll() is receipt and submitter.sent == [Advance(7)]
    assert chain.view().block_number == 5


def test_poll__under_way__is_polled_as_the_transaction_wants_and_its_end_ends_that() -> None:
    submitter = FakeSubmitter(None, TransactionError("never mined"))
    chain = ledger(FakeContract(), submitter)
    assert chain.pause == math.inf
    chain.submit(Advance(7))
    assert chain.poll() is None and chain.pause == 0.2
    submitter.sendings[0].becomes = mined(6)
    assert chain.poll() == mined(6) and chain.pause == math.inf
    chain.submit(Advance(8))
    with pytest.raises(TransactionError):
        chain.poll()
    assert chain.pause == math.inf


@pytest.mark.slow
@pytest.mark.parametrize("shuffled", [False, True])
def test_next_proposer__of_a_real_contract__is_whose_turn_it_is_when_the_round_has_passed(shuffled: bool) -> None:
    story = embedded_joint(3, shuffled=shuffled)
    ledger = ChainLedger(story.contract, story.address(0), None)

    def passes(seconds: int) -> None:
        expected = ledger.next_proposer(ledger.view())
        story.chain.pass_time(seconds)
        assert story.view().proposer == expected != ""

    for index in range(3):
        story.contribute(index)
    passes(story.view().deadline - story.view().at + 1)
    passes(story.view().deadline - story.view().at + 1)
    story.merge()
    passes(JOINT_RULES.vote_window + 1)
    assert [record.state for record in story.records()] == [
        RoundState.MISSED,
        RoundState.MISSED,
        RoundState.REJECTED,
        RoundState.PROPOSING,
    ]


def test_sends__without_what_sends__is_a_dry_run() -> None:
    assert ledger(FakeContract(), FakeSubmitter()).sends is True
    assert ledger(FakeContract()).sends is False


def test_endpoints__are_those_of_the_contract() -> None:
    with anvil() as behind, anvil() as ahead:
        ahead.mine()
        web3 = connect([behind.url, ahead.url])
        contract = FakeContract()
        vars(contract)["web3"] = web3
        chain = ledger(contract)
        assert chain.compare_heads() == Heads(behind.url, 0, ahead.url, 1, 1)
        assert chain.switch_endpoint() is True
        begin_view(web3)
        assert web3.eth.block_number == 1
        vars(contract)["web3"] = connect([ahead.url])
        assert chain.compare_heads() is None and chain.switch_endpoint() is False


def test_settle__dropped_ones_that_were_mined__are_told_once() -> None:
    submitter = FakeSubmitter(None, None, mined(9))
    chain = ledger(FakeContract(), submitter)
    for number in (7, 8, 9):
        chain.submit(Advance(number))
        receipt = chain.poll()
    assert receipt == mined(9)
    submitter.sendings[0].later = mined(8)
    assert chain.settle() == [(Advance(7), mined(8))]
    assert chain.settle() == []
