"""Sending: ask the contract first, then send, then wait for the receipt.

A transaction that would revert is never sent: it is simulated on the newest state, and the error's name decides
(:func:`classify`): what is already done is success, what came too late is dropped, anything else is loud.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.exceptions import ContractCustomError, ContractLogicError, TimeExhausted, Web3Exception
from web3.types import TxParams

from ..errors import ContractError, TransactionError
from .contract import CollectiveContract, revert_data

__all__ = ["Outcome", "Receipt", "Sender", "classify"]


class Outcome(Enum):
    """What became of an intended transaction."""

    SENT = "sent"
    ALREADY_DONE = "already done"
    TOO_LATE = "too late"


_ALREADY_DONE = frozenset({"AlreadyVoted", "AlreadyProposed", "NothingToAdvance"})
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
        "WrongRound",
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


class Sender:
    """Sends one account's transactions to one contract.

    Parameters
    ----------
    contract: the collective.
    account: signs locally; the key never leaves the process.
    timeout_s: seconds to wait for a receipt.
    """

    def __init__(self, contract: CollectiveContract, account: LocalAccount, *, timeout_s: float = 120) -> None:
        self.contract = contract
        self.account = account
        self.timeout_s = timeout_s

    def send(self, function: Any, doing: str) -> Receipt:
        """Simulate, sign, send and wait. Raises TransactionError, or ContractError for a refusal nobody expects."""
        try:
            # A dozen calls of web3's own can be saved by giving gas, fees and nonce; correctness first.
            gas = function.estimate_gas({"from": self.account.address})
        except (ContractCustomError, ContractLogicError) as e:
            return Receipt(classify(self.contract.reverts.decode(revert_data(e), doing)))
        except (Web3Exception, OSError, ValueError) as e:
            raise TransactionError(f"could not simulate: {doing}: {e}") from e
        return self._send_signed(function, gas + gas // 10, doing)

    def _send_signed(self, function: Any, gas: int, doing: str) -> Receipt:
        eth = self.contract.web3.eth
        try:
            params: TxParams = {
                "from": self.account.address,
                "gas": gas,
                "nonce": eth.get_transaction_count(self.account.address, "pending"),
                "chainId": self.contract.chain_id,
            }
            signed = self.account.sign_transaction(function.build_transaction(params))
            receipt = eth.wait_for_transaction_receipt(
                eth.send_raw_transaction(signed.raw_transaction), timeout=self.timeout_s, poll_latency=0.05
            )
        except TimeExhausted as e:
            raise TransactionError(
                f"a transaction was not mined within {self.timeout_s:.0f} s: {doing}",
                fix="check that the chain produces blocks and that the account can pay the fee",
            ) from e
        except (Web3Exception, OSError, ValueError) as e:
            raise TransactionError(f"could not send: {doing}: {e}", fix="check the endpoint and the balance") from e
        if receipt["status"] != 1:
            # It was fine when simulated, so another transaction came first: asking again gives the reason.
            return self.send(function, doing) if self._would_revert(function) else self._failed(doing)
        return Receipt(
            Outcome.SENT, bytes(receipt["transactionHash"]), int(receipt["blockNumber"]), int(receipt["gasUsed"])
        )

    def _would_revert(self, function: Any) -> bool:
        try:
            function.call({"from": self.account.address})
        except (ContractCustomError, ContractLogicError):
            return True
        return False

    def _failed(self, doing: str) -> Receipt:
        raise TransactionError(f"a transaction was mined and failed: {doing}", fix="try again; raise the gas limit")

    # -------------------------------------------------------------------------------------------- the contract's calls

    def propose(
        self, round_number: int, parent: bytes, sha256: bytes, cid_digest: bytes, size: int, note: bytes
    ) -> Receipt:
        call = self.contract.functions.propose(round_number, parent, sha256, cid_digest, size, note)
        return self.send(call, f"propose weights in round {round_number}")

    def vote(self, proposal_id: bytes, approve: bool) -> Receipt:
        return self.send(self.contract.functions.vote(proposal_id, approve), "vote")

    def commit(self, proposal_id: bytes, commitment: bytes) -> Receipt:
        return self.send(self.contract.functions.commit(proposal_id, commitment), "commit to a vote")

    def reveal(self, proposal_id: bytes, approve: bool, salt: bytes) -> Receipt:
        return self.send(self.contract.functions.reveal(proposal_id, approve, salt), "reveal a vote")

    def advance(self) -> Receipt:
        return self.send(self.contract.functions.advance(), "advance the round")
