"""Sending: ask the contract first, then send, then wait for the receipt.

A transaction that would revert is never sent: it is simulated on the newest state, and the error's name decides
(:func:`classify`): what is already done is success, what came too late is dropped, anything else is loud. The same
question is asked again whenever something went another way than expected (it was mined and reverted, another
transaction took its nonce, it is stuck), so no memory of what was sent is needed, and a lost receipt costs nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.types import TxReceipt

from ..core.protocol import Rules
from ..errors import ContractError, InsufficientFunds, NotAMember, TransactionError
from .contract import CollectiveContract, revert_data, rules_struct
from .delivery import Delivery, NonceTaken, Superseded, is_about_funds
from .reach import FAILURES, reaching

__all__ = ["Funds", "Outcome", "Receipt", "Sender", "classify"]

_log = logging.getLogger("colearn_ledger.chain")
# Between the simulation and the block others may act: the same call then also decides the round, or enacts a motion.
# That costs 110,000 more with 4 members, and with 64 in shuffled order more yet; what isn't used isn't paid.
_GAS_FOR_OTHERS = 300_000
_TRIES = 4
_FUNDS_LOW, _FUNDS_EVERY = 50, 20  # warn below so many transactions; ask once in so many
# One member's part of a round, without luck: a vote each round (a commitment and a reveal count more), and a proposal
# in one of n rounds.
_VOTE_GAS, _SECRET_VOTE_GAS, _PROPOSE_GAS = 40_000, 90_000, 140_000


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


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account has, in wei, and how many rounds that pays for at today's price (None: gas is free)."""

    balance: int
    gas_price: int
    rounds: int | None


