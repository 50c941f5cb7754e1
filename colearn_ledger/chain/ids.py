"""The name that the contract gives to a proposal, computed here: what a vote is for."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ..core.protocol import WeightsRef

__all__ = ["proposal_id_of"]

_SIZE_MASK = (1 << 36) - 1  # as in the contract's Bits.sol


def proposal_id_of(round_number: int, weights: WeightsRef) -> bytes:
    """What ``proposalId`` of the contract gives (32 bytes): a hash of round and content, whose last bits are the size.

    Raises ValueError for a size that no proposal can have.
    """
    if not 0 <= weights.size <= _SIZE_MASK:
        raise ValueError(f"weights of {weights.size} bytes")
    content = encode(["uint256", "bytes32", "bytes32"], [round_number, weights.sha256, weights.cid_digest])
    key = int.from_bytes(keccak(content), "big") & ~_SIZE_MASK
    return (key | weights.size).to_bytes(32, "big")
