"""What the member's account still has, looked at now and then beside the loop, which doesn't wait for it."""

from __future__ import annotations

import math
from collections.abc import Callable

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.funds import Funds, fetch_funds
from colearn_ledger.core.protocol import ZERO_ADDRESS
from colearn_ledger.history.gas import fetch_round_gas

from .beside import Beside

__all__ = ["FundsWatch", "RoundFunds"]

_EVERY_S = 60.0


class RoundFunds:
    """An account's funds, by what the newest rounds took; these are read again only after another round.

    Parameters
    ----------
    account: its address.
    deployed_block: nothing of the collective is before it.
    measure: gas of a round, as of a snapshot.
    """

    def __init__(
        self,
        contract: CollectiveContract,
        account: str,
        deployed_block: int,
        *,
        measure: Callable[..., int | None] = fetch_round_gas,
    ) -> None:
        self._contract, self._account, self._deployed_block = contract, account, deployed_block
        self._measure = measure
        self._measured: tuple[int, int | None] = (0, None)

    def fetch(self) -> Funds:
        """Raises ChainError."""
        snapshot = self._contract.snapshot()
        view = snapshot.view(ZERO_ADDRESS)
        if self._measured[0] != view.round:
            self._measured = (view.round, self._measure(snapshot, deployed_block=self._deployed_block))
        return fetch_funds(self._contract, self._account, view, round_gas=self._measured[1])


class FundsWatch(Beside[Funds]):
    """Asks for funds in a thread of its own.

    Parameters
    ----------
    fetch: asks the chain; while it raises ChainError, what was told last stands.
    tell: gets ether, and for how many rounds that lasts at today's price (infinite where gas is free).
    every_s: seconds between two looks.
    """

    def __init__(
        self, fetch: Callable[[], Funds], tell: Callable[[float, float], None], *, every_s: float = _EVERY_S
    ) -> None:
        def told(funds: Funds) -> None:
            tell(funds.balance / 10**18, math.inf if funds.rounds is None else float(funds.rounds))

        super().__init__(fetch, told, every_s=every_s)
