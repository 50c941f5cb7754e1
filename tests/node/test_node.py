"""The loop, step by step, on a ledger whose views are given and with a worker that answers when it is told to."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colearn_node.agreed import Agreed
from colearn_node.health import Health
from colearn_node.node import Node
from colearn_node.reporter import Reporter
from colearn_node.retention import Retention
from colearn_node.wakeup import Wake
from colearn_node.worker.messages import PullAhead, Ready, Spec, Tidy
from colearn_node.worker.supervisor import WorkerSupervisor

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.decide import Adopt, Advance, Judge, Merge, Propose, Republish, Reveal
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import Claim, Contribution, RoundState, Training, View, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    ContractError,
    InsufficientFunds,
    KeyFileError,
    NoContract,
    NotAMember,
    SchemaMismatch,
    StoreError,
    WrongChain,
)
from colearn_ledger.formats.addresses import short_address
from colearn_ledger.founding.record import DeploymentRecord
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Contributed, Declined, Merged, Trained, Verdict
from colearn_ledger.stores.spec import StoreSpec

from ..kit.builders import ME, OTHER, proposal, record, ref, view
from ..kit.fakes import Clock, FakeLedger, FakeWorker, Lines

SPEC = Spec(LearnerSpec("m:f"), StoreSpec(None, Path("w"), False), 1 << 20, Schema.of({}))
VOTING = {"state": RoundState.VOTING, "proposal": proposal()}
REVEALING = {"state": RoundState.REVEALING, "proposal": proposal(), "secret_votes": True, "commitment": b"c" * 32}


class Subscription:
    """For how long new blocks would be heard of."""

    def __init__(self, quiet_s: float) -> None:
        self.quiet_s = quiet_s


class Bench:
    """A node that goes step by step."""

    def __init__(self, ledger: FakeLedger | None = None, *, keep: str = "all", **options: Any) -> None:
        self.clock, self.log = Clock(), Lines()
        self.ledger = ledger or FakeLedger(view())
        self.workers, start = FakeWorker.starter()
        self.wake = Wake()
        self.health = Health(1.0, self.clock)
        supervisor = WorkerSupervisor(
            SPEC, self.wake, self.log, grace_s=10.0, hang_s=100.0, start=start, clock=self.clock
        )
        self.node = Node(
            self.ledger,
            supervisor,
            self.wake,
            Reporter(self.log),
            Retention(self.ledger, keep),
            self.health,
            **{"poll_interval": 1.0, "store_timeout": 60.0, "endpoint_lag": 5, "clock": self.clock, **options},
        )
        supervisor.start()

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    def adopts(self) -> Bench:
        """The learner is made, and takes the accepted weights."""
        self.worker.is_ready()
        self.node.step()
        self.worker.finishes()
        return self

    def works(self) -> None:
        """Step; have the worker do what it was given; step again."""
        self.node.step()
        self.worker.finishes()
        self.node.step()


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


def training(*contributions: Contribution, until: int = 1500) -> dict[str, Any]:
    """Of round 7, the first one after what was accepted."""
    return {
        "training": Training(7, until, 0b1111, (2, 3), contributions),
        "merge_order": (1, 2, 3),
        "accepted_round": 6,
    }


def contributed(seat: int) -> Contribution:
    return Contribution(seat, ref(f"contribution of {seat}"), late=False)


def test_step__joint_rounds__contributes_merges_in_its_turn_and_says_so() -> None:
    bench = Bench(FakeLedger(view(proposer=ME, **training()))).adopts()
    bench.works()
    [work] = bench.ledger.mined
    assert isinstance(work, Contributed) and bench.log.events("contribute")[0].startswith("contributed ")
    bench.ledger.becomes(**training(contributed(0), contributed(2), until=1000))
    bench.works()  # it looks whether its own contribution is there
    bench.works()
    assert isinstance(bench.ledger.mined[-1], Merged)
    assert "the clipped-mean of 2" in bench.log.events("merge")[0]


def test_step__joint_rounds_and_a_turn_passes_while_a_contribution_is_under_way__is_not_sent_again() -> None:
    missed = {7: record(7, RoundState.MISSED)}
    bench = Bench(FakeLedger(view(**training()), missed, mines=False)).adopts()
    bench.works()
    first = bench.ledger.under_way
    assert isinstance(first, Contributed)
    bench.ledger.under_way = sentinel = dataclasses.replace(first)
    bench.ledger.becomes(round=8)
    bench.node.step()
    assert bench.ledger.under_way is sentinel
    bench.ledger.mines = True
    bench.node.step()
    assert bench.ledger.mined == [first]


def test_step__joint_rounds_and_the_learner_declines__is_told_once_and_goes_on_merging() -> None:
    bench = Bench(FakeLedger(view(**training(contributed(2))))).adopts()
    bench.node.step()
    bench.worker.finishes(Declined(7, "the privacy budget is spent"))
    for _ in range(3):
        bench.node.step()
    assert bench.log.events("declined") == ["declines to train, or to merge: the privacy budget is spent"]
    assert bench.log.events("wait")[-1] == "waiting for the others' contributions", "and it rests"
    jobs = len(bench.worker.jobs)
    bench.ledger.becomes(proposer=ME, **training(contributed(2), until=1000))
    bench.works()
    assert len(bench.worker.jobs) == jobs + 1 and isinstance(bench.ledger.mined[-1], Merged)


def test_step__joint_rounds_and_a_contribution_is_refused__a_vote_that_is_taken_does_not_make_it_be_sent_at_once() -> (
    None
):
    bench = Bench(FakeLedger(view(**training()), {7: record(7, RoundState.REJECTED)})).adopts()
    tries = 0
    bench.node.step()
    bench.worker.finishes()
    for number in range(40):
        bench.ledger.becomes(state=RoundState.PROPOSING, proposal=None)
        bench.ledger.refusal = ContractError("odd", name="Odd")
        bench.node.step()
        tries += bench.ledger.refusal is None
        bench.ledger.refusal = None
        bench.ledger.becomes(state=RoundState.VOTING, proposal=proposal(f"of second {number}"))
        bench.works()
        bench.clock.now += 1
    assert len(bench.ledger.mined) == 40 and 3 <= tries <= 12


def test_step__joint_rounds_merging__may_pull_for_half_of_the_time_that_is_left() -> None:
    bench = Bench(FakeLedger(view(proposer=ME, deadline=1041, **training(contributed(0), until=1000)))).adopts()
    bench.works()
    assert isinstance(bench.worker.job.action, Merge) and 19 < bench.worker.job.deadline_s < 21


def test_step__own_contribution_that_nothing_brings_back__is_told_and_the_others_are_merged() -> None:
    facts = training(contributed(0), contributed(2), until=1000)
    bench = Bench(FakeLedger(view(proposer=ME, **facts))).adopts()
    bench.node.step()
    assert bench.worker.job.action == Republish(7, ref("accepted").sha256, contributed(0).weights, contribution=True)
    bench.worker.finishes(Declined(7, "no store has it, and training again gives other weights"))
    bench.node.step()
    bench.node.step()
    assert isinstance(bench.worker.job.action, Merge)
    assert "training again gives other weights" in bench.log.events("declined")[0]


def ahead(bench: Bench) -> list[tuple[WeightsRef, ...]]:
    """What the worker was told to pull meanwhile, one after the other."""
    return [message.weights for message in bench.worker.sent if isinstance(message, PullAhead)]


@pytest.mark.parametrize("whose", ["mine", "mine next", "another's"])
def test_step__joint_rounds__who_has_this_turn_or_the_next_pulls_contributions_as_they_come(whose: str) -> None:
    first, second, late = contributed(1), contributed(2), Contribution(3, ref("late"), late=True)
    made = view(proposer=ME if whose == "mine" else OTHER, **training(first))
    following = ME if whose == "mine next" else OTHER
    bench = Bench(FakeLedger(made, {7: record(7, RoundState.ACCEPTED)}, following=following)).adopts()
    bench.node.step()  # it trains meanwhile
    bench.ledger.becomes(**training(contributed(0), first, second, late))
    bench.node.step()
    bench.node.step()
    bench.ledger.becomes(round=8, **training() | {"accepted_round": 7})
    bench.node.step()
    expected = [(first.weights,), (first.weights, second.weights), ()]
    assert ahead(bench) == ([] if whose == "another's" else expected)
    assert bench.ledger.asked_for_next == (whose != "mine")


def test_step__joint_rounds_and_the_next_proposer_is_not_known__nothing_waits_for_that() -> None:
    bench = Bench(FakeLedger(view(**training(contributed(1))), following=ME, unreadable=ChainError("away"))).adopts()
    bench.works()
    assert isinstance(bench.ledger.mined[-1], Contributed) and ahead(bench) == []
    bench.ledger.unreadable = None
    bench.node.step()
    assert ahead(bench) == [(contributed(1).weights,)]
    dry = Bench(FakeLedger(view(proposer=ME, **training(contributed(1))), sends=False)).adopts()
    dry.node.step()
    assert ahead(dry) == []


CLAIMED = Claim(0b101, 2, claim_digest([(0, ref("contribution of 0")), (2, ref("contribution of 2"))]))


def test_step__joint_rounds_by_momentum__what_was_accepted_before_is_read_once_for_these_weights() -> None:
    records = {
        6: record(6, RoundState.ACCEPTED, ref("accepted"), 4),
        4: record(4, RoundState.ACCEPTED, ref("before"), 0),
    }
    facts = training(contributed(0), contributed(2), until=1000) | {"merge_order": (5, 3), "proposer": ME}
    facts["training"] = dataclasses.replace(facts["training"], rules_left=(5, 3))
    bench = Bench(FakeLedger(view(**facts), records)).adopts()
    bench.works()
    action = bench.worker.job.action
    assert isinstance(action, Merge) and action.before == ref("before")
    assert bench.ledger.pages == [(6, 1), (4, 1)]
    bench.node.step()
    bench.ledger.becomes(at=1600)
    bench.node.step()
    assert bench.ledger.pages == [(6, 1), (4, 1)], "the same weights are accepted"
    plain = Bench(FakeLedger(view(**facts | {"merge_order": (1, 3)}), records)).adopts()
    plain.node.step()
    assert plain.ledger.pages == [], "no rule takes it"


def rejected_twice(**changes: Any) -> Bench:
    """The first merge of a training was rejected, and the same bytes are proposed by the next rule."""
    before = record(
        7, RoundState.REJECTED, ref("proposed"), 6, parent=ref("accepted").sha256, claim=CLAIMED, rejections=0b1101
    )
    facts = {"round": 8, **training(contributed(0), contributed(2), until=1000), **changes}
    return Bench(FakeLedger(view(**facts), {7: before})).adopts()


def test_step__joint_rounds_and_rejected_before__is_voted_against_without_a_look_and_merged_knowingly() -> None:
    bench = rejected_twice(state=RoundState.VOTING, proposal=proposal(claim=CLAIMED))
    bench.works()
    [verdict] = bench.ledger.mined
    assert isinstance(verdict, Verdict) and "rejected before" in verdict.action.unread
    merging = rejected_twice(proposer=ME)
    merging.works()
    action = merging.worker.job.action
    assert isinstance(action, Merge) and [one.weights for one in action.rejected] == [ref("proposed")]
    merging.node.step()
    assert merging.ledger.pages == [(7, 1)], "as long as the view is the same"


@pytest.mark.parametrize("verifies", [False, True])
def test_step__joint_rounds__a_vote_knows_what_is_merged_if_it_is_to_be_recomputed(verifies: bool) -> None:
    facts = {"state": RoundState.VOTING, "proposal": proposal(claim=CLAIMED)}
    made = view(**training(contributed(0), contributed(1), contributed(2), until=1000), **facts)
    bench = Bench(FakeLedger(made), verify_merge=verifies).adopts()
    bench.node.step()
    action = bench.worker.job.action
    assert isinstance(action, Judge) and action.unread == ""
    expected = Merge(7, ref("accepted").sha256, 2, (contributed(0), contributed(2)))
    assert (action.merge, action.left_out) == ((expected, (contributed(1),)) if verifies else (None, ()))


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


@pytest.mark.parametrize("sends, expected", [(True, 1), (False, 0)])
def test_step__resting__says_what_is_to_be_kept_unless_it_is_a_dry_run(sends: bool, expected: int) -> None:
    records = {i: record(i, RoundState.REJECTED, ref(f"w{i}")) for i in range(8)}
    records[3] = record(3, RoundState.ACCEPTED, ref("accepted"), 0)
    bench = Bench(FakeLedger(view(), records, sends=sends), keep="current").adopts()
    bench.node.step()
    bench.node.step()
    assert len([m for m in bench.worker.sent if isinstance(m, Tidy)]) == expected


class Impatient(Wake):
    """Waits no longer than a step: ``steps`` says what comes before each of the next ones, and then the node stops."""

    def __init__(self, bench: Bench, *steps: Callable[[], object]) -> None:
        super().__init__()
        self._bench, self._steps = bench, iter(steps)
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self._bench.clock.now += seconds
        next(self._steps, self._bench.node.stop)()
        return True


def runs(bench: Bench, *steps: Callable[[], object]) -> list[float]:
    """The node's pauses as these things happen to it, one after the other."""
    wake = Impatient(bench, *steps)
    bench.node.wake = wake
    bench.node.run()
    return wake.pauses


