"""Motions as they are told; those that a chain has had are in tests/cli/test_motion.py."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from colearn_ledger.chain.contract import Head
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import MotionKind, MotionRecord, MotionState, Rules
from colearn_ledger.history.motions import Motion, fetch_all_motions, motions_to_dict, read_motions

from ..kit.builders import ME, OTHER

RULES = Rules(2, 3, propose_window=10, vote_window=20, reveal_window=30, motion_window=40)


def moved(number: int = 1, **changes: Any) -> MotionRecord:
    base = MotionRecord(
        id=bytes([number]) * 32,
        kind=MotionKind.ADD_MEMBER,
        state=MotionState.OPEN,
        mover=ME,
        subject=OTHER,
        rules=None,
        deadline=1000,
        approvals=0b101,
        rejections=0b010,
        need=3,
    )
    return replace(base, **changes)


def snapshot(*motions: MotionRecord, clock: int = 1000) -> Snapshot:
    """A contract of which nothing is known but these, in round 7."""
    return cast(
        Snapshot,
        SimpleNamespace(
            contract=SimpleNamespace(chain_id=5, address=ME),
            head=Head(9, b"h" * 32, 900),
            clock=clock,
            current_round=lambda: 7,
            motions=lambda first, count: motions[first : first + count],
        ),
    )


@pytest.mark.parametrize("count", [0, 63, 64, 65, 128])
def test_fetch_all_motions__pages__are_all_of_them_in_order(count: int) -> None:
    motions = tuple(moved(number) for number in range(count))
    assert fetch_all_motions(snapshot(*motions)) == motions


@pytest.mark.parametrize(
    "state, clock, seen",
    [
        (MotionState.OPEN, 1000, MotionState.OPEN),
        (MotionState.OPEN, 1001, MotionState.LAPSED),
        (MotionState.APPROVED, 1001, MotionState.APPROVED),
        (MotionState.REJECTED, 1001, MotionState.REJECTED),
    ],
)
def test_read_motions__deadline__has_passed_where_the_clock_is_later(
    state: MotionState, clock: int, seen: MotionState
) -> None:
    [motion] = read_motions(snapshot(moved(state=state), clock=clock)).motions
    assert motion.record.state is seen
    assert motion.waits is (seen in (MotionState.OPEN, MotionState.APPROVED))


def test_read_motions__two_wait_for_a_round__hold_from_the_next_one_or_the_one_after() -> None:
    records = (moved(1, state=MotionState.APPROVED), moved(2), moved(3, state=MotionState.APPROVED))
    read = read_motions(snapshot(*records))
    assert [(m.first_round, m.last_round) for m in read.motions] == [(8, 9), (None, None), (8, 9)]
    assert (read.chain_id, read.address, read.head.number, read.clock, read.current_round) == (5, ME, 9, 1000, 7)


@pytest.mark.parametrize(
    "kind, need, leaves",
    [
        (MotionKind.REMOVE_MEMBER, 0, True),
        (MotionKind.REMOVE_MEMBER, 1, False),
        (MotionKind.ADD_MEMBER, 0, False),
    ],
)
def test_is_leave__a_removal_that_needs_no_votes(kind: MotionKind, need: int, leaves: bool) -> None:
    assert Motion(moved(kind=kind, need=need)).is_leave is leaves


def test_motions_to_dict__of_each_kind__has_every_field() -> None:
    records = (
        moved(1),
        moved(2, kind=MotionKind.SET_RULES, subject=None, rules=RULES, state=MotionState.APPROVED),
        moved(3, kind=MotionKind.REMOVE_MEMBER, need=0),
        moved(4, kind=MotionKind.REVERT_TO, subject=None, to_round=2, first_round=5, state=MotionState.ENACTED),
        moved(5, kind=MotionKind.REPLACE_MEMBER, need=0),
    )
    told = motions_to_dict(read_motions(snapshot(*records)))
    added, changed, left, back, replaced = told.pop("motions")
    assert told == {
        "format": "colearn-motions-1",
        "chain_id": 5,
        "address": ME,
        "block": 9,
        "time": "1970-01-01T00:16:40Z",
        "current_round": 7,
    }
    assert added == {
        "id": "0x" + "01" * 32,
        "kind": "add_member",
        "subject": OTHER,
        "rules": None,
        "to_round": None,
        "word": None,
        "mover": ME,
        "state": "open",
        "need": 3,
        "approving_seats": [0, 2],
        "rejecting_seats": [1],
        "deadline": "1970-01-01T00:16:40Z",
        "first_round": None,
    }
    assert (changed["kind"], changed["subject"], changed["first_round"]) == ("set_rules", None, 8)
    windows = {"propose_window": 10, "vote_window": 20, "reveal_window": 30, "motion_window": 40}
    assert changed["rules"] == {"threshold": "2/3", **windows, "pause": 0}
    assert left["kind"] == "leave"
    # From which round on it holds is in storage.
    assert (back["kind"], back["to_round"], back["first_round"], back["subject"]) == ("revert_to", 2, 5, None)
    assert (replaced["kind"], replaced["subject"], replaced["mover"]) == ("replace_member", OTHER, ME)
