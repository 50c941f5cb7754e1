"""Values of the protocol for tests of pure code, each with what a test doesn't care about filled in."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from colearn_ledger.core.protocol import Proposal, RoundRecord, RoundState, Rules, View, WeightsRef

__all__ = ["ME", "OTHER", "proposal", "record", "ref", "view"]

ME, OTHER = "0x" + "11" * 20, "0x" + "22" * 20


def ref(name: str) -> WeightsRef:
    """Weights of one size, so that the content alone tells them apart."""
    digest = hashlib.sha256(name.encode()).digest()
    return WeightsRef(digest, digest, 1_000)


def proposal(name: str = "proposed", seat: int = 1, **changes: Any) -> Proposal:
    """Two approvals accept it; nobody has voted."""
    base = Proposal(ref(f"id of {name}").sha256, ref(name), seat, approvals=0, rejections=0, hidden=0, need=2)
    return dataclasses.replace(base, **changes)


def view(**changes: Any) -> View:
    """Seat 0 of four: round 7 is open, it's another's turn; round 3 was accepted."""
    base = View(
        block_number=5,
        block_hash=b"b" * 32,
        at=1000,
        round=7,
        state=RoundState.PROPOSING,
        proposer=OTHER,
        deadline=2000,
        overdue=False,
        accepted_round=3,
        accepted=ref("accepted"),
        proposal=None,
        member_count=4,
        is_member=True,
        seat=0,
        voted=False,
        commitment=None,
        rules=Rules(),
        secret_votes=False,
        max_size=1 << 20,
        motions_to_vote=(),
    )
    return dataclasses.replace(base, **changes)


def record(
    number: int, state: RoundState, weights: WeightsRef | None = None, parent_round: int = 0, **changes: Any
) -> RoundRecord:
    """A round of four; seats 0 and 2 approved of what seat 1 proposed."""
    base = RoundRecord(
        round=number,
        state=state,
        proposer=OTHER,
        parent_round=parent_round,
        parent=b"p" * 32,
        id=b"i" * 32,
        weights=weights,
        deadline=2000,
        member_count=4,
        proposer_seat=1,
        approvals=0b101,
        rejections=0,
        hidden=0,
        need=2,
    )
    return dataclasses.replace(base, **changes)
