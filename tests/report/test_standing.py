"""How a collective stands, from a view alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from colearn_ledger.core.protocol import (
    Contribution,
    MotionKind,
    MotionRecord,
    MotionState,
    RoundState,
    Training,
    View,
)
from colearn_ledger.history.motions import Motion
from colearn_ledger.report.standing import Standing, standing_line, standing_page, standing_to_dict

from ..kit.builders import ME, OTHER, proposal, ref, view

MEMBERS = (ME, OTHER, "0x" + "33" * 20, "0x" + "44" * 20)


def standing(seen: View, *motions: Motion) -> Standing:
    return Standing(31337, "0x" + "aa" * 20, seen, MEMBERS, motions)


def voting(state: RoundState = RoundState.VOTING, *, secret: bool = False, **votes: Any) -> View:
    return view(state=state, proposal=proposal(**votes), secret_votes=secret)


def joint(**changes: Any) -> View:
    training = Training(7, 1500, 0b0111, (1,), (Contribution(0, ref("a"), False), Contribution(3, ref("d"), True)))
    return view(training=dataclasses.replace(training, **changes), merge_order=(1,))


def motion(state: MotionState = MotionState.OPEN, **changes: Any) -> Motion:
    base = MotionRecord(
        id=b"m" * 32,
        kind=MotionKind.REMOVE_MEMBER,
        state=state,
        mover=ME,
        subject=OTHER,
        rules=None,
        deadline=5000,
        approvals=0b0001,
        rejections=0,
        need=2,
    )
    return Motion(dataclasses.replace(base, **changes), 8, 8)


@pytest.mark.parametrize(
    ("seen", "phase", "acted", "awaited", "until"),
    [
        (view(), "proposing", (), (1,), 2000),
        (view(overdue=True), "overdue", (), (), 2000),
        (voting(approvals=0b0001, rejections=0b1000), "voting", (0, 3), (2,), 2000),
        (voting(secret=True, hidden=0b0101), "voting", (0, 2), (3,), 2000),
        (voting(RoundState.REVEALING, secret=True, approvals=0b0001, hidden=0b0100), "revealing", (0,), (2,), 2000),
        (joint(), "training", (0,), (1, 2), 1499),
        (joint(until=1000), "merging", (), (1,), 2000),
    ],
)
def test_standing__each_phase__who_has_acted_and_who_is_awaited(
    seen: View, phase: str, acted: tuple[int, ...], awaited: tuple[int, ...], until: int
) -> None:
    now = standing(seen)
    assert (now.phase, now.acted, now.awaited, now.until) == (phase, acted, awaited, until)
    told = standing_to_dict(now)
    assert [one["seat"] for one in told["acted"]] == list(acted)
    assert [one["member"] for one in told["awaited"]] == [MEMBERS[seat] for seat in awaited]
    assert (told["until"] is None) is (phase == "overdue")
    assert standing_line(now).startswith(f"round 7 {phase}") and len(list(standing_page(now))) > 4


def test_page__secret_votes__how_they_go_is_not_told_before_they_are_revealed() -> None:
    def text(*seen: View) -> str:
        return "\n".join(standing_page(standing(*seen)))

    assert "1 approvals" in text(voting(approvals=1))
    hidden = text(voting(secret=True, hidden=1))
    assert "approvals" not in hidden and "1 committed" in hidden
    assert "1 approvals revealed" in text(voting(RoundState.REVEALING, secret=True, approvals=1))


def test_line__only_time_passes__the_one_without_a_clock_stays() -> None:
    early, late = standing(voting(approvals=1)), standing(dataclasses.replace(voting(approvals=1), at=1900))
    assert standing_line(early, clock=False) == standing_line(late, clock=False)
    assert "16m40s left" in standing_line(early) and "1m40s left" in standing_line(late)
    over = standing(dataclasses.replace(voting(), at=2001))
    assert over.left == 0 and "(over)" in standing_line(over)


def test_line__many_are_awaited__names_a_few() -> None:
    members = tuple(f"0x{seat:040x}" for seat in range(64))
    seen = view(state=RoundState.VOTING, proposal=proposal(), member_count=64)
    line = standing_line(dataclasses.replace(standing(seen), members=members))
    assert "and 59 more" in line and len(line) < 160


def test_motions__that_wait__are_told_with_who_has_not_voted() -> None:
    now = standing(view(), motion(), motion(MotionState.APPROVED, approvals=0b0101))
    assert standing_line(now).endswith("1 motion to vote on, 1 approved motion")
    page = "\n".join(standing_page(now))
    assert f"{MEMBERS[2]}, seat 2, hasn't voted on it" in page
    assert f"{OTHER}, seat 1, hasn't" not in page  # who is to be removed has no vote
    assert [[one["seat"] for one in m["not_voted"]] for m in standing_to_dict(now)["motions"]] == [[2, 3], []]
