"""The account is looked at beside the loop; what can't be asked stands as it was told last."""

from __future__ import annotations

import contextlib
import math
import queue
from collections.abc import Callable

from colearn_node.funds import FundsWatch, RoundFunds

from colearn_ledger.chain.funds import Funds
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import ChainError
from colearn_ledger.history.gas import fetch_round_gas

from ..kit.collective import Collective


def answers(*given: Funds | ChainError) -> Callable[[], Funds]:
    """One after the other; the last one again and again."""
    left = list(given)

    def fetch() -> Funds:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, ChainError):
            raise answer
        return answer

    return fetch


def test_watch__chain_fails_for_a_while__is_asked_again() -> None:
    told: queue.SimpleQueue[tuple[float, float]] = queue.SimpleQueue()
    fetch = answers(Funds(5 * 10**17, 10**9, 7), ChainError("away"), Funds(10**17, 10**9, 1))
    with contextlib.closing(FundsWatch(fetch, lambda *numbers: told.put(numbers), every_s=0.0)):
        assert told.get(timeout=30) == (0.5, 7)
        assert told.get(timeout=30) == (0.1, 1)


def test_watch__gas_is_free__lasts_for_ever() -> None:
    told: queue.SimpleQueue[tuple[float, float]] = queue.SimpleQueue()
    with contextlib.closing(FundsWatch(answers(Funds(0, 0, None)), lambda *numbers: told.put(numbers), every_s=3600)):
        assert told.get(timeout=30) == (0, math.inf)


def test_round_funds__what_rounds_took__is_read_again_after_another_round_only() -> None:
    told, asked = Collective.found(EmbeddedChain(3), 3), []

    def measure(snapshot: Snapshot, *, deployed_block: int) -> int | None:
        asked.append(snapshot.current_round())
        return fetch_round_gas(snapshot, deployed_block=deployed_block)

    funds = RoundFunds(told.contract, told.address(1), told.deployment.block, measure=measure)
    before = funds.fetch()
    told.accept_round()
    [round_] = told.history(first=1, last=1, receipts=True).rounds
    after = funds.fetch()
    assert round_.gas is not None and after.rounds == after.balance // (-(-round_.gas // 3) * after.gas_price)
    assert before.rounds != after.rounds
    told.propose()
    funds.fetch()
    assert asked == [1, 2]
