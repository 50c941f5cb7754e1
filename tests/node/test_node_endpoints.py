"""The loop and its endpoints: one that is behind, a clock that stands still."""

from __future__ import annotations

import dataclasses

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.core.protocol import RoundState

from ..kit.builders import record, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import Bench, Subscription


def lagging(lag: int) -> Heads:
    return Heads("http://a", 100, "http://b", 100 + lag, lag)


def test_step__endpoint_behind_another__is_left_at_the_second_comparison_and_the_view_read_anew() -> None:
    bench = Bench(FakeLedger(view(), heads=lagging(5))).adopts()
    bench.node.step()
    assert bench.health.why_not_ready() == "the endpoint http://a is 5 blocks behind http://b"
    assert bench.ledger.switches == 0
    bench.clock.now += 4.9
    bench.node.step()
    assert bench.ledger.switches == 0
    bench.clock.now += 0.1
    bench.node.step()
    assert bench.ledger.switches == 1 and bench.ledger.known is None
    text = "the endpoint http://a is at block 100, 5 behind http://b: switched to that"
    assert bench.log.events("endpoint") == [text] and bench.health.why_not_ready() is not None
    bench.ledger.heads = lagging(0)
    bench.node.step()
    assert bench.health.why_not_ready() is None


def test_step__endpoint_behind_by_less_or_for_a_moment__stays() -> None:
    bench = Bench(FakeLedger(view(), heads=lagging(4))).adopts()
    for lag in (4, 9, 4, 9, 0):
        bench.ledger.heads = lagging(lag)
        bench.clock.now += 5
        bench.node.step()
        assert (bench.health.why_not_ready() is None) is (lag < 5)
    assert bench.ledger.switches == 0 and bench.log.events("endpoint") == []


def test_step__endpoint_behind_and_none_that_is_better__is_said_once_and_tried_again() -> None:
    bench = Bench(FakeLedger(view(), heads=lagging(7), better=False)).adopts()
    for _ in range(5):
        bench.clock.now += 5
        bench.node.step()
    assert bench.ledger.switches == 5 and bench.health.why_not_ready() is not None
    assert bench.log.events("endpoint") == [
        "the endpoint http://a is at block 100, 7 behind http://b: there is no better one"
    ]


def test_step__several_endpoints__are_compared_also_while_news_come_by_themselves() -> None:
    several = Bench(FakeLedger(view(), heads=lagging(0)), heads=Subscription(100.0)).adopts()
    assert several.node.step() == 5.0
    alone = Bench(FakeLedger(view()), heads=Subscription(100.0)).adopts()
    assert alone.node.step() == 15.0


def test_step__clock_that_stands_still_past_a_deadline__is_not_ready_until_it_moves() -> None:
    bench = Bench(FakeLedger(view())).adopts()
    bench.node.step()
    for seconds in (999, 2):  # until the deadline nothing is amiss: nobody has asked the clock
        assert bench.health.why_not_ready() is None
        bench.clock.now += seconds
        bench.node.step()
    assert bench.health.why_not_ready() == "the chain's clock stands still since 1001 s, and a deadline has passed"
    bench.ledger.becomes(at=2001, round=8, deadline=5000)
    bench.ledger.records[7] = record(7, RoundState.MISSED)
    bench.node.step()
    assert bench.health.why_not_ready() is None


def test_step__clock_that_stands_still_for_minutes_or_before_any_deadline__is_ready() -> None:
    bench = Bench(FakeLedger(view(at=1990))).adopts()
    bench.node.step()
    bench.clock.now += 200
    bench.node.step()
    assert bench.health.why_not_ready() is None
    bench.clock.now += 101
    bench.node.step()
    assert bench.health.why_not_ready() is not None
    bench.ledger.becomes(deadline=9000)
    bench.node.step()
    assert bench.health.why_not_ready() is None


def test_step__chain_that_mines_on_demand_and_whose_clock_goes_on__is_ready_through_all_deadlines() -> None:
    bench = Bench(FakeLedger(view())).adopts()
    bench.ledger.records |= {i: record(i, RoundState.MISSED) for i in range(7, 20)}
    for i in range(1, 12):
        bench.clock.now += 1000
        # no block comes: the pending block's time is all that moves
        bench.ledger.now = dataclasses.replace(
            bench.ledger.now, at=1000 + 1000 * i, round=7 + i, deadline=2000 + 1000 * i
        )
        bench.node.step()
        assert bench.health.why_not_ready() is None


def test_step__other_endpoints_are_away__the_one_that_is_left_is_not_called_behind() -> None:
    bench = Bench(FakeLedger(view(), heads=lagging(5))).adopts()
    bench.node.step()
    assert "5 blocks behind" in str(bench.health.why_not_ready())
    bench.ledger.heads = None
    bench.clock.now += 1000
    bench.ledger.becomes()
    bench.node.step()
    assert bench.health.why_not_ready() is None
