"""One state of one collective, at one block and one block time: what every read is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.protocol import ZERO_ADDRESS, MotionRecord, RoundRecord, View

if TYPE_CHECKING:
    from .contract import CollectiveContract, Head

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collective as of ``head``, at block time ``clock``. What is read of one snapshot fits together.

    Made by :meth:`.CollectiveContract.snapshot`. Each method is one call to the endpoint, and raises ChainError when
    that can't be reached, or no longer has the block.

    Attributes
    ----------
    contract: the collective.
    head: the block whose state is read.
    clock: block time in seconds, never before ``head``'s: deadlines that have passed by then count as passed.
    """

    contract: CollectiveContract
    head: Head
    clock: int

    @property
    def pin(self) -> Any:
        """The block as ``eth_call`` and its kind take it; see :meth:`.CollectiveContract.pin`."""
        return self.contract.pin(self.head)

    def view(self, member: str) -> View:
        """What ``member``'s node needs to decide. Any address has a view, also one that is no member."""
        return self.contract.fetch_view(member, self.head, self.clock)

    def rounds(self, first: int, count: int) -> tuple[RoundRecord, ...]:
        """At most ``count`` rounds from ``first``, none past the current one."""
        return self.contract.fetch_rounds(first, count, self.head, self.clock)

    def members(self, at_round: int | None = None) -> tuple[str, ...]:
        """The members by seat: now, or in ``at_round``."""
        return self.contract.fetch_members(self.head, at_round)

    def motions(self, first: int, count: int) -> tuple[MotionRecord, ...]:
        """At most ``count`` motions from index ``first``, in the order they were moved, as of the block's own time."""
        return self.contract.fetch_motions(first, count, self.head)

    def current_round(self) -> int:
        """The number of the round that is open."""
        return self.view(ZERO_ADDRESS).round