def nothing() -> None:
    pass


def test_run__chain_fails__is_said_ever_more_rarely_and_looked_at_as_often_as_ever() -> None:
    bench = Bench(FakeLedger(view(), error=ChainError("no answer", fix="look")), poll_interval=0.3)

    def comes_back() -> None:
        assert bench.health.why_not_ready() == "no answer"
        bench.ledger.error = None

    def fails_again() -> None:
        assert bench.health.failure is None
        bench.ledger.error = ChainError("no answer")

    pauses = runs(bench, *[nothing] * 99, comes_back, fails_again)
    said = bench.log.events("chain")
    assert [line.partition(";")[0].partition(" (")[0] for line in said] == ["no answer"] * 8
    assert "to fix: look; again in" in said[0] and "(64 times)" in said[6] and "times" not in said[7]
    assert all(0.15 <= pause <= 0.3 for pause in pauses[:100]), "no time is lost when it is back"
    assert not bench.worker.alive, "the worker ends with the loop"


def test_run__alive__while_the_loop_goes_round() -> None:
    bench = Bench(FakeLedger(view(), error=ChainError("no answer")))

    def long_after() -> None:
        bench.clock.now += 1000
        assert bench.health.why_not_alive() is not None

    runs(bench, long_after, lambda: pytest.fail("dead") if bench.health.why_not_alive() else None)


