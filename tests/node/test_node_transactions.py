"""What the loop makes of transactions: refused, under way, late, and votes that may not be needed."""

from __future__ import annotations

import itertools

from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.errors import (
    ContractError,
    InsufficientFunds,
)
from colearn_ledger.member.work import Trained, Verdict

from ..kit.builders import ME, proposal, record, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import REVEALING, VOTING, Bench


def test_step__refused__is_tried_again_less_and_less_often_while_the_loop_goes_on_looking() -> None:
    bench = Bench(FakeLedger(view(**REVEALING))).adopts()
    tries = []
    for _ in range(100):
        bench.ledger.refusal = ContractError("odd", name="Odd")
        assert 0 < bench.node.step() <= 1
        if bench.ledger.refusal is None:
            tries.append(bench.clock.now)
        bench.clock.now += 0.25
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert 4 <= len(tries) <= 10 and max(pauses) > 2, pauses
    assert bench.ledger.looks >= 100 and len(bench.log.events("refused")) == len(tries).bit_length()
    bench.ledger.refusal = None
    bench.clock.now += 60
    bench.node.step()
    assert len(bench.ledger.mined) == 1


def test_step__cannot_pay__the_loop_goes_on_looking_and_says_it() -> None:
    bench = Bench(FakeLedger(view(**REVEALING))).adopts()
    bench.ledger.refusal = InsufficientFunds("too little", fix="send funds")
    looks = bench.ledger.looks
    for _ in range(3):
        assert bench.node.step() <= 1
    assert bench.ledger.looks == looks + 3
    assert bench.log.events("chain")[0].startswith("too little; to fix: send funds; again in")


def test_step__transaction_under_way__the_loop_watches_and_sends_it_once() -> None:
    bench = Bench(FakeLedger(view(**VOTING), mines=False)).adopts()
    bench.works()
    assert isinstance(bench.ledger.under_way, Verdict)
    first, looks = bench.ledger.under_way, bench.ledger.looks
    for _ in range(3):
        assert bench.node.step() == 0.1, "soon, whatever else there is"
    assert bench.ledger.under_way is first and bench.ledger.looks == looks + 3
    bench.ledger.mines = True
    bench.ledger.becomes(voted=True)
    bench.node.step()
    assert bench.ledger.mined == [first] and len(bench.worker.jobs) == 2


def test_step__vote_that_is_not_needed__waits_a_little_for_those_that_decide() -> None:
    bench = Bench(FakeLedger(view(**VOTING, member_count=8, seat=6))).adopts()
    bench.works()
    assert bench.ledger.mined == [] and 0 < bench.node.step() <= 1
    bench.clock.now += 0.99
    bench.node.step()
    assert bench.ledger.mined == []
    bench.clock.now += 0.01
    bench.node.step()
    assert len(bench.ledger.mined) == 1, "whatever the others do"


def test_step__vote_that_is_not_needed__is_never_sent_when_the_others_have_decided() -> None:
    bench = Bench(FakeLedger(view(**VOTING, member_count=8, seat=6))).adopts()
    bench.works()
    bench.ledger.records[7] = record(7, RoundState.ACCEPTED)
    bench.ledger.becomes(round=8, state=RoundState.PROPOSING, proposal=None)
    bench.clock.now += 5
    bench.node.step()
    assert bench.ledger.mined == []


def test_step__vote_held_back__becomes_needed_by_a_rejection_and_is_sent_at_once() -> None:
    bench = Bench(FakeLedger(view(**VOTING, member_count=4, seat=2, round=7))).adopts()
    bench.works()
    assert bench.ledger.mined == []
    bench.ledger.becomes(proposal=proposal(rejections=0b1000))
    bench.node.step()
    assert len(bench.ledger.mined) == 1


def test_step__deadline_is_near__a_vote_is_held_back_for_a_part_of_what_is_left_at_most() -> None:
    bench = Bench(FakeLedger(view(**VOTING, member_count=8, seat=6, at=1998))).adopts()
    bench.works()
    assert 0 < bench.node.step() <= 0.5
    bench.clock.now += 0.5
    bench.node.step()
    assert len(bench.ledger.mined) == 1


def test_step__round_decided_while_a_vote_is_under_way__the_next_work_begins_and_takes_its_place() -> None:
    bench = Bench(FakeLedger(view(**VOTING), mines=False)).adopts()
    bench.works()
    bench.ledger.records[7] = record(7, RoundState.REJECTED)
    bench.ledger.becomes(round=8, state=RoundState.PROPOSING, proposal=None, proposer=ME)
    bench.works()
    assert isinstance(bench.ledger.under_way, Trained)
    bench.ledger.mines = True
    bench.node.step()
    assert [type(work) for work in bench.ledger.mined] == [Trained]


def test_step__vote_was_mined_and_nobody_could_be_told__is_told_with_the_next_receipt() -> None:
    bench = Bench(FakeLedger(view(**VOTING), mines=False, late=True)).adopts()
    bench.works()
    bench.ledger.records[7] = record(7, RoundState.REJECTED)
    bench.ledger.becomes(round=8, state=RoundState.PROPOSING, proposal=None, proposer=ME)
    bench.works()
    assert bench.log.events("vote") == [] == bench.log.events("propose")
    bench.ledger.mines = True
    bench.node.step()
    bench.node.step()
    assert len(bench.log.events("vote")) == 1 == len(bench.log.events("propose"))
    assert "0x64646464" in bench.log.events("vote")[0]


def test_step__late_vote_is_mined_after_the_next_training__its_result_is_not_lost() -> None:
    bench = Bench(FakeLedger(view(**VOTING), mines=False)).adopts()
    bench.works()
    bench.ledger.records[7] = record(7, RoundState.REJECTED)
    bench.ledger.becomes(round=8, state=RoundState.PROPOSING, proposal=None, proposer=ME)
    bench.node.step()
    bench.worker.finishes()
    bench.ledger.mines = True
    bench.node.step()
    assert [type(work) for work in bench.ledger.mined] == [Verdict, Trained] and len(bench.worker.jobs) == 3


def test_step__refused_now_and_then__is_no_reason_to_leave() -> None:
    bench = Bench(FakeLedger(view(overdue=True, at=2001, seat=1))).adopts()
    for _ in range(3):
        bench.ledger.refusal = ContractError("odd", name="Odd")
        bench.node.step()
        bench.clock.now += 0.5
        bench.node.step()
    assert len(bench.ledger.mined) == 3


def test_step__too_late_or_done_already__is_told_and_no_error() -> None:
    bench = Bench(FakeLedger(view(overdue=True, at=2001, seat=1), outcome=Outcome.TOO_LATE)).adopts()
    bench.node.step()
    bench.ledger.outcome = Outcome.ALREADY_DONE
    bench.node.step()
    assert bench.log.events("advance") == [
        "advanced the round: too late, dropped",
        "advanced the round: was done already",
    ]
