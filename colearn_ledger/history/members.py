"""Who the members are, or were in an earlier round, since when, and by which address before."""

from __future__ import annotations

from dataclasses import dataclass

from ..chain.reach import reaching
from ..chain.snapshot import Snapshot
from ..core.protocol import MotionKind, MotionRecord, MotionState
from ..errors import UsageError
from .logs import fetch_events
from .motions import fetch_all_motions

__all__ = ["Member", "read_members"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member.

    Attributes
    ----------
    since: the first round in which this address has its present membership, None if that can't be had.
    replaced: the address that handed it the seat; None of who founded or joined, and where it can't be had.
    balance: in wei.
    """

    seat: int
    address: str
    since: int | None
    replaced: str | None
    balance: int


def read_members(
    snapshot: Snapshot, *, at_round: int | None = None, deployed_block: int = 0
) -> tuple[int, tuple[Member, ...]]:
    """The members of round ``at_round`` (None: the current one) by seat, and the round's number.

    Balances are those at the snapshot's block, whichever the round. Raises UsageError if there is no such round yet.
    """
    current = snapshot.current_round()
    number = current if at_round is None else at_round
    if not 0 <= number <= current:
        raise UsageError(f"there is no round {number} yet", expected=f"0 to {current}", fix="name a round up to that")
    number = max(number, 1)  # the genesis weights have the members of the first round
    since = _Since(snapshot, deployed_block)
    members = snapshot.members(None if at_round is None else number)
    found = []
    for seat, address in enumerate(members):
        first, motion = since.find(address, number)
        replaced = motion.mover if motion is not None and motion.kind is MotionKind.REPLACE_MEMBER else None
        found.append(Member(seat, address, first, replaced, _balance(snapshot, address)))
    return number, tuple(found)


class _Since:
    """Since which round, and by which motion, somebody is a member: from storage where that is enough."""

    def __init__(self, snapshot: Snapshot, deployed_block: int) -> None:
        self._snapshot, self._deployed_block = snapshot, deployed_block
        joins = (MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER)
        motions = fetch_all_motions(snapshot)
        self._joined = [m for m in motions if m.kind in joins and m.state is MotionState.ENACTED]
        self._founders = set(snapshot.members(1)) if self._joined else set()

    def find(self, member: str, until: int) -> tuple[int | None, MotionRecord | None]:
        """The first round of the membership that ``member`` has in round ``until``, and the motion that began it."""
        joined = [m for m in self._joined if m.subject == member]
        if not joined:
            return 1, None
        if len(joined) == 1 and member not in self._founders:  # it joined once: nothing to confuse
            return self._bisect(member, until), joined[0]
        return self._from_events(joined, until)

    def _bisect(self, member: str, until: int) -> int:
        outside, inside = 1, until
        while inside - outside > 1:
            middle = (outside + inside) // 2
            if member in self._snapshot.members(middle):
                inside = middle
            else:
                outside = middle
        return inside

    def _from_events(self, joined: list[MotionRecord], until: int) -> tuple[int | None, MotionRecord | None]:
        by_id = {m.id: m for m in joined}
        events = fetch_events(self._snapshot, self._deployed_block, list(by_id))
        rounds: dict[int, MotionRecord] = {
            e.arguments["firstRound"]: by_id[bytes(e.arguments["id"])]
            for e in events.events
            if e.name == "MotionEnacted" and bytes(e.arguments["id"]) in by_id and e.arguments["firstRound"] <= until
        }
        if rounds:
            return max(rounds), rounds[max(rounds)]
        return (None if events.problem else 1), None


def _balance(snapshot: Snapshot, address: str) -> int:
    with reaching("read a balance"):
        return int(snapshot.contract.web3.eth.get_balance(address, snapshot.pin))  # type: ignore[arg-type]
