"""What a member's account has, and how many rounds that pays for, by the gas that the chain itself takes."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.limits import ONE_BLOCK
from ..core.protocol import RoundState, View
from .contract import CollectiveContract
from .reach import REFUSALS, reaching

__all__ = ["Funds", "fetch_funds"]

# One member's part of a round of which nothing is known, without luck and under rules that make new state dear: a vote
# (a commitment and a reveal count more), in joint rounds a contribution, and a proposal in one of n rounds.
_VOTE_GAS, _SECRET_VOTE_GAS, _CONTRIBUTION_GAS, _PROPOSE_GAS = 40_000, 90_000, 85_000, 140_000
_NO_WEIGHTS = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account has, in wei, and how many rounds that pays for at today's price (None: gas is free)."""

    balance: int
    gas_price: int
    rounds: int | None


def fetch_funds(contract: CollectiveContract, account: str, view: View, *, round_gas: int | None = None) -> Funds:
    """What the account has, and for how many rounds it lasts.

    Parameters
    ----------
    view: of the collective, at any time.
    round_gas: what all members took together for a round, where it is known; else the chain is asked what a proposal
        would take, if one can be made now, and the rest is an estimate.

    Raises ChainError.
    """
    with reaching("read the balance", fix="check that the endpoint is reachable"):
        balance = int(contract.web3.eth.get_balance(contract.web3.to_checksum_address(account)))
        price = int(contract.web3.eth.gas_price)
        members = max(view.member_count, 1)
        if round_gas is None:
            gas = (_SECRET_VOTE_GAS if view.secret_votes else _VOTE_GAS) + _ask_proposal_gas(contract, view) // members
            gas += _CONTRIBUTION_GAS if view.merge_order else 0
        else:
            gas = -(-round_gas // members)
    return Funds(balance, price, balance // (gas * price) if price and gas else None)


def _ask_proposal_gas(contract: CollectiveContract, view: View) -> int:
    """What whose turn it is would pay for a proposal of weights as large as today's."""
    if view.state is not RoundState.PROPOSING or view.merge_order:
        return _PROPOSE_GAS
    accepted, digest = view.accepted, _NO_WEIGHTS if view.accepted.size <= ONE_BLOCK else _NO_WEIGHTS[:-1] + b"\xfe"
    propose = contract.functions.propose(view.round, accepted.sha256, _NO_WEIGHTS, digest, accepted.size, b"")
    try:
        said = contract.web3.eth.estimate_gas(
            {**contract.encode(propose), "from": contract.web3.to_checksum_address(view.proposer)}
        )
    except REFUSALS:  # the turn has passed meanwhile, or the endpoint estimates nothing
        return _PROPOSE_GAS
    return int(said)
