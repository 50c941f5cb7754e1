"""What the member's account still has, looked at now and then beside the loop, which doesn't wait for it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from colearn_ledger.chain.transactions import Funds
from colearn_ledger.errors import ChainError

__all__ = ["FundsWatch"]

_EVERY_S = 60.0


class FundsWatch:
    """Asks in a thread of its own.

    Parameters
    ----------
    fetch: asks the chain; while it raises ChainError, what was told last stands.
    tell: gets ether, and for how many rounds that lasts at today's price (infinite where gas is free).
    every_s: seconds between two looks.
    """

    def __init__(
        self, fetch: Callable[[], Funds], tell: Callable[[float, float], None], *, every_s: float = _EVERY_S
    ) -> None:
        self._fetch, self._tell, self._every_s = fetch, tell, every_s
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                funds = self._fetch()
            except ChainError:
                pass  # the loop says so
            else:
                self._tell(funds.balance / 10**18, math.inf if funds.rounds is None else float(funds.rounds))
            self._closed.wait(self._every_s)
