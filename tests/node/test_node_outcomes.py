"""Rounds that ended are told, once, and the node leaves when it was asked for no more."""

from __future__ import annotations

from colearn_ledger.core.decide import Adopt
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.errors import (
    ChainError,
)

from ..kit.builders import OTHER, proposal, record, ref, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import VOTING, Bench


def test_step__rounds_that_ended__are_told_once_and_missed_ones_do_not_count() -> None:
    bench = Bench(rounds=2).adopts()
    bench.node.step()
    bench.ledger.records = {
        7: record(7, RoundState.ACCEPTED),
        8: record(8, RoundState.MISSED),
        9: record(9, RoundState.PROPOSING),  # as it is told when the view goes back with the chain
        10: record(10, RoundState.REJECTED),
    }
    bench.ledger.becomes(round=10)
    bench.node.step()
    told = ["round 7 is accepted: 2 approve, 2 needed", f"round 8 was missed by {OTHER}"]
    assert bench.log.events("outcome") == told and not bench.node.stopping
    bench.ledger.becomes(round=11)
    bench.node.step()
    assert bench.log.events("outcome")[2:] == ["round 10 is rejected: 2 approve, 2 needed"] and bench.node.stopping


def test_step__many_rounds_while_it_was_away__acts_at_once_and_tells_them_a_page_a_look() -> None:
    bench = Bench(FakeLedger(view(**VOTING)), rounds=100_000).adopts()
    bench.works()
    bench.ledger.records |= {i: record(i, RoundState.MISSED) for i in range(7, 20_007)}
    bench.ledger.records[12_345] = record(12_345, RoundState.ACCEPTED)
    bench.ledger.becomes(round=20_007)
    bench.works()
    assert len(bench.ledger.mined) == 2, "it has voted"
    looks = 0
    while bench.node.step() == 0:
        looks += 1
    assert 20_000 / 128 - 3 < looks < 20_000 / 128 + 1 and max(count for _, count in bench.ledger.pages) <= 128
    told = bench.log.events("outcome")
    assert "round 12345 is accepted: 2 approve, 2 needed" in told and told[0] == "rounds 7 to 134 were missed"
    assert len(told) < 160 and told[-1].startswith("rounds 19") and told[-1].endswith("to 20006 were missed")


def test_step__outcomes_cannot_be_read__are_told_later_and_nothing_waits_for_it() -> None:
    bench = Bench(FakeLedger(view(**VOTING)), rounds=1).adopts()
    bench.works()
    bench.ledger.becomes(round=8, proposal=proposal("next"))
    bench.ledger.unreadable = ChainError("too much gas")
    bench.works()
    bench.ledger.becomes(voted=True)
    for _ in range(3):
        bench.node.step()
    assert len(bench.ledger.mined) == 2 and len(bench.ledger.pages) == 1 and not bench.node.stopping
    assert bench.log.events("chain")[0].startswith("too much gas; again in")
    bench.ledger.unreadable = None
    bench.ledger.records[7] = record(7, RoundState.ACCEPTED)
    bench.clock.now += 0.5
    bench.node.step()
    assert bench.node.stopping


def test_step__round_is_decided_again_after_a_reorg__counts_once() -> None:
    bench = Bench(rounds=2).adopts()
    bench.node.step()
    bench.ledger.records |= {7: record(7, RoundState.ACCEPTED), 8: record(8, RoundState.ACCEPTED)}
    bench.ledger.becomes(round=8)
    bench.node.step()
    bench.ledger.becomes(round=7)
    bench.node.step()
    bench.ledger.becomes(round=8)
    bench.node.step()
    assert not bench.node.stopping and len(bench.log.events("outcome")) == 2
    bench.ledger.becomes(round=9)
    bench.node.step()
    assert bench.node.stopping


def test_step__until_round__leaves_when_it_has_passed_and_has_adopted_what_it_brought() -> None:
    bench = Bench(until_round=7).adopts()
    bench.node.step()
    assert not bench.node.stopping
    bench.ledger.records[7] = record(7, RoundState.ACCEPTED)
    bench.ledger.becomes(round=8, accepted_round=7, accepted=ref("newer"))
    bench.node.step()
    assert not bench.node.stopping and bench.worker.job.action == Adopt(7, ref("newer"))
    bench.worker.finishes()
    bench.node.step()
    assert bench.node.stopping