class Sender:
    """Sends one account's transactions to one contract.

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
        self.contract = contract
        self.account = account
        self._delivery = delivery or Delivery(
            contract.web3,
            account,
            contract.chain_id,
            fee_cap=fee_cap,
            timeout_s=timeout_s,
            replace_after_s=replace_after_s,
        )
        self._sent = 0

    def send(self, function: Any, doing: str) -> Receipt:
        """Simulate, sign, send and wait.

        Raises
        ------
        ContractError: the contract refuses what nobody should have asked for (NotAMember: of whoever isn't one).
        InsufficientFunds: the account can't pay.
        TransactionError: it can't be sent, or isn't mined in time; it may still be, and what then counts is the state.
        """
        with reaching(f"send: {doing}", fix="check the endpoint and the balance", kind=TransactionError):
            for _ in range(_TRIES):
                receipt = self._try(function, doing)
                if receipt is not None:
                    self._watch_funds(receipt)
                    return receipt
        raise TransactionError(
            f"other transactions came before this one {_TRIES} times: {doing}",
            expected="one program per key",
            fix="stop the other program that uses this key",
        )

    def fetch_funds(self, members: int, *, secret: bool) -> Funds:
        """What the account has, and for how many rounds of a collective of ``members`` it lasts. Raises ChainError."""
        with reaching("read the balance", fix="check that the endpoint is reachable"):
            balance = int(self.contract.web3.eth.get_balance(self.account.address))
            price = int(self.contract.web3.eth.gas_price)
        gas = (_SECRET_VOTE_GAS if secret else _VOTE_GAS) + _PROPOSE_GAS // max(members, 1)
        return Funds(balance, price, balance // (gas * price) if price else None)

    def _try(self, function: Any, doing: str) -> Receipt | None:
        """One attempt; None when the state has to be asked again."""
        data = function.build_transaction(
            {"gas": 0, "gasPrice": 0, "nonce": 0, "chainId": self.contract.chain_id, "value": 0}
        )["data"]
        call = {"from": self.account.address, "to": self.contract.address, "data": data}

        def pointless() -> None:
            outcome = self._ask_again(call, doing)
            if outcome is not None:
                raise Superseded(outcome)

        gas = self._simulate(call, doing)
        if isinstance(gas, Outcome):
            return Receipt(gas)
        content = {"to": self.contract.address, "data": data, "gas": gas + gas // 5 + _GAS_FOR_OTHERS}
        try:
            receipt = self._delivery.deliver(content, doing, pointless)
        except NonceTaken:
            return None
        except Superseded as superseded:
            return Receipt(superseded.outcome)
        if receipt["status"] == 1:
            return _receipt(receipt)
        # It was fine when simulated, so something came first: asking again gives the reason, or a chance.
        if isinstance(outcome := self._simulate(call, doing), Outcome):
            return Receipt(outcome)
        _log.warning("a transaction was mined and failed, trying again: %s", doing)
        return None

    def _simulate(self, call: dict[str, Any], doing: str) -> int | Outcome:
        """The gas that it takes, or what the contract's refusal means.

        Where the newest block refuses, the pending one is asked too: on chains that mine only when there is a
        transaction the newest block's time stands still, and with it the contract's clock. The pending block alone
        won't do: it has this account's own waiting transaction in it, for which nothing is left to do.
        """
        newest = self._simulate_at(call, doing, "latest")
        if isinstance(newest, int) or newest is Outcome.ALREADY_DONE:
            return newest
        return self._simulate_at(call, doing, "pending")

    def _ask_again(self, call: dict[str, Any], doing: str) -> Outcome | None:
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

    def _watch_funds(self, receipt: Receipt) -> None:
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

    # -------------------------------------------------------------------------------------------- the contract's calls
    # Each returns what became of it, and raises as :meth:`send` does.

    def propose(
        self, round_number: int, parent: bytes, sha256: bytes, cid_digest: bytes, size: int, note: bytes
    ) -> Receipt:
        """Propose weights in a round: their hash, their root block's digest, their size in bytes.

        Parameters
        ----------
        parent: sha256 of the weights that they were trained from; the round's accepted ones.
        note: up to 256 bytes, which the chain keeps as an event.
        """
        call = self.contract.functions.propose(round_number, parent, sha256, cid_digest, size, note)
        return self.send(call, f"propose weights in round {round_number}")

    def vote(self, proposal_id: bytes, approve: bool, scores: tuple[int, int] | None = None) -> Receipt:
        """Vote openly on a proposal, once.

        ``scores``: of the current weights and the proposed ones, in millionths, to be published with the vote.
        """
        functions = self.contract.functions
        if scores is not None:
            return self.send(functions.voteWithScores(proposal_id, approve, *scores), "vote")
        return self.send(functions.vote(proposal_id, approve), "vote")

    def commit(self, proposal_id: bytes, commitment: bytes) -> Receipt:
        """Commit to a secret vote: ``commitment`` as :func:`.commitment_of` makes it."""
        return self.send(self.contract.functions.commit(proposal_id, commitment), "commit to a vote")

    def reveal(self, proposal_id: bytes, approve: bool, salt: bytes, scores: tuple[int, int] | None = None) -> Receipt:
        """Reveal what was committed to: ``approve`` and ``salt`` must be those of the commitment.

        ``scores`` as in :meth:`vote`.
        """
        functions = self.contract.functions
        if scores is not None:
            return self.send(functions.revealWithScores(proposal_id, approve, salt, *scores), "reveal a vote")
        return self.send(functions.reveal(proposal_id, approve, salt), "reveal a vote")

    def advance(self) -> Receipt:
        """Let the clock's decisions be written down: a deadline that has passed, a motion that waits."""
        return self.send(self.contract.functions.advance(), "advance the round")

    def move_add_member(self, subject: str) -> Receipt:
        """Move that ``subject`` become a member. Whoever moves it approves it."""
        return self.send(self.contract.functions.moveAddMember(subject), f"move to add {subject}")

    def move_remove_member(self, subject: str) -> Receipt:
        """Move that the member ``subject`` lose its seat, without a vote of its own on it."""
        return self.send(self.contract.functions.moveRemoveMember(subject), f"move to remove {subject}")

    def move_rules(self, rules: Rules) -> Receipt:
        """Move that these rules hold instead of today's."""
        return self.send(self.contract.functions.moveRules(rules_struct(rules)), "move to change the rules")

    def move_revert_to(self, round_number: int) -> Receipt:
        """Move that the weights of this accepted round become the accepted ones again."""
        return self.send(self.contract.functions.moveRevertTo(round_number), f"move to go back to round {round_number}")

    def vote_motion(self, motion_id: bytes, approve: bool) -> Receipt:
        """Vote on a motion, once."""
        return self.send(self.contract.functions.voteMotion(motion_id, approve), "vote on a motion")

    def leave(self) -> Receipt:
        """Give up one's own seat, between two rounds. Needs nobody's vote."""
        return self.send(self.contract.functions.leave(), "leave the collective")

    def replace_member(self, successor: str) -> Receipt:
        """Hand one's own seat to another address, between two rounds. Needs nobody's vote."""
        return self.send(self.contract.functions.replaceMember(successor), f"hand its seat to {successor}")


def _receipt(raw: TxReceipt) -> Receipt:
    return Receipt(Outcome.SENT, bytes(raw["transactionHash"]), int(raw["blockNumber"]), int(raw["gasUsed"]))
