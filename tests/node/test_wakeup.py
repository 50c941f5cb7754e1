"""The event that wakes the loop."""

from __future__ import annotations

import threading
import time

from colearn_node.wakeup import Wake


def test_wait__called_before__returns_at_once_and_once() -> None:
    wake = Wake()
    wake()
    wake()
    assert wake.wait(60) and not wake.wait(0)


def test_wait__called_by_another_thread__returns() -> None:
    wake = Wake()
    caller = threading.Thread(target=wake)
    caller.start()
    assert wake.wait(60)
    caller.join()


def test_wait__nobody_calls__returns_when_the_time_is_over() -> None:
    assert not Wake().wait(0.01) and not Wake().wait(-1)


def test_wait__short_pauses__are_no_longer_than_they_are_meant_to_be() -> None:
    begun = time.monotonic()
    for _ in range(10):
        Wake().wait(0.01)
    assert time.monotonic() - begun < 8, "ten hundredths of a second, on a machine that is busy"
