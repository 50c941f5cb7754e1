"""The loop, step by step, on a ledger whose views are given and with a worker that answers when it is told to."""

from __future__ import annotations

import dataclasses

import pytest
from colearn_node.worker.messages import Tidy

from colearn_ledger.core.decide import Adopt, Advance, Judge, Propose, Republish, Reveal
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.formats.addresses import short_address
from colearn_ledger.member.work import Declined, Trained, Verdict

from ..kit.builders import ME, OTHER, proposal, record, ref, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import REVEALING, VOTING, Bench, Subscription


def test_step__accepted_weights_not_held__adopts_them_first_and_is_ready_then() -> None:
    bench = Bench(FakeLedger(view(**VOTING)))
    bench.node.step()
    assert bench.worker.jobs == [] and bench.health.why_not_ready() is not None
    bench.worker.is_ready()
    bench.node.step()
    assert bench.worker.job.action == Adopt(3, ref("accepted"))
    bench.worker.finishes()
    bench.node.step()
    assert isinstance(bench.worker.job.action, Judge) and bench.health.why_not_ready() is None


def test_step__my_turn__trains_and_proposes() -> None:
    bench = Bench(FakeLedger(view(proposer=ME))).adopts()
    bench.works()
    [work] = bench.ledger.mined
    assert isinstance(work, Trained) and work.weights == ref("trained")
    assert bench.log.events("propose")[0].endswith("(0x74747474…, 31,020 gas)")


MINE = {"state": RoundState.VOTING, "proposal": proposal(seat=0)}


def test_step__own_proposal_that_came_back_with_the_chain__is_published_again_before_it_waits() -> None:
    bench = Bench(FakeLedger(view(**MINE))).adopts()
    bench.works()
    assert bench.worker.job.action == Republish(7, ref("accepted").sha256, ref("proposed"))
    assert bench.log.events("wait") == ["waiting for the others' votes on my proposal"] and bench.ledger.mined == []
    jobs = len(bench.worker.jobs)
    bench.node.step()
    assert len(bench.worker.jobs) == jobs, "it is there"


def test_step__own_proposal_that_can_not_be_had_again__is_said_once_and_the_clock_is_waited_for() -> None:
    bench = Bench(FakeLedger(view(**MINE))).adopts()
    bench.node.step()
    bench.worker.finishes(Declined(7, "training again gives other weights"))
    for _ in range(3):
        assert bench.node.step() > 0
    assert bench.log.events("declined") == ["its proposal can't be had: training again gives other weights"]
    assert bench.ledger.mined == []


def test_step__own_proposal_in_a_dry_run__nothing_is_published() -> None:
    bench = Bench(FakeLedger(view(**MINE), sends=False)).adopts()
    bench.node.step()
    assert isinstance(bench.worker.job.action, Adopt)
    assert bench.log.events("wait") == ["waiting for the others' votes on my proposal"]


def test_step__proposal_of_another__is_tested_and_voted_on_and_the_loop_looks_at_once() -> None:
    bench = Bench(FakeLedger(view(**VOTING))).adopts()
    bench.node.step()
    bench.worker.finishes()
    assert bench.node.step() == 0
    [work] = bench.ledger.mined
    assert isinstance(work, Verdict) and work.approve
    looks = bench.ledger.looks
    bench.ledger.becomes(voted=True)
    assert bench.node.supervisor.work_on(Judge(7, proposal(), False), 5.0) is None, "the verdict is used up"
    assert bench.node.step() > 0 and bench.ledger.known is None and bench.ledger.looks == looks + 1
    assert bench.log.events("wait")[-1] == "waiting for the others' votes" and len(bench.ledger.mined) == 1


def test_step__committed_and_reveals_are_taken__reveals_without_the_worker() -> None:
    bench = Bench(FakeLedger(view(**REVEALING))).adopts()
    bench.node.step()
    assert bench.ledger.mined == [Reveal(7, proposal(), b"c" * 32)] and len(bench.worker.jobs) == 1


def test_step__in_a_pause__says_until_when_and_trains_when_it_is_over() -> None:
    bench = Bench(FakeLedger(view(proposer=ME, at=1000, opens_at=1500))).adopts()
    bench.node.step()
    assert [job.action for job in bench.worker.jobs][1:] == []
    assert any("rests" in line for line in bench.log.events("wait"))
    # The chain's clock comes to the second, with no block that would wake the node: the view is read again.
    bench.clock.now += 500
    bench.ledger.becomes(at=1500)
    bench.node.step()
    assert bench.worker.job.action == Propose(7, ref("accepted").sha256)


def test_step__after_the_end__declines_and_says_so_and_does_not_spin() -> None:
    bench = Bench(FakeLedger(view(proposer=ME, ended=True, deadline=10))).adopts()
    assert bench.node.step() > 0
    assert any("end" in line for line in bench.log.events("wait")) and bench.ledger.mined == []
    bench.clock.now += 10_000
    assert bench.node.step() > 0
    assert bench.health.block_time is None  # no deadline is waited for


def test_step__overdue_and_my_step__advances() -> None:
    bench = Bench(FakeLedger(view(overdue=True, at=2001, seat=1))).adopts()
    bench.node.step()
    assert bench.ledger.mined == [Advance(7)] and bench.log.events("advance")


def test_step__overdue_and_the_first_is_away_on_a_clock_that_stands_still__advances_when_its_step_has_come() -> None:
    bench = Bench(FakeLedger(view(overdue=True, at=2001, seat=2))).adopts()
    assert 0 < bench.node.step() <= 1
    for _ in range(14):
        bench.clock.now += 1
        assert bench.node.step() > 0
    assert bench.ledger.mined == []
    bench.clock.now += 1
    bench.node.step()
    assert bench.ledger.mined == [Advance(7)]


