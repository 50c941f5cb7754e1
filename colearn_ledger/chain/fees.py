"""What a transaction offers to pay: EIP-1559 fees where blocks have a base fee, else a gas price."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from web3 import Web3
from web3.types import RPCEndpoint

from ..errors import TransactionError
from .reach import REFUSALS

__all__ = ["FeeSource", "Fees", "in_ether", "in_gwei"]

_GWEI = 10**9
# What an endpoint may name as the usual tip where there is no cap: this much, or the base fee, and no more than that.
_TIP, _MOST_TIP = 10 * _GWEI, 100 * _GWEI
_TIP_KEPT_S = 30.0  # the usual tip changes slowly, and asking is a call
_MOST_PRICE = 1_000 * _GWEI  # where there is neither a cap nor a base fee, so that the whole price is paid


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per unit of gas. ``price`` is the most that is paid; ``tip`` is None on chains without a base fee."""

    price: int
    tip: int | None

    def fields(self) -> dict[str, Any]:
        """The fields of a transaction."""
        if self.tip is None:
            return {"gasPrice": self.price}
        return {"type": 2, "maxFeePerGas": self.price, "maxPriorityFeePerGas": self.tip}

    def raised(self, now: Fees, cap: int | None) -> Fees | None:
        """Fees that replace these at the same nonce: an eighth more (nodes ask for a tenth), or today's if higher.

        None when the cap doesn't leave room for it, or when gas is free, so that there is nothing to raise.
        """
        price = max(_more(self.price), now.price)
        if self.price == 0 and now.price == 0:
            return None
        if cap is not None and price > cap:
            price = cap
            if cap < _more(self.price):
                return None
        if self.tip is None:
            return Fees(price, None)
        return Fees(price, min(max(_more(self.tip), now.tip or 0), price))


def _more(wei: int) -> int:
    return wei + wei // 8 + 1


class FeeSource:
    """Suggests fees, as the endpoint says, within reason.

    Without a cap a tip is never above the base fee (up to 100 gwei), or 10 gwei if that is more; and a chain without a
    base fee, where the whole price is paid, is believed up to 1,000 gwei.

    Parameters
    ----------
    cap: wei per unit of gas that is never exceeded; None: the ceilings above.
    """

    def __init__(self, web3: Web3, cap: int | None = None) -> None:
        self._web3 = web3
        self.cap = cap
        self._tip: tuple[float, int] | None = None

    def fetch(self) -> Fees:
        """Fees for a transaction that is sent now.

        Raises
        ------
        TransactionError: the chain wants more than the cap, or than is paid without one.
        """
        base = self._web3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            fees = Fees(int(self._web3.eth.gas_price), None)
            least = fees.price
        else:
            tip = self._fetch_tip(int(base))
            # Twice the base fee: it can rise six times by an eighth before the transaction is priced out.
            fees, least = Fees(2 * int(base) + tip, tip), int(base)
        if self.cap is None and base is None and fees.price > _MOST_PRICE:
            raise TransactionError(
                f"gas costs {in_gwei(fees.price)} gwei now, says the endpoint",
                expected=f"at most {in_gwei(_MOST_PRICE)} gwei, where no cap is set",
                fix="set a cap, if you are willing to pay that",
            )
        if self.cap is None or fees.price <= self.cap:
            return fees
        if least > self.cap:
            raise TransactionError(
                f"gas costs {in_gwei(least)} gwei now",
                expected=f"at most {in_gwei(self.cap)} gwei, the cap",
                fix="wait until gas is cheaper, or raise the cap",
            )
        return Fees(self.cap, None if fees.tip is None else min(fees.tip, self.cap))

    def _fetch_tip(self, base: int) -> int:
        if self._tip is None or self._tip[0] < time.monotonic():
            try:
                # Not eth.max_priority_fee, which warns of a chain that doesn't know the call, where nothing is amiss.
                said = self._web3.manager.request_blocking(RPCEndpoint("eth_maxPriorityFeePerGas"), [])
                tip = int(said, 16) if isinstance(said, str) else int(said)
            except REFUSALS:  # a chain that doesn't know the call
                tip = max(int(self._web3.eth.gas_price) - base, 0)
            self._tip = (time.monotonic() + _TIP_KEPT_S, tip)
        # Of the base fee no more is paid than the chain asks; a tip is paid as it is offered.
        return self._tip[1] if self.cap is not None else min(self._tip[1], max(_TIP, min(base, _MOST_TIP)))


def in_gwei(wei: int) -> str:
    return f"{wei / 10**9:.9f}".rstrip("0").rstrip(".")


def in_ether(wei: int) -> str:
    """Six places, and more where there would be nothing but zeros."""
    ether = Decimal(wei) / 10**18
    return f"{ether:.6f}" if wei == 0 or wei >= 10**12 else f"{ether:.18f}".rstrip("0")
