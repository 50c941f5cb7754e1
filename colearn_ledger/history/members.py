"""Who the members are, or were in an earlier round, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from ..chain.reach import reaching
from ..chain.snapshot import Snapshot
from ..core.protocol import MotionKind, MotionState
from ..errors import UsageError
from .logs import fetch_events
from .motions import fetch_all_motions

__all__ = ["Member", "read_members"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member. ``since``: the first round of its present membership, None if that can't be had; ``balance`` in wei."""

    seat: int
    address: str
    since: int | None
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
    return number, tuple(
        Member(seat, address, since.find(address, number), _balance(snapshot, address))
        for seat, address in enumerate(members)
    )


class _Since:
    """Since which round somebody is a member, from storage where that is enough."""

    def __init__(self, snapshot: Snapshot, deployed_block: int) -> None:
        self._snapshot, self._deployed_block = snapshot, deployed_block
        enacted = [m for m in fetch_all_motions(snapshot) if m.state is MotionState.ENACTED]
        self._added = [m.subject for m in enacted if m.kind is MotionKind.ADD_MEMBER]
        self._founders = set(snapshot.members(1)) if self._added else set()

    def find(self, member: str, until: int) -> int | None:
        """The first round of the membership that ``member`` has in round ``until``."""
        times = self._added.count(member)
        if times == 0:
            return 1
        if times == 1 and member not in self._founders:  # it joined once: nothing to confuse
            return self._bisect(member, until)
        return self._from_events(member, until)

    def _bisect(self, member: str, until: int) -> int:
        outside, inside = 1, until
        while inside - outside > 1:
            middle = (outside + inside) // 2
            if member in self._snapshot.members(middle):
                inside = middle
            else:
                outside = middle
        return inside

    def _from_events(self, member: str, until: int) -> int | None:
        subject = bytes.fromhex(member[2:]).rjust(32, b"\0")
        events = fetch_events(self._snapshot, self._deployed_block, [subject])
        joined: list[int] = [
            e.arguments["firstRound"]
            for e in events.events
            if e.name == "MemberAdded" and e.arguments["member"] == member and e.arguments["firstRound"] <= until
        ]
        if joined:
            return max(joined)
        return None if events.problem else 1


def _balance(snapshot: Snapshot, address: str) -> int:
    with reaching("read a balance"):
        return int(snapshot.contract.web3.eth.get_balance(address, snapshot.pin))  # type: ignore[arg-type]