def test_step__overdue_and_the_clock_moves__own_seconds_do_not_count_twice() -> None:
    bench = Bench(FakeLedger(view(overdue=True, at=2001, seat=2))).adopts()
    for second in range(1, 15):
        bench.clock.now += 1
        bench.ledger.becomes(at=2001 + second)
        bench.node.step()
    assert bench.ledger.mined == []


def test_step__nothing_mined__the_view_is_not_read_again_for_some_seconds_or_until_its_deadline() -> None:
    bench = Bench().adopts()
    bench.node.step()
    for seconds, again in ((1, False), (3, False), (2, True), (4, False)):
        bench.clock.now += seconds
        bench.node.step()
        assert (bench.ledger.known is None) is again, "what was read may have been spoilt on its way"
    at = bench.ledger.now.at + 10
    bench.ledger.becomes(at=at, deadline=at + 2)
    bench.node.step()
    for seconds, again in ((1, False), (2, True)):
        bench.clock.now += seconds
        bench.node.step()
        assert (bench.ledger.known is None) is again, "the clock may have changed what no block has"


@pytest.mark.parametrize(
    "heads, interval, at, pause",
    [
        (None, 1.0, 1000, 1.0),
        (Subscription(100.0), 1.0, 1000, 15.0),
        (Subscription(4.0), 1.0, 1000, 4.0),
        (Subscription(0.0), 1.0, 1000, 1.0),
        (Subscription(100.0), 60.0, 1000, 60.0),
        (None, 60.0, 1990, 11.0),
        (None, 60.0, 2000, 1.0),
        (None, 60.0, 2050, 0.25),
        (None, 0.1, 2050, 0.1),
    ],
)
def test_step__waiting__looks_again_in_time(heads: Subscription | None, interval: float, at: int, pause: float) -> None:
    bench = Bench(FakeLedger(view(at=at)), heads=heads, poll_interval=interval).adopts()
    assert bench.node.step() == pytest.approx(pause)


@pytest.mark.parametrize("at, patience", [(1000, 60.0), (1970, 30.0), (2000, 1.0)])
def test_step__weights_to_pull__as_long_as_the_deadline_leaves(at: int, patience: float) -> None:
    bench = Bench(FakeLedger(view(**VOTING, at=at))).adopts()
    assert bench.worker.job.deadline_s == pytest.approx(60.0, abs=0.01), "what is accepted is wanted later, too"
    bench.node.step()
    assert bench.worker.job.deadline_s == pytest.approx(patience, abs=0.01)


def test_step__large_weights_to_pull__have_time_for_their_size_until_the_deadline() -> None:
    large = dataclasses.replace(ref("large"), size=500_000_000)
    voting = {**VOTING, "proposal": proposal(weights=large), "max_size": 1 << 32}
    for at, patience in ((1000, 560.0), (1700, 300.0)):
        bench = Bench(FakeLedger(view(**voting, at=at))).adopts()
        bench.node.step()
        assert bench.worker.job.deadline_s == pytest.approx(patience)
    bench = Bench(FakeLedger(view(accepted=large, at=1900)))
    bench.worker.is_ready()
    bench.node.step()
    assert bench.worker.job.deadline_s == pytest.approx(560.0), "whatever the deadline of the round"


def test_step__learner_declines__is_said_once_and_asked_once() -> None:
    bench = Bench(FakeLedger(view(proposer=ME))).adopts()
    bench.node.step()
    bench.worker.finishes(Declined(7, "its budget is spent"))
    for _ in range(3):
        bench.node.step()
    assert bench.log.events("declined") == ["declines to propose: its budget is spent"]
    assert len(bench.worker.jobs) == 2 and bench.ledger.mined == []


def test_step__dry_run__says_once_what_it_would_do_and_sends_nothing() -> None:
    bench = Bench(FakeLedger(view(**VOTING), sends=False)).adopts()
    bench.node.step()
    bench.worker.finishes()
    for _ in range(3):
        bench.node.step()
    assert len(bench.log.events("dry_run")) == 1 and bench.ledger.mined == []
    bench.ledger.becomes(state=RoundState.PROPOSING, proposer=ME, round=8, proposal=None)
    bench.ledger.records[7] = record(7, RoundState.REJECTED)
    bench.node.step()
    assert bench.log.events("dry_run")[1] == "would have trained and proposed" and len(bench.worker.jobs) == 2


@pytest.mark.parametrize("sends, expected", [(True, 1), (False, 0)])
def test_step__resting__says_what_is_to_be_kept_unless_it_is_a_dry_run(sends: bool, expected: int) -> None:
    records = {i: record(i, RoundState.REJECTED, ref(f"w{i}")) for i in range(8)}
    records[3] = record(3, RoundState.ACCEPTED, ref("accepted"), 0)
    bench = Bench(FakeLedger(view(), records, sends=sends), keep="current").adopts()
    bench.node.step()
    bench.node.step()
    assert len([m for m in bench.worker.sent if isinstance(m, Tidy)]) == expected


def test_step__wait__is_said_once_a_reason() -> None:
    bench = Bench().adopts()
    for _ in range(3):
        bench.node.step()
    assert bench.log.events("wait") == [f"waiting for {short_address(OTHER)} to propose"]
    assert isinstance(bench.worker.job.action, Adopt)


def test_step__training_that_goes_on__is_given_once() -> None:
    bench = Bench(FakeLedger(view(proposer=ME))).adopts()
    for _ in range(3):
        assert bench.node.step() == 1.0
    assert [j.action for j in bench.worker.jobs[1:]] == [Propose(7, ref("accepted").sha256)]
