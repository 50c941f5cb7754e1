"""The account is looked at beside the loop; what can't be asked stands as it was told last."""

from __future__ import annotations

import contextlib
import math
import queue
from collections.abc import Callable

from colearn_node.funds import FundsWatch

from colearn_ledger.chain.transactions import Funds
from colearn_ledger.errors import ChainError


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
