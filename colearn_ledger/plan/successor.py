"""The collective that goes on where one ends, as its members agree on it: one word of the contract."""

from __future__ import annotations

from dataclasses import dataclass

from ..formats.addresses import parse_address

__all__ = ["Successor"]

_ADDRESS_BITS, _CHAIN_BITS = 160, 64


@dataclass(frozen=True, slots=True)
class Successor:
    """Where it is."""

    chain_id: int
    address: str

    def __str__(self) -> str:
        return f"{self.address} on chain {self.chain_id}"

    @classmethod
    def of(cls, word: bytes) -> Successor | None:
        """What the contract's word says; None for zeros."""
        bits = int.from_bytes(word, "big")
        if bits == 0:
            return None
        address = bits & (1 << _ADDRESS_BITS) - 1
        return cls(bits >> _ADDRESS_BITS, parse_address(f"0x{address:040x}", "the successor"))

    def to_word(self) -> bytes:
        """As the contract keeps it."""
        return (self.chain_id << _ADDRESS_BITS | int(self.address, 16)).to_bytes(32, "big")
