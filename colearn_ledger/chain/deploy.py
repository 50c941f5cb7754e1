"""Deploying a collective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3Exception

from ..core.protocol import Rules, WeightsRef
from ..errors import TransactionError, UsageError
from .artifact import load_artifact
from .contract import revert_data
from .reverts import RevertDecoder

__all__ = ["Deployment", "Genesis", "deploy"]

DEFAULT_MAX_SIZE = 1 << 30


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a deployment fixes for ever and starts with. ``max_size`` in bytes."""

    members: Sequence[str]
    weights: WeightsRef
    rules: Rules = field(default_factory=Rules)
    secret_votes: bool = False
    shuffled: bool = False
    max_size: int = DEFAULT_MAX_SIZE


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a collective is."""

    chain_id: int
    address: str
    block: int
    transaction: bytes
    gas: int


def deploy(web3: Web3, account: LocalAccount, genesis: Genesis, *, timeout_s: float = 120) -> Deployment:
    """Deploy a collective from ``account``, which has no rights in it afterwards.

    Raises UsageError for members that can't be (duplicates, fewer than 2, more than 64), ContractError for what the
    contract refuses, TransactionError when it can't be sent.
    """
    members = [Web3.to_checksum_address(m) for m in genesis.members]
    twice = sorted({m for m in members if members.count(m) > 1})
    if twice:
        raise UsageError(
            f"member {twice[0]} is named more than once", expected="every member once", fix="remove the duplicate"
        )
    artifact = load_artifact()
    rules = genesis.rules
    arguments = (
        members,
        (
            rules.threshold_numerator,
            rules.threshold_denominator,
            rules.propose_window,
            rules.vote_window,
            rules.reveal_window,
            rules.motion_window,
        ),
        genesis.secret_votes,
        genesis.shuffled,
        genesis.max_size,
        genesis.weights.sha256,
        genesis.weights.cid_digest,
        genesis.weights.size,
    )
    constructor = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(arguments)
    try:
        transaction = constructor.build_transaction(
            {"from": account.address, "nonce": web3.eth.get_transaction_count(account.address, "pending")}
        )
        signed = account.sign_transaction(transaction)
        receipt = web3.eth.wait_for_transaction_receipt(
            web3.eth.send_raw_transaction(signed.raw_transaction), timeout=timeout_s, poll_latency=0.05
        )
    except (ContractCustomError, ContractLogicError) as e:
        raise RevertDecoder(artifact.abi).decode(revert_data(e), "be deployed") from e
    except (Web3Exception, OSError, ValueError) as e:
        raise TransactionError(f"could not deploy: {e}", fix="check the endpoint and the balance") from e
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise TransactionError("the deployment was mined and failed", fix="check the gas limit of the chain's blocks")
    return Deployment(
        chain_id=web3.eth.chain_id,
        address=address,
        block=int(receipt["blockNumber"]),
        transaction=bytes(receipt["transactionHash"]),
        gas=int(receipt["gasUsed"]),
    )
