"""Following a collective on a real chain: rounds come when they are over, whatever the endpoint does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.errors import ChainError
from colearn_ledger.history import History, follow_history

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


class Endpoint:
    """The story's chain, looked at; ``before`` is called before each look and may fail."""

    def __init__(self, story: Collective[Anvil]) -> None:
        self.story = story
        self.looks = 0
        self.before: Callable[[], None] = lambda: None

    def look(self) -> Snapshot:
        self.looks += 1
        self.before()
        return self.story.contract.snapshot()


def rounds(history: History) -> list[int]:
    assert all(found.record.state is RoundState.ACCEPTED for found in history.rounds)
    return [found.record.round for found in history.rounds]


@pytest.mark.slow
def test_follow__rounds_that_end_one_by_one_and_together__come_once_and_in_order(chain: Anvil) -> None:
    story = Collective.found(chain)
    story.accept_round()
    following = follow_history(story.contract.snapshot, 1, deployed_block=story.deployment.block, look_s=0.01)
    first = next(following)
    assert rounds(first) == [1] and first.rounds[0].decided is not None and first.rounds[0].gas is None
    for _ in range(2):
        story.accept_round()
    assert rounds(next(following)) == [2, 3]
    story.accept_round()
    assert rounds(next(following)) == [4]


def test_follow__the_round_is_open__waits_until_it_is_over(chain: Anvil) -> None:
    story = Collective.found(chain)
    endpoint = Endpoint(story)

    def third_look_sees_the_end() -> None:
        if endpoint.looks == 3:
            story.accept_round()

    endpoint.before = third_look_sees_the_end
    assert rounds(next(follow_history(endpoint.look, 1, logs=False, look_s=0.01))) == [1]
    assert endpoint.looks == 3


def test_follow__the_chain_cannot_be_read__is_told_once_each_time_and_waited_out(chain: Anvil) -> None:
    story = Collective.found(chain)
    story.accept_round()
    endpoint = Endpoint(story)
    told: list[str] = []

    def fails() -> None:
        if endpoint.looks in (1, 2, 3, 5, 6):
            raise ChainError(f"failure {endpoint.looks}")
        if endpoint.looks == 8:
            story.accept_round()

    endpoint.before = fails
    following = follow_history(endpoint.look, 1, logs=False, look_s=0.01, trouble=lambda error: told.append(error.what))
    assert rounds(next(following)) == [1] and told == ["failure 1"]
    assert rounds(next(following)) == [2] and told == ["failure 1", "failure 5"]


def test_follow__receipts_are_asked_for__has_gas(chain: Anvil) -> None:
    story = Collective.found(chain)
    story.accept_round()
    block = story.deployment.block
    (found,) = next(follow_history(story.contract.snapshot, 1, deployed_block=block, receipts=True)).rounds
    assert found.gas


def test_follow__chain_that_cannot_be_read__is_looked_at_again_no_sooner_than_told() -> None:
    looks: list[float] = []

    class Enough(Exception):
        pass

    def look() -> Snapshot:
        looks.append(time.monotonic())
        if len(looks) == 3:
            raise Enough
        raise ChainError("gone")

    troubles: list[ChainError] = []
    with pytest.raises(Enough):
        next(follow_history(look, 1, look_s=0.02, trouble=troubles.append))
    assert all(later - earlier >= 0.02 for earlier, later in pairwise(looks)) and len(troubles) == 1
