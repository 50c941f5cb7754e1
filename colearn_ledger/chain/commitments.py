"""What votes are bound to: proposals' ids; and of secret votes the commitments, and salts that can be derived again.

A salt is never stored: it is an HMAC of everything that names the vote, keyed by the voter's private key, so whoever
holds the key can reveal after a crash, and nobody else can guess the vote behind a commitment.
"""

from __future__ import annotations

import hashlib
import hmac

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ..core.protocol import Claim, WeightsRef

__all__ = ["commitment_of", "compute_proposal_id", "derive_salt", "open_commitment"]

# The contract keeps a commitment's first 224 bits. In a view the round's number follows them.
_KEPT_BYTES = 28
_SIZE_BITS = 36


def compute_proposal_id(round_number: int, weights: WeightsRef, claim: Claim | None = None) -> bytes:
    """The id (32 bytes) of a proposal: what a vote names, and is bound to by it (ADR 2). ``claim``: in joint rounds."""
    bound = weights.cid_digest if claim is None else keccak(weights.cid_digest + claim.to_bytes())
    hashed = keccak(encode(["uint256", "bytes32", "bytes32"], [round_number, weights.sha256, bound]))
    key = int.from_bytes(hashed, "big") >> _SIZE_BITS << _SIZE_BITS
    return (key | weights.size).to_bytes(32, "big")


def derive_salt(key: bytes, *, chain_id: int, contract: str, proposal_id: bytes) -> bytes:
    """The salt (32 bytes) of this key's vote on one proposal. ``proposal_id`` binds the round and the content."""
    message = b"colearn-ledger/salt/v1" + encode(["uint256", "address", "bytes32"], [chain_id, contract, proposal_id])
    return hmac.new(key, message, hashlib.sha256).digest()


def commitment_of(*, chain_id: int, contract: str, proposal_id: bytes, voter: str, approve: bool, salt: bytes) -> bytes:
    """What ``commitmentOf`` of the contract gives (32 bytes), computed here: whoever sees the salt sees the vote."""
    return keccak(
        encode(
            ["uint256", "address", "bytes32", "address", "bool", "bytes32"],
            [chain_id, contract, proposal_id, voter, approve, salt],
        )
    )


def open_commitment(
    stored: bytes, *, key: bytes, chain_id: int, contract: str, proposal_id: bytes, voter: str
) -> tuple[bool, bytes] | None:
    """The vote and the salt behind a stored commitment of this key, or None if this key and rule didn't make it."""
    salt = derive_salt(key, chain_id=chain_id, contract=contract, proposal_id=proposal_id)
    for approve in (True, False):
        candidate = commitment_of(
            chain_id=chain_id, contract=contract, proposal_id=proposal_id, voter=voter, approve=approve, salt=salt
        )
        if hmac.compare_digest(candidate[:_KEPT_BYTES], stored[:_KEPT_BYTES]):
            return approve, salt
    return None
