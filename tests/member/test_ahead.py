"""What is pulled ahead of a merge, out of a real folder, as the members' stores get it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.member.ahead import Ahead
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import wait_until

SCHEMA = Schema.of({"w": np.zeros(4)})


def trained(step: float) -> bytes:
    return encode({"w": np.arange(4.0) + step})


SIZE = len(trained(0.0))


class Watched(LocalStore):
    """Notes what is asked for; ``gate`` holds a pull back."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, owner="me")
        self.asked: list[WeightsRef] = []
        self.gate = threading.Event()
        self.gate.set()

    def get_to(self, path: str | os.PathLike[str], ref: WeightsRef, **options: Any) -> None:
        self.asked.append(ref)
        assert self.gate.wait(60)
        super().get_to(path, ref, **options)


@pytest.fixture
def mine(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.fixture
def ahead(mine: Watched) -> Iterator[Ahead]:
    made = Ahead(mine, SCHEMA, pause_s=0.01)
    yield made
    mine.gate.set()
    made.want([], SIZE)


@pytest.fixture
def others(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path, owner="others")


def has(store: LocalStore, *refs: WeightsRef) -> None:
    wait_until(lambda: {ref.cid for ref in refs} <= store.kept(), "it has them")


def test_want__what_is_there__is_pulled_and_what_comes_later_when_it_comes(
    mine: Watched, ahead: Ahead, others: LocalStore
) -> None:
    here = [others.put(trained(step)) for step in (1.0, 2.0)]
    late = weights_ref(trained(3.0))
    ahead.want([late, *here], SIZE)
    has(mine, *here)
    others.put(trained(3.0))
    has(mine, late)
    assert mine.asked.count(here[0]) == mine.asked.count(here[1]) == 1 and mine.asked.count(late) > 1


def test_want__others_by_now__what_was_wanted_before_is_not_asked_for_any_more(
    mine: Watched, ahead: Ahead, others: LocalStore
) -> None:
    first, second, third = (others.put(trained(step)) for step in (1.0, 2.0, 3.0))
    gone = weights_ref(trained(9.0))
    mine.gate.clear()
    ahead.want([first, gone, second], SIZE)
    wait_until(lambda: bool(mine.asked), "it begins")
    ahead.want([third], SIZE)
    mine.gate.set()
    has(mine, third)
    asked = list(mine.asked)
    assert gone not in asked and second not in asked
    ahead.want([], SIZE)
    ahead.want([second], SIZE)
    has(mine, second)
    assert gone not in mine.asked


def test_want__invalid_or_of_a_size_that_none_can_have__is_not_kept_nor_asked_for_again(
    mine: Watched, ahead: Ahead, others: LocalStore
) -> None:
    other_model, good = others.put(encode({"v": np.zeros(4)})), others.put(trained(1.0))
    huge = WeightsRef(b"h" * 32, b"h" * 32, 1 << 30)
    ahead.want([huge, other_model, good], SIZE)
    has(mine, good)
    later = others.put(trained(2.0))
    ahead.want([huge, other_model, good, later], SIZE)
    has(mine, later)
    assert huge not in mine.asked and other_model.cid not in mine.kept()
    assert mine.asked.count(other_model) == 2, "once each time that it is wanted"
