"""Who is a member since when, on a real chain (Anvil): founders, newcomers, and one who left and came back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from colearn_ledger.errors import UsageError
from colearn_ledger.history import read_members

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective


@pytest.fixture(scope="module")
def story() -> Iterator[Collective[Anvil]]:
    """Three founders; in round 2 the last one is gone and another is there, in round 3 it is back."""
    with anvil() as chain:
        story = Collective.found(chain, 3)
        story.sender(2).leave()
        story.accept_round()

        def add(index: int) -> None:
            story.sender(0).move_add_member(story.address(index))
            story.vote_motion(1)

        story.accept_round(lambda: add(5))
        story.accept_round(lambda: add(2))
        story.accept_round()
        yield story


def since(story: Collective[Anvil], number: int | None = None) -> dict[int, int | None]:
    """Account by account."""
    _, members = read_members(story.contract.snapshot(), at_round=number, deployed_block=story.deployment.block)
    indices = {story.address(index): index for index in range(6)}
    return {indices[member.address]: member.since for member in members}


@pytest.mark.slow
def test_read_members__founders_newcomers_and_who_came_back__each_since_its_present_membership(
    story: Collective[Anvil],
) -> None:
    assert since(story) == {0: 1, 1: 1, 5: 3, 2: 4}
    assert since(story, 4) == since(story)
    assert since(story, 3) == {0: 1, 1: 1, 5: 3}
    assert since(story, 2) == {0: 1, 1: 1}
    assert since(story, 1) == {0: 1, 1: 1, 2: 1}


def test_read_members__round_0__is_the_first_one(story: Collective[Anvil]) -> None:
    snapshot = story.contract.snapshot()
    number, members = read_members(snapshot, at_round=0)
    assert number == 1 and [member.seat for member in members] == [0, 1, 2]
    assert read_members(snapshot, at_round=1)[0] == 1
    assert read_members(snapshot)[0] == 5 == snapshot.current_round()


@pytest.mark.parametrize("number", [-1, 6])
def test_read_members__no_such_round__says_what_there_is(story: Collective[Anvil], number: int) -> None:
    with pytest.raises(UsageError, match=f"no round {number} yet") as raised:
        read_members(story.contract.snapshot(), at_round=number)
    assert raised.value.expected == "0 to 5"


def test_read_members__balances__are_those_of_the_snapshot(story: Collective[Anvil]) -> None:
    snapshot, before = story.contract.snapshot(), story.chain.web3.eth.get_balance(story.address(0))
    story.accept_round()
    _, members = read_members(snapshot)
    assert members[0].balance == before > 0
