"""Alive: the loop goes round. Ready: the chain was seen lately, and the learner can work."""

from __future__ import annotations

from colearn_node.health import Health

from ..kit.fakes import Clock


def test_alive__a_loop_that_goes_round__is() -> None:
    clock = Clock()
    health = Health(1.0, clock)
    for _ in range(5):
        clock.now += 302.9
        assert health.why_not_alive() is None
        health.looped()


def test_alive__a_loop_that_stands_still__is_not_and_since_when() -> None:
    clock = Clock()
    health = Health(1.0, clock)
    clock.now += 303
    assert health.why_not_alive() == "the loop stands still since 303 s"
    health.looped()
    assert health.why_not_alive() is None


def test_alive__a_long_interval_between_looks__counts_three_times() -> None:
    clock = Clock()
    health = Health(3600, clock)
    clock.now += 3 * 3600 + 299
    assert health.why_not_alive() is None
    clock.now += 1
    assert health.why_not_alive() is not None


def test_ready__before_the_first_look__is_not() -> None:
    assert Health(1.0, Clock()).why_not_ready() == "the chain has not been seen yet"


def test_ready__learner_without_the_accepted_weights__is_not_until_it_has_them() -> None:
    health = Health(1.0, Clock())
    health.looked(can_work=False)
    assert health.why_not_ready() == "the learner doesn't hold the accepted weights yet"
    health.looked(can_work=True)
    assert health.why_not_ready() is None


def test_ready__a_chain_not_seen_for_a_minute__is_not() -> None:
    clock = Clock()
    health = Health(2.0, clock)
    health.looked(can_work=True)
    clock.now += 66
    assert health.why_not_ready() is None
    clock.now += 1
    assert health.why_not_ready() == "the chain was seen last 67 s ago"
    health.looked(can_work=True)
    assert health.why_not_ready() is None


def test_ready__something_is_amiss_with_the_chain__says_what() -> None:
    health = Health(1.0, Clock())
    health.looked(can_work=True)
    health.block_time = "its clock stands still"
    assert health.why_not_ready() == "its clock stands still"
    health.endpoint = "it lags"
    assert health.why_not_ready() == "it lags" and health.why_not_alive() is None
    health.endpoint = health.block_time = None
    assert health.why_not_ready() is None
