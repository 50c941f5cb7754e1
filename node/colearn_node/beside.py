"""What is asked of the chain now and then beside the loop, which doesn't wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from colearn_ledger.errors import ChainError

__all__ = ["Beside"]

T = TypeVar("T")


class Beside(Generic[T]):
    """Asks in a thread of its own, until it is closed.

    Parameters
    ----------
    fetch: asks the chain; while it raises ChainError, what was told last stands.
    tell: gets what was fetched.
    every_s: seconds between two looks.
    """

    def __init__(self, fetch: Callable[[], T], tell: Callable[[T], None], *, every_s: float) -> None:
        self._fetch, self._tell, self._every_s = fetch, tell, every_s
        self._asked, self._closed = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def wait_first(self, timeout_s: float) -> None:
        """Until it was asked for the first time, answered or not, or until the time is over."""
        self._asked.wait(timeout_s)

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                found = self._fetch()
            except ChainError:
                pass  # the loop says so
            else:
                self._tell(found)
            self._asked.set()
            self._closed.wait(self._every_s)
