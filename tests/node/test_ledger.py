"""A chain as a node sees it. The contract and what sends are fakes that say what they are asked."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
from colearn_node.ledger import ChainLedger

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.endpoints import Heads, begin_view, connect
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Advance
from colearn_ledger.core.protocol import RoundRecord, RoundState, View
from colearn_ledger.errors import ChainError
from colearn_ledger.member.submit import Submitter
from colearn_ledger.member.work import Work

from ..kit.anvil import anvil
from ..kit.builders import ME, record, view


class FakeContract:
    """A contract of which everything is known; ``asked`` of which state and whose view."""

    def __init__(self) -> None:
        self.head = Head(5, b"5" * 32, 1000)
        self.asked: list[tuple[Any, ...]] = []

    def fetch_head(self) -> Head:
        return self.head

    def snapshot_at(self, head: Head, clock: int | None = None) -> FakeSnapshot:
        return FakeSnapshot(self, head, head.timestamp + 7 if clock is None else clock)


@dataclasses.dataclass(frozen=True)
class FakeSnapshot:
    contract: FakeContract
    head: Head
    clock: int

    def view(self, member: str) -> View:
        self.contract.asked.append((member, self.head, self.clock))
        return view(block_number=self.head.number, block_hash=self.head.hash, at=self.clock)

    def rounds(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        self.contract.asked.append((first, count, self.head, self.clock))
        return (record(first, RoundState.ACCEPTED),)


class FakeSubmitter:
    def __init__(self, *receipts: Receipt) -> None:
        self.receipts = list(receipts)
        self.sent: list[Work] = []

    def submit(self, work: Work) -> Receipt:
        self.sent.append(work)
        return self.receipts.pop(0)


def ledger(contract: FakeContract, submitter: FakeSubmitter | None = None) -> ChainLedger:
    return ChainLedger(cast(CollectiveContract, contract), ME, cast("Submitter | None", submitter))


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


def test_view__endpoint_behind_this_nodes_own_transaction__is_not_believed() -> None:
    contract = FakeContract()
    receipts = (Receipt(Outcome.SENT, b"t" * 32, 9, 1), Receipt(Outcome.SENT, b"t" * 32, 8, 1))
    chain = ledger(contract, FakeSubmitter(*receipts))
    for _ in receipts:
        chain.submit(Advance(7))
    for number in (5, 8):
        contract.head = dataclasses.replace(contract.head, number=number)
        with pytest.raises(ChainError, match=f"shows block {number}, this node's transaction is in 9"):
            chain.view()
    contract.head = dataclasses.replace(contract.head, number=9)
    assert chain.view().block_number == 9


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


def test_submit__not_sent__is_told_and_no_block_is_waited_for() -> None:
    receipt = Receipt(Outcome.TOO_LATE, b"", 99)
    submitter = FakeSubmitter(receipt)
    chain = ledger(FakeContract(), submitter)
    assert chain.submit(Advance(7)) is receipt and submitter.sent == [Advance(7)]
    assert chain.view().block_number == 5


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
