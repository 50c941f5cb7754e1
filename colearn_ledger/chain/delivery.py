"""Bringing one transaction onto the chain: sign, send, poll, and replace it at the same nonce with a raised fee.

Nothing is remembered between two transactions, and nothing needs to be. The nonce is always the account's next one on
the chain, so a transaction that is stuck, from before a crash or from before an hour, is replaced by the next one. And
whether something was done is a question for the contract, whose state the caller asks about, not for this module.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import TxReceipt

from ..backoff import Backoff
from ..errors import ChainError, ContractError, InsufficientFunds, TransactionError
from .endpoints import begin_view
from .fees import Fees, FeeSource, in_gwei
from .reach import FAILURES, REFUSALS

__all__ = ["Delivery", "InFlight", "NonceTaken", "NotMined", "Pending", "Superseded", "is_about_funds", "wait_for"]

T = TypeVar("T")
R = TypeVar("R", covariant=True)
_log = logging.getLogger("colearn_ledger.chain")
_FIRST_POLL_S, _LONGEST_POLL_S = 0.005, 0.25
_FIRST_CHECK_S, _LONGEST_CHECK_S = 0.5, 5.0
_SLOW_S = 2.0  # of one answer: whoever polls has other things to do than to wait for all of them
_TIMES_BELOW = 2  # behind a load balancer one answer may be an older block's
_UNDERPRICED_TRIES = 24  # by an eighth each: to 16 times the price

# How nodes word it: geth, Besu, Nethermind, Erigon, Anvil, Hardhat. Compared in lower case.
_KNOWN = ("already known", "known transaction", "already imported", "already exists", "alreadyknown")
_NONCE_TAKEN = ("nonce too low", "nonce is too low", "nonce has already been used", "oldnonce", "old nonce")
_UNDERPRICED = ("underpriced", "replacement", "could not replace", "fee too low", "is too low", "less than block base")
_FUNDS = ("insufficient funds", "insufficient balance", "upfront cost", "enough funds", "exceeds allowance (0)")


class NonceTaken(Exception):
    """Another transaction of this account was mined in the place of this one, or the place is gone: ask the contract
    again.
    """


class NotMined(TransactionError):
    """It was sent, and not mined in time. It may still be."""


class Superseded(Exception, Generic[T]):
    """Given up because the contract's state has made it pointless; ``outcome`` says how."""

    def __init__(self, outcome: T) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Delivery:
    """Delivers one account's transactions, one after the other.

    Parameters
    ----------
    chain_id: signed into every transaction.
    fee_cap: wei per unit of gas that is never exceeded; None: no cap.
    timeout_s: seconds until a transaction that isn't mined is an error.
    replace_after_s: seconds until it is sent again with a raised fee, and again after as long.
    """

    def __init__(
        self,
        web3: Web3,
        account: LocalAccount,
        chain_id: int,
        *,
        fee_cap: int | None = None,
        timeout_s: float = 120,
        replace_after_s: float = 15,
    ) -> None:
        self.web3 = web3
        self.account = account
        self.chain_id = chain_id
        self.fees = FeeSource(web3, fee_cap)
        self.timeout_s = timeout_s
        self.replace_after_s = replace_after_s

    def begin(self, content: dict[str, Any], doing: str, pointless: Callable[[], None] = lambda: None) -> InFlight:
        """Sign a transaction of these fields (``data``, ``gas``, ``to``) and hand it to the chain's node.

        Parameters
        ----------
        doing: what it does, for people.
        pointless: called before it is replaced; raises :class:`Superseded` if it need not be mined any more, and
            ContractError if the contract refuses it by now.

        Raises
        ------
        NonceTaken: another transaction of the account takes its place.
        InsufficientFunds, TransactionError: it can't be sent.
        """
        return InFlight(self, content, doing, pointless)

    def deliver(self, content: dict[str, Any], doing: str) -> TxReceipt:
        """Deliver a transaction, and wait until it is mined: its receipt, whatever its status.

        Raises as :meth:`begin` and :meth:`InFlight.poll` do.
        """
        return wait_for(self.begin(content, doing))


