"""Leaving when it is told to; that a whole node does is in tests/system/test_restart.py."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest
from colearn_node.leaving import leaving_when_told

EACH_SIGNAL = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


class FakeNode:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.supervisor = self

    def stop(self) -> None:
        self.told.append("stop")

    def end(self) -> None:
        self.told.append("end")


@EACH_SIGNAL
def test_leaving_when_told__all_is_closed_in_time__nothing_follows(number: signal.Signals) -> None:
    node, left = FakeNode(), threading.Event()
    before = set(threading.enumerate())
    with contextlib.ExitStack() as closed, leaving_when_told(node, closed, leave_at_once=lambda code: left.set()):
        signal.raise_signal(number)
        [timer] = set(threading.enumerate()) - before
    timer.join(2)
    assert not timer.is_alive() and not left.is_set() and node.told == ["stop"]


@EACH_SIGNAL
def test_leaving_when_told__it_is_not_closed_in_time__ends_its_worker_and_leaves(number: signal.Signals) -> None:
    node, left, codes = FakeNode(), threading.Event(), list[int]()

    def leave_at_once(code: int) -> None:
        codes.append(code)
        left.set()

    with contextlib.ExitStack() as closed:
        with leaving_when_told(node, closed, within_s=0.01, leave_at_once=leave_at_once):
            signal.raise_signal(number)
        assert left.wait(10)
    assert codes == [0] and node.told == ["stop", "end"]


def test_leaving_when_told__nobody_tells_it__does_nothing() -> None:
    node = FakeNode()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with contextlib.ExitStack() as closed, leaving_when_told(node, closed, within_s=0.0):
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] != handlers
    assert node.told == [] and [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers
