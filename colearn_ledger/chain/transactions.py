"""Sending: ask the contract first, then send, then wait for the receipt.

A transaction that would revert is never sent: it is simulated on the newest state, and the error's name decides
(:func:`classify`): what is already done is success, what came too late is dropped, anything else is loud. The same
question is asked again whenever something went another way than expected (it was mined and reverted, another
transaction took its nonce, it is stuck), so no memory of what was sent is needed, and a lost receipt costs nothing.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.types import TxReceipt

from ..errors import ContractError, InsufficientFunds, NotAMember, TransactionError
from .calls import Calls
from .contract import CollectiveContract, revert_data
from .delivery import Delivery, InFlight, NonceTaken, Superseded, is_about_funds, wait_for
from .reach import FAILURES, reaching

__all__ = ["Outcome", "Receipt", "Sender", "Sending", "Starter", "classify"]

_log = logging.getLogger("colearn_ledger.chain")
# Between the simulation and the block others may act: the same call then also decides the round, or enacts a motion.
# That costs 110,000 more with 4 members, and with 64 in shuffled order more yet; what isn't used isn't paid.
_GAS_FOR_OTHERS = 300_000
_TRIES = 4
_FUNDS_LOW, _FUNDS_EVERY = 50, 20  # warn below so many transactions; ask once in so many


class Outcome(Enum):
    """What became of an intended transaction."""

    SENT = "sent"
    ALREADY_DONE = "already done"
    TOO_LATE = "too late"


_ALREADY_DONE = frozenset({"AlreadyContributed", "AlreadyVoted", "AlreadyProposed", "NothingToAdvance"})
_TOO_LATE = frozenset(
    {
        "CommitsClosed",
        "DeadlinePassed",
        "NoSuchProposal",
        "NotTheProposer",
        "ProposalDecided",
        "RevealsNotOpen",
        "RoundOverdue",
        "StaleParent",
        "StaleTraining",
        "TrainingGoesOn",
        "WrongRound",
        "WrongRule",
    }
)


def classify(error: ContractError) -> Outcome:
    """What a refusal means for a node. Raises the error itself when it means that something is wrong."""
    if error.name in _ALREADY_DONE:
        return Outcome.ALREADY_DONE
    if error.name in _TOO_LATE:
        return Outcome.TOO_LATE
    raise error


@dataclass(frozen=True, slots=True)
class Receipt:
    """``gas`` units used and ``block`` number; zeros and an empty hash when nothing was sent."""

    outcome: Outcome
    transaction: bytes = b""
    block: int = 0
    gas: int = 0


class Sender(Calls[Receipt]):
    """Sends one account's transactions to one contract, and waits for each.

    Parameters
    ----------
    contract: the collective.
    account: signs locally; the key never leaves the process.
    timeout_s: seconds to wait for a receipt.
    replace_after_s: seconds after which a transaction that isn't mined is sent again with a raised fee.
    fee_cap: wei per unit of gas that is never exceeded; None: no cap.
    delivery: of this account's transactions; None: one with these times and this cap.
    """

    def __init__(
        self,
        contract: CollectiveContract,
        account: LocalAccount,
        *,
        timeout_s: float = 120,
        replace_after_s: float = 15,
        fee_cap: int | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        super().__init__(contract, account)
        self.delivery = delivery or Delivery(
            contract.web3,
            account,
            contract.chain_id,
            fee_cap=fee_cap,
            timeout_s=timeout_s,
            replace_after_s=replace_after_s,
        )
        self._sent = 0
        self._lock = threading.Lock()

    def begin(self, function: Any, doing: str) -> Sending:
        """What :meth:`send` does, for whoever has other things to do meanwhile. Nothing happens before it is polled."""
        return Sending(self, function, doing)

    def send(self, function: Any, doing: str) -> Receipt:
        """Simulate, sign, send and wait; one at a time, whichever threads they come from. Raises as
        :meth:`Sending.poll` does.
        """
        with self._lock:
            return wait_for(self.begin(function, doing))

    def simulate(self, call: dict[str, Any], doing: str) -> int | Outcome:
        """The gas that it takes, or what the contract's refusal means.

        Where the newest block refuses, the pending one is asked too: on chains that mine only when there is a
        transaction the newest block's time stands still, and with it the contract's clock. The pending block alone
        won't do: it has this account's own waiting transaction in it, for which nothing is left to do.
        """
        newest = self._simulate_at(call, doing, "latest")
        if isinstance(newest, int) or newest is Outcome.ALREADY_DONE:
            return newest
        return self._simulate_at(call, doing, "pending")

    def ask_again(self, call: dict[str, Any], doing: str) -> Outcome | None:
        """What has become of it while it waits to be mined; None if it still has to be."""
        newest = self._simulate_at(call, doing, "latest")
        if isinstance(newest, int):
            return None
        if newest is Outcome.TOO_LATE:
            pending = self._simulate_at(call, doing, "pending")
            return Outcome.TOO_LATE if pending is Outcome.TOO_LATE else None
        return newest

    def _simulate_at(self, call: dict[str, Any], doing: str, block: str) -> int | Outcome:
        try:
            return int(self.contract.web3.eth.estimate_gas(call, block))  # type: ignore[arg-type]
        except (ContractCustomError, ContractLogicError) as e:
            error = self.contract.reverts.decode(revert_data(e), doing)
            if error.name == "NotAMember":
                raise NotAMember(
                    f"{self.account.address} is not a member of the collective, so it can't {doing}",
                    name=error.name,
                    arguments=error.arguments,
                    expected="the key of a member",
                    fix=error.fix,
                ) from e
            return classify(error)
        except Web3RPCError as e:
            if is_about_funds(e):
                raise InsufficientFunds(
                    f"the account {self.account.address} can't pay for a transaction: {doing}: {e}",
                    fix=f"send funds to {self.account.address}",
                ) from e
            if block == "pending":  # a chain that has none: what the newest block said holds
                return Outcome.TOO_LATE
            raise

    def watch_funds(self, receipt: Receipt) -> None:
        if receipt.outcome is not Outcome.SENT:
            return
        self._sent += 1
        if self._sent % _FUNDS_EVERY != 1:
            return
        try:
            balance = int(self.contract.web3.eth.get_balance(self.account.address))
            price = int(self.contract.web3.eth.gas_price)
        except FAILURES:
            return
        if balance < _FUNDS_LOW * receipt.gas * price:
            _log.warning(
                "the account %s has %d wei left, enough for about %d transactions",
                self.account.address,
                balance,
                balance // (receipt.gas * price),
            )


class Sending:
    """One intended transaction: the contract is asked first, then it is sent, and whatever goes another way than
    expected, the contract is asked again.

    Attributes
    ----------
    pause: seconds after which to poll again.
    """

    def __init__(self, sender: Sender, function: Any, doing: str) -> None:
        self._sender, self._doing = sender, doing
        chain = {"chainId": sender.contract.chain_id, "gas": 0, "gasPrice": 0, "nonce": 0, "value": 0}
        self._data = function.build_transaction(chain)["data"]
        self._flight: InFlight | None = None
        self._tries = 0
        self.pause = 0.0

    def poll(self) -> Receipt | None:
        """What has become of it; None while it is under way.

        Raises
        ------
        ContractError: the contract refuses what nobody should have asked for (NotAMember: of whoever isn't one).
        InsufficientFunds: the account can't pay.
        TransactionError: it can't be sent, or isn't mined in time; it may still be, and what then counts is the state.
        """
        with reaching(f"send: {self._doing}", fix="check the endpoint and the balance", kind=TransactionError):
            return self._poll()

    def _poll(self) -> Receipt | None:
        try:
            if self._flight is None:
                receipt = self._begin()
                if receipt is not None:
                    return receipt
            assert self._flight is not None
            raw = self._flight.poll()
        except NonceTaken:
            self._flight = None
            return None
        except Superseded as superseded:
            return Receipt(superseded.outcome)
        self.pause = self._flight.pause
        if raw is None:
            return None
        self._flight, self.pause = None, 0.0
        if raw["status"] == 1:
            receipt = _receipt_of(raw)
            self._sender.watch_funds(receipt)
            return receipt
        # It was fine when simulated, so something came first: asking again gives the reason, or a chance.
        if isinstance(outcome := self._sender.simulate(self._call, self._doing), Outcome):
            return Receipt(outcome)
        _log.warning("a transaction was mined and failed, trying again: %s", self._doing)
        return None

    def fetch_receipt(self) -> Receipt | None:
        """Of what was sent, if it was mined and did its work; for one that was given up: nothing is sent for it."""
        raw = None if self._flight is None else self._flight.fetch_receipt()
        return None if raw is None or raw["status"] != 1 else _receipt_of(raw)

    def _begin(self) -> Receipt | None:
        """Ask the contract, and send; a receipt where there is nothing to send."""
        if self._tries == _TRIES:
            raise TransactionError(
                f"other transactions came before this one {_TRIES} times: {self._doing}",
                expected="one program per key",
                fix="stop the other program that uses this key",
            )
        self._tries += 1
        gas = self._sender.simulate(self._call, self._doing)
        if isinstance(gas, Outcome):
            return Receipt(gas)
        content = {"to": self._call["to"], "data": self._data, "gas": gas + gas // 5 + _GAS_FOR_OTHERS}
        self._flight = self._sender.delivery.begin(content, self._doing, self._check_pointless)
        return None

    def _check_pointless(self) -> None:
        outcome = self._sender.ask_again(self._call, self._doing)
        if outcome is not None:
            raise Superseded(outcome)

    @property
    def _call(self) -> dict[str, Any]:
        return {"from": self._sender.account.address, "to": self._sender.contract.address, "data": self._data}


def _receipt_of(raw: TxReceipt) -> Receipt:
    return Receipt(Outcome.SENT, bytes(raw["transactionHash"]), int(raw["blockNumber"]), int(raw["gasUsed"]))


class Starter(Calls[Sending]):
    """The same calls as a :class:`Sender`'s, begun and not waited for."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender.contract, sender.account)
        self._sender = sender

    def send(self, function: Any, doing: str) -> Sending:
        """Intend to send it: see :class:`Sending`."""
        return self._sender.begin(function, doing)
