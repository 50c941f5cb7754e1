"""Deploying a collective."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.utils import get_create_address

from ..core.limits import DEFAULT_MAX_SIZE, MOST_TIME
from ..core.protocol import ZERO_ADDRESS, Rules, WeightsRef, rules_word
from ..errors import ChainError, ContractError, InsufficientFunds, TransactionError, UsageError
from ..formats.addresses import parse_address
from .artifact import load_artifact
from .contract import revert_data, rules_struct
from .delivery import Delivery, NonceTaken, NotMined, is_about_funds
from .fees import FeeSource
from .reach import FAILURES, reaching
from .reverts import RevertDecoder

__all__ = ["Cost", "Deployment", "Genesis", "check_members", "deploy", "estimate_deploy"]


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a deployment fixes for ever and starts with.

    ``max_size`` in bytes. ``merge_order``: numbers of the rules by which contributions are merged, one after the other;
    none: rounds are solo. Rules have a window for training if there are any, and only then. ``plan``: sha256 of the
    plan's file (32 bytes); zeros: none.
    """

    members: Sequence[str]
    weights: WeightsRef
    rules: Rules = field(default_factory=Rules)
    secret_votes: bool = False
    shuffled: bool = False
    max_size: int = DEFAULT_MAX_SIZE
    merge_order: Sequence[int] = ()
    plan: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a collective is."""

    chain_id: int
    address: str
    block: int
    transaction: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a deployment will take: ``gas`` units, ``price`` in wei per unit at most, and the account's ``balance``."""

    gas: int
    price: int
    balance: int

    @property
    def most(self) -> int:
        """Wei, at most."""
        return self.gas * self.price


def estimate_deploy(web3: Web3, deployer: str, genesis: Genesis, *, fee_cap: int | None = None) -> Cost:
    """What deploying from ``deployer`` would cost. Sends nothing; raises as :func:`deploy` does."""
    data = _creation(web3, genesis)
    try:
        time = int(web3.eth.get_block("latest")["timestamp"])
        if time >= MOST_TIME:  # the contract refuses it, too, and not every endpoint estimates at this time
            raise ContractError(
                f"the chain's block time is {time}, which is no number of seconds since 1970",
                name="BlockTimeNotInSeconds",
                expected=f"less than {MOST_TIME}: all windows are in seconds",
                fix="use a chain whose block time counts seconds (some count milliseconds or nanoseconds)",
            )
        gas = int(web3.eth.estimate_gas({"from": web3.to_checksum_address(deployer), "data": data}))  # type: ignore[typeddict-item]
        price = FeeSource(web3, fee_cap).fetch().price
        balance = int(web3.eth.get_balance(web3.to_checksum_address(deployer)))
    except (ContractCustomError, ContractLogicError) as e:
        raise RevertDecoder(load_artifact().abi).decode(revert_data(e), "be deployed") from e
    except (ChainError, ContractError):
        raise
    except FAILURES as e:
        if is_about_funds(e):
            raise InsufficientFunds(
                f"the account {deployer} can't pay for the deployment: {e}", fix=f"send funds to {deployer}"
            ) from e
        raise TransactionError(
            f"the chain can't say what the deployment costs: {_said(e)}",
            expected="a chain with the rules of Shanghai (2023) or later, whose blocks have room for 8,000,000 gas",
            fix="check the endpoint, and how the chain is configured",
        ) from e
    cost = Cost(gas + gas // 10, price, balance)
    if cost.most > balance:
        raise InsufficientFunds(
            f"the account {deployer} has {balance} wei, which doesn't pay for the deployment",
            expected=f"at least {cost.most} wei ({cost.gas} gas at {cost.price} wei)",
            fix=f"send funds to {deployer}",
        )
    return cost


def deploy(
    web3: Web3,
    account: LocalAccount,
    genesis: Genesis,
    *,
    timeout_s: float = 120,
    replace_after_s: float = 15,
    fee_cap: int | None = None,
    on_sending: Callable[[str], None] = lambda address: None,
) -> Deployment:
    """Deploy a collective from ``account``, which has no rights in it afterwards.

    Parameters
    ----------
    timeout_s, replace_after_s, fee_cap: as :class:`.Delivery` has them.
    on_sending: gets the address that the contract will have, just before the transaction is sent.

    Raises
    ------
    UsageError: members that can't be (one twice).
    ContractError: what the contract refuses.
    InsufficientFunds, TransactionError: it can't be paid, sent, or isn't mined in time.
    """
    cost = estimate_deploy(web3, account.address, genesis, fee_cap=fee_cap)
    with reaching("deploy", fix="check the endpoint and the balance", kind=TransactionError):
        try:
            chain_id = int(web3.eth.chain_id)
            nonce = web3.eth.get_transaction_count(account.address, "latest")  # as the delivery asks
            future = get_create_address(account.address, nonce)
            on_sending(future)
            delivery = Delivery(
                web3, account, chain_id, fee_cap=fee_cap, timeout_s=timeout_s, replace_after_s=replace_after_s
            )
            receipt = delivery.deliver({"data": _creation(web3, genesis), "gas": cost.gas}, "deploy the contract")
        except NonceTaken as e:
            raise TransactionError(
                "another transaction of the account came before the deployment",
                expected="one program per key",
                fix="deploy again when no other program sends transactions with this key",
            ) from e
        except NotMined as e:
            e.fix += f". Should it be mined later after all, the contract will be at {future}"
            raise
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise TransactionError("the deployment was mined and failed", fix="check the gas limit of the chain's blocks")
    return Deployment(
        chain_id=chain_id,
        address=Web3.to_checksum_address(address),
        block=int(receipt["blockNumber"]),
        transaction=bytes(receipt["transactionHash"]),
        gas=int(receipt["gasUsed"]),
    )


def _said(error: Exception) -> str:
    """The node's own words, without what web3 puts around them."""
    answer = getattr(error, "rpc_response", None)
    said = answer.get("error") if isinstance(answer, dict) else None
    return str(said["message"]) if isinstance(said, dict) and "message" in said else str(error)


def check_members(members: Sequence[str]) -> tuple[str, ...]:
    """The members' addresses, with checksums.

    Raises UsageError for what isn't an address or has a typing error in it, and for a member that is named twice.
    """
    addresses = tuple(parse_address(member, "a member") for member in members)
    if ZERO_ADDRESS in addresses:
        raise UsageError(
            f"a member is {ZERO_ADDRESS}, which is not an address of anybody",
            expected="the address of the member's key",
            fix="correct the address",
        )
    twice = next((a for a in addresses if addresses.count(a) > 1), None)
    if twice is not None:
        raise UsageError(
            f"member {twice} is named more than once", expected="every member once", fix="remove the duplicate"
        )
    return addresses


def _creation(web3: Web3, genesis: Genesis) -> Any:
    """The creation code with its arguments; raises as :func:`check_members` does."""
    artifact = load_artifact()
    arguments = (
        check_members(genesis.members),
        rules_struct(genesis.rules),
        genesis.secret_votes,
        genesis.shuffled,
        genesis.max_size,
        genesis.weights.sha256,
        genesis.weights.cid_digest,
        genesis.weights.size,
        rules_word(genesis.merge_order),
        genesis.plan,
    )
    constructor = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(arguments)
    return constructor.data_in_transaction
