"""Leaving when it is told to: in good order, or, where that doesn't work in time, at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from colearn_ledger.cli.program import signals_handled

__all__ = ["leaving_when_told"]


class _Ends(Protocol):
    def end(self) -> None: ...


class Leaves(Protocol):
    """What is told: a node."""

    @property
    def supervisor(self) -> _Ends: ...

    def stop(self) -> None: ...


@contextlib.contextmanager
def leaving_when_told(
    node: Leaves,
    closed: contextlib.ExitStack,
    *,
    within_s: float = 5.0,
    leave_at_once: Callable[[int], object] = os._exit,
) -> Iterator[None]:
    """In this block SIGTERM and Ctrl-C end the node in good order; if that doesn't work in time, at once.

    Parameters
    ----------
    closed: ends when all that the node has is closed. Until then there is the patience of ``within_s``.
    within_s: seconds until it leaves at once. Told to leave, a node leaves within 10 s, even in the middle of a
        transaction that doesn't come through.
    leave_at_once: how; called with the exit code, in another thread.
    """

    def give_up() -> None:
        node.supervisor.end()
        leave_at_once(0)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        node.stop()
        timer = threading.Timer(within_s, give_up)
        closed.callback(timer.cancel)
        timer.start()

    with signals_handled(leave, signal.SIGTERM, signal.SIGINT):
        yield
