"""Commitments by themselves; that the contract computes the same is in test_contract.py."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from eth_abi.abi import encode

from colearn_ledger.chain.commitments import commitment_of, derive_salt, open_commitment

KEY = b"k" * 32
WHERE: dict[str, Any] = {"chain_id": 5, "contract": "0x" + "11" * 20, "proposal_id": b"p" * 32}
VOTER = "0x" + "22" * 20


def commitment(approve: bool, key: bytes = KEY) -> bytes:
    return commitment_of(**WHERE, voter=VOTER, approve=approve, salt=derive_salt(key, **WHERE))


def test_salt__rule__is_what_nodes_of_every_version_derive() -> None:
    named = encode(["uint256", "address", "bytes32"], [5, WHERE["contract"], WHERE["proposal_id"]])
    assert derive_salt(KEY, **WHERE) == hmac.new(KEY, b"colearn-ledger/salt/v1" + named, hashlib.sha256).digest()


@pytest.mark.parametrize("approve", [True, False])
def test_open__this_keys_commitment__is_the_vote_and_its_salt(approve: bool) -> None:
    made = commitment(approve)
    assert open_commitment(made, key=KEY, **WHERE, voter=VOTER) == (approve, derive_salt(KEY, **WHERE))
    # The contract keeps 28 bytes of it; what stands behind them is another's.
    kept = made[:28] + b"\xff\xff\xff\xff"
    assert open_commitment(kept, key=KEY, **WHERE, voter=VOTER) == (approve, derive_salt(KEY, **WHERE))
    changed = made[:27] + bytes([made[27] ^ 1]) + made[28:]
    assert open_commitment(changed, key=KEY, **WHERE, voter=VOTER) is None


def test_open__another_keys_or_voters__is_none() -> None:
    assert open_commitment(commitment(True, b"o" * 32), key=KEY, **WHERE, voter=VOTER) is None
    assert open_commitment(commitment(True), key=KEY, **WHERE, voter="0x" + "33" * 20) is None
