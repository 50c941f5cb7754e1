"""The collective that goes on where one ends, as its members agreed."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import agreements
from ..formats.addresses import parse_address

__all__ = ["Successor"]


@dataclass(frozen=True, slots=True)
class Successor:
    """Where it is; the address has its checksum."""

    chain_id: int
    address: str

    def __str__(self) -> str:
        return f"{self.address} on chain {self.chain_id}"

    @classmethod
    def of(cls, word: bytes) -> Successor | None:
        """What the contract's word says; None for zeros. Raises ValueError for what no contract keeps."""
        if word == agreements.NONE:
            return None
        said = agreements.Successor.of(word)
        return cls(said.chain_id, parse_address("0x" + said.address.hex(), "the successor"))