@pytest.mark.parametrize(
    "error",
    [
        WrongChain("another"),
        ArtifactError("odd"),
        NoContract("gone"),
        NotAMember("no seat", name="NotAMember"),
        ContractError("reverts"),
        StoreError("no room"),
        KeyFileError("unreadable"),
    ],
)
def test_run__whatever_a_look_raises__is_said_and_the_node_goes_on(error: ColearnError) -> None:
    bench = Bench(FakeLedger(view(), error=error))

    def passes() -> None:
        assert bench.health.why_not_ready() == error.what
        bench.ledger.error = None

    runs(bench, nothing, passes, nothing)
    assert bench.log.events("chain")[0].startswith(error.what) and bench.ledger.looks >= 1
    assert bench.health.failure is None


def test_run__an_error_that_nobody_foresaw__is_told_with_its_traceback_and_the_node_goes_on() -> None:
    bench = Bench(FakeLedger(view()))
    bench.ledger.error = ZeroDivisionError("by zero")  # type: ignore[assignment]

    def passes() -> None:
        assert bench.health.why_not_ready() == "ZeroDivisionError('by zero')"
        bench.ledger.error = None

    pauses = runs(bench, *[nothing] * 9, passes, nothing)
    assert len(bench.log.events("bug")) == 4 and "ZeroDivisionError: by zero" in bench.log.events("bug")[0]
    assert all("Traceback" in trace and "in view" in trace for trace in bench.log.events("trace"))
    assert 2 < max(pauses) <= 15 and bench.ledger.looks >= 1


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit])
def test_run__what_is_to_end_a_program__ends_it(ends: type[BaseException]) -> None:
    bench = Bench(FakeLedger(view()))
    bench.ledger.error = ends()  # type: ignore[assignment]
    with pytest.raises(ends):
        bench.node.run()
    assert not bench.worker.alive


