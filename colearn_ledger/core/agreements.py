"""What members agree on besides weights, each as one word of 32 bytes: a plan, an end, a successor.

The contract keeps them, by the kind of motion that changes them; zeros are none.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NONE", "End", "Successor"]

NONE = bytes(32)
_ROUND_BITS, _TIME_BITS, _ADDRESS_BITS, _CHAIN_BITS = 32, 36, 160, 64


@dataclass(frozen=True, slots=True)
class End:
    """After which nothing is proposed: after the round ``last_round``, or the second ``last_second`` of block time.

    0 of each is none. Raises ValueError for numbers that have no room in the word.
    """

    last_round: int = 0
    last_second: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.last_round < 1 << _ROUND_BITS and 0 <= self.last_second < 1 << _TIME_BITS):
            raise ValueError(f"no end: round {self.last_round}, second {self.last_second}")

    @classmethod
    def of(cls, word: bytes) -> End:
        """What the contract's word says."""
        bits = int.from_bytes(word, "big")
        return cls(bits & (1 << _ROUND_BITS) - 1, bits >> _ROUND_BITS)

    def to_bytes(self) -> bytes:
        """As the contract keeps it, 32 bytes."""
        return (self.last_second << _ROUND_BITS | self.last_round).to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Successor:
    """The collective that goes on: its contract's address, 20 bytes, and its chain's id.

    Raises ValueError for what has no room in the word.
    """

    address: bytes
    chain_id: int

    def __post_init__(self) -> None:
        if len(self.address) != _ADDRESS_BITS // 8 or not 0 <= self.chain_id < 1 << _CHAIN_BITS:
            raise ValueError(f"no successor: {self.address.hex()} on chain {self.chain_id}")

    @classmethod
    def of(cls, word: bytes) -> Successor:
        """What the contract's word says."""
        bits = int.from_bytes(word, "big")
        return cls((bits & (1 << _ADDRESS_BITS) - 1).to_bytes(20, "big"), bits >> _ADDRESS_BITS)

    def to_bytes(self) -> bytes:
        """As the contract keeps it, 32 bytes."""
        return (self.chain_id << _ADDRESS_BITS | int.from_bytes(self.address, "big")).to_bytes(32, "big")
