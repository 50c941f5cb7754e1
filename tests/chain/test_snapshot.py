"""Snapshots of a collective on Anvil: what is read of one stays as it was, and its clock is not its block's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.reach import Refused
from colearn_ledger.core.protocol import MotionKind, MotionState, RoundState, seats
from colearn_ledger.errors import ChainError

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.collective import RULES, Collective


@pytest.fixture
def story() -> Iterator[Collective[Anvil]]:
    with anvil() as chain:
        yield Collective.found(chain)


def test_snapshot__the_chain_goes_on__reads_stay_at_the_snapshots_block(story: Collective[Anvil]) -> None:
    before = story.contract.snapshot()
    assert before.pin == {"blockHash": "0x" + before.head.hash.hex()}
    receipt = story.send_proposal("one")
    proposal = story.proposal
    story.sender(0).move_add_member(story.address(5))
    after = story.contract.snapshot()
    assert before.view(story.address(0)).proposal is None and before.motions(0, 10) == ()
    assert before.rounds(0, 10)[-1].state is RoundState.PROPOSING
    assert after.view(story.address(0)).proposal.id == proposal and len(after.motions(0, 10)) == 1
    assert after.rounds(0, 10)[-1].weights == ref("one")
    at_proposal = story.contract.snapshot(receipt.block)
    assert at_proposal.head.number == receipt.block < after.head.number
    assert at_proposal.view(story.address(0)).proposal.id == proposal and at_proposal.motions(0, 10) == ()


def test_snapshot__a_later_clock__counts_deadlines_that_the_head_has_not_reached(story: Collective[Anvil]) -> None:
    story.propose("one")
    snapshot = story.contract.snapshot()
    assert snapshot.clock >= snapshot.head.timestamp and snapshot.current_round() == 1
    later = replace(snapshot, clock=snapshot.clock + RULES.vote_window + 1)
    assert later.current_round() == 2 and later.rounds(1, 1)[0].state is RoundState.REJECTED
    assert later.view(story.address(0)).at == later.clock and later.head == snapshot.head


def test_snapshot__motions__of_each_kind_with_what_it_is_about(story: Collective[Anvil]) -> None:
    rules = replace(RULES, vote_window=7)
    story.sender(0).move_add_member(story.address(5))
    story.sender(1).move_rules(rules)
    story.vote_motion(0, approve=False)
    story.sender(2).move_remove_member(story.address(1))
    added, changed, removed = story.contract.snapshot().motions(0, 10)
    assert (added.kind, added.mover, added.subject) == (MotionKind.ADD_MEMBER, story.address(0), story.address(5))
    assert (changed.kind, changed.subject, changed.rules) == (MotionKind.SET_RULES, None, rules)
    assert (removed.kind, removed.subject, removed.rules) == (MotionKind.REMOVE_MEMBER, story.address(1), None)
    assert added.rules is None and {m.state for m in (added, changed, removed)} == {MotionState.OPEN}
    assert (seats(changed.approvals), seats(changed.rejections), changed.need) == ((1,), (0,), 2)
    assert (seats(removed.approvals), seats(removed.rejections), removed.need) == ((2,), (), 2)
    assert len({added.id, changed.id, removed.id}) == 3 and added.deadline > story.contract.fetch_head().timestamp
    assert story.contract.snapshot().motions(1, 1) == (changed,)


def test_snapshot__members__of_now_and_of_a_round(story: Collective[Anvil]) -> None:
    snapshot = story.contract.snapshot()
    founders = tuple(story.address(i) for i in range(3))
    assert snapshot.members() == founders == snapshot.members(at_round=1)


def test_snapshot_at__a_head_that_was_fetched__is_its_block(story: Collective[Anvil]) -> None:
    head = story.contract.fetch_head()
    story.chain.mine()
    assert story.contract.snapshot_at(head).head == head
    assert story.contract.snapshot().head.number == head.number + 1


class Stingy:
    """A contract on an endpoint that answers a call for so many records at most."""

    def __init__(self, real: CollectiveContract, most: int, failure: ChainError) -> None:
        self.functions, self.asked = real.functions, list[int]()
        self._real, self._most, self._failure = real, most, failure

    def call(self, function: Any, head: Head, doing: str, read: Any) -> Any:
        count = function.arguments[1]
        self.asked.append(count)
        if count > self._most:
            raise self._failure
        return self._real.call(function, head, doing, read)


@pytest.mark.parametrize("most, asked", [(1000, [10]), (5, [10, 5]), (3, [10, 5, 3]), (1, [10, 5, 3, 2, 1, 1])])
def test_rounds__too_dear_for_one_call__are_read_in_halves(
    story: Collective[Anvil], most: int, asked: list[int]
) -> None:
    snapshot = story.contract.snapshot()
    stingy = Stingy(story.contract, most, Refused("MemoryOOG"))
    seen = replace(snapshot, contract=cast(CollectiveContract, stingy)).rounds(0, 10)
    assert seen == snapshot.rounds(0, 10) and len(seen) == 2
    assert stingy.asked[: len(asked)] == asked


def test_rounds__none_is_answered__says_why(story: Collective[Anvil]) -> None:
    stingy = Stingy(story.contract, 0, Refused("MemoryOOG"))
    with pytest.raises(ChainError, match="MemoryOOG"):
        replace(story.contract.snapshot(), contract=cast(CollectiveContract, stingy)).rounds(0, 10)
    assert stingy.asked == [10, 5, 3, 2, 1]


def test_rounds__another_failure__is_raised_at_once(story: Collective[Anvil]) -> None:
    stingy = Stingy(story.contract, 0, ChainError("no such block"))
    with pytest.raises(ChainError, match="no such block"):
        replace(story.contract.snapshot(), contract=cast(CollectiveContract, stingy)).rounds(0, 10)
    assert stingy.asked == [10]
