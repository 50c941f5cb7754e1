"""Is the code at an address this package's contract? Compared byte for byte with the shipped artifact."""

from __future__ import annotations

from functools import lru_cache

from eth_utils.crypto import keccak

from ..errors import ArtifactError, NoContract
from .artifact import load_artifact
from .reach import reaching
from .snapshot import Snapshot

__all__ = ["check_code", "matches"]

_PUSH1, _PUSH32 = 0x60, 0x7F
_WORD = bytes(32)


def check_code(snapshot: Snapshot) -> bytes:
    """keccak-256 of the code at the contract's address.

    Raises NoContract if there is none, ArtifactError if it is another contract's.
    """
    contract = snapshot.contract
    with reaching("read the contract's code", fix="check that the endpoint is synced"):
        code = bytes(contract.web3.eth.get_code(contract.address, snapshot.pin))
    where = f"{contract.address} on chain {contract.chain_id}, at block {snapshot.head.number}"
    if not code:
        raise NoContract(
            f"there is no contract at {where}",
            expected="a deployed collective",
            fix="check address and chain; a local chain that was started again has lost its contracts",
        )
    if not matches(code, load_artifact().deployed_bytecode):
        raise ArtifactError(
            f"the code at {where} is another contract's, or another version's",
            expected="the code of the contract that this package ships",
            fix="correct the address, or install the version of colearn-ledger that the contract was deployed with",
        )
    return keccak(code)


def matches(code: bytes, template: bytes) -> bool:
    """Whether ``code`` is ``template`` with values in the places of its immutables, and equal everywhere else."""
    if len(code) != len(template):
        return False
    masked = bytearray(code)
    for start in _immutable_places(template):
        masked[start : start + 32] = _WORD
    return bytes(masked) == template


@lru_cache(maxsize=4)
def _immutable_places(template: bytes) -> tuple[int, ...]:
    """Where values are filled in at deployment: operands of PUSH32 that are zero (a zero itself isn't pushed so)."""
    places = []
    at = 0
    while at < len(template):
        opcode = template[at]
        if opcode == _PUSH32 and template[at + 1 : at + 33] == _WORD:
            places.append(at + 1)
        at += 1 + max(0, opcode - _PUSH1 + 1 if _PUSH1 <= opcode <= _PUSH32 else 0)
    return tuple(places)