def test_run__accepted_weights_that_can_never_fit__ends_the_node() -> None:
    bench = Bench()

    def adopts_in_vain() -> None:
        bench.worker.fails(SchemaMismatch("another model's"))

    with pytest.raises(SchemaMismatch):
        runs(bench, lambda: bench.worker.is_ready(), adopts_in_vain, nothing)
    assert not bench.worker.alive


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


class FakeAgreed(Agreed):
    """What was agreed on, as it is told."""

    def __init__(self, *, waits: str = "", enough: str = "") -> None:
        self.waits, self.enough = waits, enough
        self.follows = None
        self.policies: list[str] = []

    def look(self, view: View, policy: str) -> None:
        self.policies.append(policy)

    @property
    def waits_for(self) -> str:
        return self.waits

    def why_enough(self) -> str:
        return self.enough


def test_step__the_target_is_reached__declines_to_train_says_so_once_and_votes() -> None:
    agreed = FakeAgreed(enough="the plan's target is reached")
    for mine in ({"proposer": ME}, training()):
        bench = Bench(FakeLedger(view(**mine)), agreed=agreed).adopts()
        for _ in range(3):
            bench.works()
        assert bench.ledger.mined == [] and [type(job.action) for job in bench.worker.jobs] == [Adopt]
        [said] = bench.log.events("declined")
        assert "the plan's target is reached" in said and "declines to" in said
    bench = Bench(FakeLedger(view(**VOTING)), agreed=agreed).adopts()
    bench.works()
    assert isinstance(bench.ledger.mined[0], Verdict)
    agreed.enough = ""
    bench = Bench(FakeLedger(view(proposer=ME)), agreed=agreed).adopts()
    bench.works()
    assert isinstance(bench.ledger.mined[0], Trained)


