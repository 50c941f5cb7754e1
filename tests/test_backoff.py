"""Pauses that grow, and differ from member to member."""

from __future__ import annotations

import random

import pytest

from colearn_ledger.backoff import Backoff

from .kit.fakes import Clock


def pauses(backoff: Backoff, times: int) -> list[float]:
    return [backoff.add("x") for _ in range(times)]


def test_add__the_same_thing_again__bounds_double_up_to_the_longest() -> None:
    assert pauses(Backoff(draw=lambda: 1.0), 9) == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses(Backoff(1.0, 5.0, factor=1.5, draw=lambda: 1.0), 5) == [1, 1.5, 2.25, 3.375, 5]


def test_add__never__less_than_half_the_first_pause() -> None:
    assert pauses(Backoff(draw=lambda: 0.0), 9) == [0.25] * 9


def test_add__ten_thousand_times__stays_at_the_longest() -> None:
    assert pauses(Backoff(draw=lambda: 1.0), 10_000)[-1] == 60


def test_add__other_members__other_pauses_in_the_same_bounds() -> None:
    chance = random.Random(1)
    drawn = [pauses(Backoff(draw=chance.random), 6)[-1] for _ in range(64)]
    assert len(set(drawn)) == 64 and min(drawn) < 3 and 13 < max(drawn) <= 16


def test_add__beside_code_that_seeded_its_random_numbers__these_stay_as_they_are() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    pauses(Backoff(), 3)
    assert random.random() == expected


def test_add__another_thing__starts_afresh() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    assert [backoff.add("a"), backoff.add("a"), backoff.add("b"), backoff.add("a")] == [0.5, 1.0, 0.5, 0.5]
    assert backoff.times == 1


def test_left__counts_down_for_this_thing_alone() -> None:
    clock = Clock()
    backoff = Backoff(2.0, clock=clock, draw=lambda: 1.0)
    assert backoff.left("a") == 0
    backoff.add("a")
    clock.now += 0.5
    assert backoff.left("a") == pytest.approx(1.5) and backoff.left("b") == 0
    clock.now += 5
    assert backoff.left("a") == 0
    backoff.add("a")
    backoff.clear()
    assert (backoff.left("a"), backoff.left(None), backoff.times) == (0, 0, 0)


def test_add__nothing_named__counts_from_one() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    assert backoff.times == 0 and [backoff.add(), backoff.times, backoff.add(), backoff.times] == [0.5, 1, 1.0, 2]