class Pending(Protocol[R]):
    """Something that is under way. ``pause``: seconds after which to ask again."""

    @property
    def pause(self) -> float: ...
    def poll(self) -> R | None:
        """What has become of it; None while nothing has."""


def wait_for(pending: Pending[R]) -> R:
    """Wait until it is settled, for programs that have nothing else to do."""
    while (result := pending.poll()) is None:
        time.sleep(pending.pause)
    return result


class InFlight:
    """One transaction on its way: all its attempts have the same nonce, so at most one of them is ever mined.

    Nobody waits in here: whoever made it polls, and may drop it at any time. What the next one has then to replace is
    found out as after a crash.
    """

    def __init__(self, delivery: Delivery, content: dict[str, Any], doing: str, pointless: Callable[[], None]) -> None:
        self._d = delivery
        self._eth = delivery.web3.eth
        self._content = content
        self._doing = doing
        self._pointless = pointless
        self._hashes: list[bytes] = []
        self._raw = b""
        self._failures = 0
        self._below = 0  # how often in a row the chain said that an earlier transaction isn't there any more
        self._polls = Backoff(_FIRST_POLL_S, _LONGEST_POLL_S, factor=1.5)
        self._checks = Backoff(_FIRST_CHECK_S, _LONGEST_CHECK_S)
        self._replace_at = self._check_at = 0.0
        self.pause = _FIRST_POLL_S
        self._end = time.monotonic() + delivery.timeout_s
        self._nonce = self._eth.get_transaction_count(delivery.account.address, "latest")
        self._fees: Fees = delivery.fees.fetch()
        self._sign()
        self._handed = self._send()
        self._sent()

    def poll(self) -> TxReceipt | None:
        """Its receipt, whatever its status; None while there is none: ask again after ``pause`` seconds.

        Raises
        ------
        NonceTaken: another transaction of the account took its place, or it can't have this place any more.
        InsufficientFunds, TransactionError: it can't be sent, or wasn't mined in time (it may still be, later).
        """
        asked, failures = time.monotonic(), self._failures
        receipt = self.fetch_receipt()
        if receipt is not None:
            return receipt
        now = time.monotonic()
        if now > self._end:
            raise NotMined(
                f"a transaction was not mined within {self._d.timeout_s:.0f} s: {self._doing}",
                expected="a chain that produces blocks, and a fee that it takes",
                fix="check that the chain produces blocks; raise the gas price cap if there is one",
            )
        if self._failures > failures and now - asked > _SLOW_S:
            pass  # it doesn't answer
        elif not self._handed:
            self._handed = self._send()
        elif now > self._replace_at:
            receipt = self._check_pointless()
            if receipt is not None:
                return receipt
            self._raise_fee()
            self._handed = self._send()
            self._sent()
        elif now > self._check_at:
            self._check_at = now + self._checks.add()
            receipt = self._check_place()
            if receipt is not None:
                return receipt
        self.pause = self._polls.add()
        return None

    def _sent(self) -> None:
        now = time.monotonic()
        self._polls.clear()
        self._replace_at = now + self._d.replace_after_s
        self._check_at = now + self._checks.add()

    def _check_place(self) -> TxReceipt | None:
        """Is it still where it was put? What the node has dropped is sent again at once. Its receipt if there is one.

        Raises NonceTaken where its place is taken, or where an earlier transaction was undone with its block: then this
        one waits for ever, and only the contract can say what is to be done.
        """
        try:
            nonce = self._eth.get_transaction_count(self._d.account.address, "latest")
            known = self._is_known()
        except FAILURES as e:
            self._failed(e)
            return None
        self._below = self._below + 1 if nonce < self._nonce else 0
        if self._below >= _TIMES_BELOW or (nonce > self._nonce and not known):
            receipt = self.fetch_receipt()
            if receipt is None:
                raise NonceTaken
            return receipt
        if not known:
            receipt = self._check_pointless()
            if receipt is not None:
                return receipt
            self._handed = self._send()
        return None

    def _is_known(self) -> bool:
        try:
            self._eth.get_transaction(self._hashes[-1])  # type: ignore[arg-type]
        except TransactionNotFound:
            return False
        return True

    def _check_pointless(self) -> TxReceipt | None:
        """Raise if it need not be mined any more; its receipt if that is because it has done its work by now."""
        try:
            self._pointless()
        except FAILURES as e:  # can't tell: carry on
            self._failed(e)
        except (Superseded, ContractError):
            receipt = self.fetch_receipt()
            if receipt is None:
                raise
            return receipt
        return None

    def _raise_fee(self) -> None:
        try:
            raised = self._fees.raised(self._d.fees.fetch(), self._d.fees.cap)
        except FAILURES:  # the endpoint, or gas costs more than the cap now: it has to wait as it is
            return
        if raised is not None:
            _log.warning("not mined yet, raising the fee to %d wei: %s", raised.price, self._doing)
            self._fees = raised
            self._sign()

    def _sign(self) -> None:
        content = {**self._content, **self._fees.fields(), "nonce": self._nonce, "chainId": self._d.chain_id}
        signed = self._d.account.sign_transaction({"value": 0, **content})
        self._raw = bytes(signed.raw_transaction)
        if bytes(signed.hash) not in self._hashes:
            self._hashes.append(bytes(signed.hash))

    def _send(self) -> bool:
        """Hand the newest attempt to the node; False when it isn't known whether the node has it."""
        for _ in range(_UNDERPRICED_TRIES):
            try:
                self._eth.send_raw_transaction(self._raw)
                return True
            except (ChainError, OSError) as e:
                # The node may have had it before the connection broke. Only waiting and sending again can tell.
                self._failed(e)
                return False
            except REFUSALS as e:
                if not self._raise_if_underpriced(e):
                    return True
        raise TransactionError(
            f"the account's stuck transaction can't be replaced: {self._doing}",
            fix="wait until the transaction with the same nonce is mined",
        )

    def _raise_if_underpriced(self, error: Exception) -> bool:
        """Whether to send once more, with the fee raised; raises when nothing can be waited for."""
        text = str(error).lower()
        if any(words in text for words in _KNOWN):
            return False
        if self.fetch_receipt() is not None:  # mined, and the node complains that it reverted (Hardhat), or came twice
            return False
        if any(words in text for words in _NONCE_TAKEN):
            raise NonceTaken from error
        if is_about_funds(error):
            raise self._no_funds() from error
        if any(words in text for words in _UNDERPRICED):
            raised = self._fees.raised(self._d.fees.fetch(), self._d.fees.cap)
            if raised is not None:
                self._fees = raised
                self._sign()
                return True
            raise TransactionError(
                f"the fee is too low and can't be raised any more: {self._doing}: {error}",
                expected=f"at most {in_gwei(self._d.fees.cap)} gwei per unit of gas, the cap"
                if self._d.fees.cap
                else "",
                fix="raise the cap, or wait until gas is cheaper",
            ) from error
        raise TransactionError(f"the node refused a transaction: {self._doing}: {error}") from error

    def _no_funds(self) -> InsufficientFunds:
        address = self._d.account.address
        try:
            has = f"{self._eth.get_balance(self._d.account.address)} wei"
        except FAILURES:
            has = "too little"
        return InsufficientFunds(
            f"the account {address} has {has}, which doesn't pay for a transaction: {self._doing}",
            expected=f"at least {self._content['gas'] * self._fees.price} wei",
            fix=f"send funds to {address}",
        )

    def fetch_receipt(self) -> TxReceipt | None:
        """Its receipt, if it was mined: nothing is sent for it."""
        try:
            for tx in reversed(self._hashes):
                try:
                    receipt = self._eth.get_transaction_receipt(tx)  # type: ignore[arg-type]
                except TransactionNotFound:
                    continue
                if receipt is not None and receipt.get("blockNumber") is not None:
                    return receipt
        except FAILURES as e:
            self._failed(e)
        return None

    def _failed(self, error: Exception) -> None:
        """Carry on with whichever endpoint answers: nonces and receipts are the chain's, not the endpoint's."""
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:  # the first time, and then ever more rarely
            _log.warning("the endpoint failed while a transaction is under way: %s", error)
        with contextlib.suppress(ChainError):  # the next poll tries again
            begin_view(self._d.web3)


def is_about_funds(error: Exception) -> bool:
    """Whether a node's refusal says that the account can't pay."""
    text = str(error).lower()
    return any(words in text for words in _FUNDS)