def test_step__the_plan_was_not_compared_yet_where_it_has_to_be__adopts_and_does_nothing_else() -> None:
    agreed = FakeAgreed(waits="waiting for the plan")
    bench = Bench(FakeLedger(view(**VOTING)), agreed=agreed).adopts()
    for _ in range(3):
        bench.works()
    assert bench.ledger.mined == [] and bench.log.events("wait") == ["waiting for the plan"]
    assert bench.health.why_not_ready() == "waiting for the plan"
    agreed.waits = ""
    bench.works()
    assert isinstance(bench.ledger.mined[0], Verdict)


def test_step__a_successor_is_to_be_followed__leaves() -> None:
    agreed = FakeAgreed()
    bench = Bench(FakeLedger(view()), agreed=agreed).adopts()
    bench.node.step()
    assert not bench.node.stopping
    agreed.follows = DeploymentRecord(1, OTHER, 9, b"t" * 32, ref("genesis"), Schema.of({}))
    bench.node.step()
    assert bench.node.stopping


def test_step__how_the_learner_votes__is_known_once_it_is_ready() -> None:
    agreed = FakeAgreed()
    bench = Bench(agreed=agreed)
    bench.node.step()
    bench.worker.says(Ready(5, "paired:0.05"))
    bench.node.step()
    assert agreed.policies == ["", "paired:0.05"]
