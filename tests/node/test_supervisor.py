"""One worker at a time, whatever becomes of it. The worker is a fake, the supervisor is told what it says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colearn_node.worker.messages import TIDIED, Done, Failed, Job, Moved, Progress, PullAhead, Sound, Spec, Tidy
from colearn_node.worker.process import Garbled
from colearn_node.worker.supervisor import WorkerSupervisor

from colearn_ledger.core.decide import Adopt, Advance, Contribute, Judge, Merge, Propose, Republish
from colearn_ledger.core.limits import MOST_NOTE
from colearn_ledger.core.protocol import Contribution, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import LearnerError, SchemaMismatch, TrainingStopped
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Adopted, Contributed, Declined, Merged, Nothing, Published, Trained, Verdict
from colearn_ledger.stores.progress import Transfer
from colearn_ledger.stores.spec import StoreSpec

from ..kit.builders import proposal, ref
from ..kit.fakes import Clock, FakeWorker, Lines, work_of

SPEC = Spec(LearnerSpec("m:f"), StoreSpec(None, Path("w"), False), 1 << 20, Schema.of({}))
ADOPT, PROPOSE = Adopt(3, ref("accepted")), Propose(7, ref("accepted").sha256)
CONTRIBUTE = Contribute(6, ref("accepted").sha256)
REPUBLISH = Republish(7, ref("accepted").sha256, ref("mine"))
JUDGE, OTHER_JUDGE = Judge(7, proposal("one"), False), Judge(8, proposal("two"), False)


class Bench:
    """A supervisor, its workers, its clock and what it logs."""

    def __init__(self, grace_s: float = 10.0, *, start_it: bool = True) -> None:
        self.clock, self.log = Clock(), Lines()
        self.workers, make = FakeWorker.starter()
        self.refuses: OSError | None = None

        def start(spec: Spec, wake: Callable[[], None], printed: Callable[[str], None]) -> FakeWorker:
            if self.refuses is not None:
                raise self.refuses
            return make(spec, wake, printed)

        self.woken = 0
        self.supervisor = WorkerSupervisor(
            SPEC, self._wake, self.log, grace_s=grace_s, hang_s=100.0, start=start, clock=self.clock
        )
        if start_it:
            self.supervisor.start()

    def _wake(self) -> None:
        self.woken += 1

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    @classmethod
    def with_stale_work(cls, stale_s: float, grace_s: float = 10.0) -> Bench:
        """One whose worker tests a proposal, while for so many seconds another one has been wanted instead."""
        bench = cls(grace_s).ready()
        bench.supervisor.work_on(JUDGE, 5.0)
        bench.supervisor.work_on(OTHER_JUDGE, 5.0)
        bench.clock.now += stale_s
        return bench

    def ready(self) -> Bench:
        self.worker.is_ready()
        self.supervisor.hear()
        return self


def test_work_on__before_the_learner_is_made__nothing_is_given() -> None:
    bench = Bench()
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None
    assert bench.worker.sent == [] and not bench.supervisor.ready and not bench.supervisor.idle


def test_work_on__asked_again_and_again__is_given_once_and_its_result_stays_until_done() -> None:
    bench = Bench().ready()
    for _ in range(3):
        assert bench.supervisor.work_on(PROPOSE, 5.0) is None
    assert [(j.action, j.deadline_s) for j in bench.worker.jobs] == [(PROPOSE, 5.0)]
    assert not bench.supervisor.idle
    bench.worker.finishes()
    bench.supervisor.hear()
    work = bench.supervisor.work_on(PROPOSE, 5.0)
    assert isinstance(work, Trained) and bench.supervisor.work_on(PROPOSE, 5.0) is work and bench.supervisor.idle
    bench.supervisor.done()
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None and len(bench.worker.jobs) == 2


def test_work_on__something_else_than_the_result__drops_it() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    assert bench.supervisor.work_on(OTHER_JUDGE, 5.0) is None
    assert bench.worker.job.action == OTHER_JUDGE


def test_hear__adopted__is_known_and_no_result() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    assert bench.supervisor.adopted == ref("accepted").sha256
    assert bench.log.events("adopt") == [f"adopted the weights of round 3: {ref('accepted').sha256.hex()[:8]}"]


def test_hear__result_of_a_job_that_was_dropped__is_not_taken_for_another() -> None:
    bench = Bench.with_stale_work(1, grace_s=0.0)
    old = bench.worker.job
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)  # the worker is replaced
    bench.ready()
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    bench.worker.says(Done(old.number, work_of(JUDGE)))
    bench.supervisor.hear()
    assert bench.supervisor.work_on(OTHER_JUDGE, 5.0) is None
    bench.worker.finishes()
    bench.supervisor.hear()
    work = bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert isinstance(work, Verdict) and work.action == OTHER_JUDGE


def test_work_on__stale_work_that_ends_in_its_grace__keeps_the_worker() -> None:
    bench = Bench.with_stale_work(10)
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert len(bench.workers) == 1 and bench.worker.alive
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert bench.worker.job.action == OTHER_JUDGE
    assert bench.log.events("stale") == ["testing the proposal has become pointless: it is dropped"]


def test_work_on__stale_work_that_does_not_end__is_ended_with_its_worker() -> None:
    bench = Bench.with_stale_work(10.1)
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    first, second = bench.workers
    assert not first.alive and second.alive and not bench.supervisor.ready and bench.supervisor.adopted is None
    assert "doesn't end" in bench.log.events("stale")[-1]


def test_work_on__stale_work_that_is_wanted_again__is_not_stale_any_more() -> None:
    bench = Bench.with_stale_work(9)
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.clock.now += 9
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert len(bench.workers) == 1


def trains_for_nobody() -> Bench:
    """One whose worker trains, while a proposal is to be tested instead."""
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.supervisor.work_on(JUDGE, 5.0)
    return bench


def test_work_on__other_work_than_a_training__is_given_at_once_and_done_when_that_pauses() -> None:
    bench = trains_for_nobody()
    assert [job.action for job in bench.worker.jobs] == [PROPOSE, JUDGE]
    assert bench.log.events("stale") == ["training has become pointless: it is dropped"]
    bench.clock.now += 9
    bench.worker.says(Failed(bench.worker.jobs[0].number, TrainingStopped("told to"), ""))
    bench.worker.begins()
    bench.supervisor.hear()
    bench.clock.now += 60  # a test may take its time
    assert bench.supervisor.work_on(JUDGE, 5.0) is None and len(bench.workers) == 1
    assert bench.log.events("progress") == ["testing the proposal: 60 s so far"] and not bench.log.events("failed")
    bench.worker.finishes()
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(JUDGE, 5.0), Verdict) and len(bench.worker.jobs) == 2


def test_work_on__training_that_ends_by_itself_meanwhile__is_nobodys_result() -> None:
    bench = trains_for_nobody()
    bench.worker.says(Done(bench.worker.jobs[0].number, work_of(PROPOSE)))
    bench.supervisor.hear()
    assert bench.supervisor.work_on(JUDGE, 5.0) is None
    bench.worker.finishes()
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(JUDGE, 5.0), Verdict)


def test_work_on__training_that_never_pauses__is_ended_with_its_worker() -> None:
    bench = trains_for_nobody()
    for seconds, workers in ((10, 1), (0.1, 2)):
        bench.clock.now += seconds
        bench.supervisor.work_on(JUDGE, 5.0)
        assert len(bench.workers) == workers
    assert bench.log.events("stale")[-1] == "training doesn't end: the worker is started anew"
    bench.ready().supervisor.work_on(JUDGE, 5.0)
    assert bench.worker.job.action == JUDGE


def test_work_on__what_is_wanted_changes_while_a_training_goes_on__the_last_is_done_and_time_runs_on() -> None:
    bench = trains_for_nobody()
    bench.clock.now += 6
    bench.supervisor.work_on(ADOPT, 5.0)
    assert [job.action for job in bench.worker.jobs] == [PROPOSE, JUDGE, ADOPT]
    bench.clock.now += 5
    bench.supervisor.work_on(ADOPT, 5.0)
    assert len(bench.workers) == 2


def test_hear__worker_dies_in_a_training_that_is_to_end__not_held_against_the_proposal_that_waits() -> None:
    bench = trains_for_nobody()
    bench.worker.dies()
    bench.supervisor.hear()
    assert "while training" in bench.log.events("worker_died")[0]
    bench.clock.now += 5
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.ready().supervisor.work_on(JUDGE, 5.0)
    assert not bench.worker.job.wary


def trains_and_is_to_vote() -> Bench:
    """One whose worker trains a contribution, while a proposal is to be tested."""
    bench = Bench().ready()
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    bench.supervisor.work_on(JUDGE, 5.0)
    return bench


def test_work_on__a_vote_while_a_contribution_is_trained__is_done_beside_it_and_the_training_goes_on() -> None:
    bench = trains_and_is_to_vote()
    training, vote = bench.worker.jobs
    assert (training.beside, vote.beside) == (False, True) and not bench.log.events("stale")
    bench.worker.begins()
    bench.supervisor.hear()
    bench.clock.now += 60
    assert bench.supervisor.work_on(JUDGE, 5.0) is None and len(bench.workers) == 1
    bench.worker.finishes()
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(JUDGE, 5.0), Verdict)
    bench.supervisor.done(JUDGE)
    bench.clock.now += 60
    assert bench.supervisor.work_on(CONTRIBUTE, 5.0) is None
    assert len(bench.worker.jobs) == 2 and not bench.supervisor.idle and len(bench.workers) == 1
    bench.worker.says(Done(training.number, work_of(CONTRIBUTE)))
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(CONTRIBUTE, 5.0), Contributed) and bench.supervisor.idle


def test_work_on__a_contribution_is_ready_before_its_training_pauses__is_kept_while_the_vote_goes_on() -> None:
    bench = trains_and_is_to_vote()
    training, vote = bench.worker.jobs
    bench.worker.says(Done(training.number, work_of(CONTRIBUTE)))
    bench.supervisor.hear()
    assert bench.supervisor.work_on(JUDGE, 5.0) is None
    bench.worker.says(Done(vote.number, work_of(JUDGE)))
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(JUDGE, 5.0), Verdict)
    assert isinstance(bench.supervisor.work_on(CONTRIBUTE, 5.0), Contributed) and len(bench.worker.jobs) == 2
    bench.supervisor.done(CONTRIBUTE)
    assert bench.supervisor.work_on(CONTRIBUTE, 5.0) is None and len(bench.worker.jobs) == 3, "it was used"


def test_work_on__a_vote_while_a_contribution_is_trained_that_never_pauses__has_its_grace() -> None:
    bench = trains_and_is_to_vote()
    for seconds, workers in ((10, 1), (0.1, 2)):
        bench.clock.now += seconds
        bench.supervisor.work_on(JUDGE, 5.0)
        assert len(bench.workers) == workers
    assert bench.log.events("stale") == ["training doesn't end: the worker is started anew"]


def test_work_on__other_weights_are_accepted_while_a_contribution_is_trained__the_training_is_over() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    bench.supervisor.work_on(ADOPT, 5.0)
    assert not bench.worker.job.beside
    bench.worker.says(Failed(bench.worker.jobs[0].number, TrainingStopped("told to"), ""))
    bench.worker.begins()
    bench.worker.finishes()
    bench.supervisor.hear()
    assert bench.supervisor.adopted == ref("accepted").sha256 and bench.supervisor.idle
    assert not bench.log.events("failed")


def test_work_on__accepted_while_it_still_tests_beside_a_training__the_test_ends_first_and_then_the_training() -> None:
    bench = trains_and_is_to_vote()
    bench.worker.begins()
    bench.supervisor.hear()
    bench.supervisor.work_on(ADOPT, 5.0)
    assert len(bench.worker.jobs) == 2
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.work_on(ADOPT, 5.0)
    assert bench.worker.job.action == ADOPT and not bench.worker.job.beside and len(bench.workers) == 1


def test_hear__worker_dies_of_a_test_beside_a_training__is_held_against_the_proposal_and_before_it_pauses_not() -> None:
    for begins in (True, False):
        bench = trains_and_is_to_vote()
        if begins:
            bench.worker.begins()
        bench.worker.dies()
        bench.supervisor.hear()
        doing = "testing the proposal" if begins else "training"
        assert f"while {doing}" in bench.log.events("worker_died")[0]
        bench.clock.now += 5
        bench.supervisor.work_on(JUDGE, 5.0)
        bench.ready().supervisor.work_on(JUDGE, 5.0)
        assert bench.worker.job.wary is begins and not bench.worker.job.beside


def test_hear__a_contributions_training_fails_under_a_vote__is_tried_again_and_the_vote_is_not_held_up() -> None:
    bench = trains_and_is_to_vote()
    training, vote = bench.worker.jobs
    bench.worker.says(Failed(training.number, LearnerError("no luck"), ""), Done(vote.number, work_of(JUDGE)))
    bench.supervisor.hear()
    assert "training failed" in bench.log.events("failed")[0]
    assert isinstance(bench.supervisor.work_on(JUDGE, 5.0), Verdict)
    assert 0 < bench.supervisor.pause(CONTRIBUTE) <= 0.5, "a vote that works says nothing about the training"
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    assert [job.action for job in bench.worker.jobs] == [CONTRIBUTE, JUDGE]
    bench.clock.now += 0.5
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    assert [job.action for job in bench.worker.jobs] == [CONTRIBUTE, JUDGE, CONTRIBUTE]


def test_hear__trainings_fail_between_votes_that_work__pauses_grow_all_the_same() -> None:
    bench = Bench().ready()
    trainings = 0
    for second in range(64):
        bench.supervisor.work_on(CONTRIBUTE, 5.0)
        if bench.supervisor.idle:
            vote = Judge(7, proposal(f"of second {second}"), False)
            bench.supervisor.work_on(vote, 5.0)
            bench.worker.finishes()
        else:
            trainings += 1
            bench.worker.fails(LearnerError("no luck"), "")
        bench.supervisor.hear()
        bench.clock.now += 1
    assert 3 <= trainings <= 16


def test_work_on__a_reorg_changes_what_was_contributed__the_merge_of_before_is_no_result() -> None:
    bench = Bench().ready()
    offered = (Contribution(0, ref("a"), late=False), Contribution(2, ref("b"), late=False))
    before = Merge(7, ref("accepted").sha256, 1, offered)
    after = dataclasses.replace(before, contributions=offered[:1])
    bench.supervisor.work_on(before, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    assert isinstance(bench.supervisor.work_on(before, 5.0), Merged)
    assert bench.supervisor.work_on(after, 5.0) is None and bench.worker.job.action == after


def test_work_on__a_proposal_turns_out_to_be_what_it_says__is_tested_after_all() -> None:
    bench = Bench().ready()
    doubted = dataclasses.replace(JUDGE, unread="it merges what nobody contributed")
    bench.supervisor.work_on(doubted, 5.0)
    bench.worker.finishes(Verdict(doubted, False, None, doubted.unread))
    bench.supervisor.hear()
    assert bench.supervisor.work_on(JUDGE, 5.0) is None and bench.worker.job.action == JUDGE


def test_work_on__a_merge__its_answer_fits_what_was_offered_or_nothing_that_it_says_is_believed() -> None:
    offered = (Contribution(0, ref("a"), late=False), Contribution(2, ref("b"), late=False))
    merge = Merge(7, ref("accepted").sha256, 1, offered)
    good = work_of(merge)
    assert isinstance(good, Merged)
    bad = [
        dataclasses.replace(good, claim=dataclasses.replace(good.claim, seats=0b111)),
        dataclasses.replace(good, claim=dataclasses.replace(good.claim, seats=0)),
        dataclasses.replace(good, claim=dataclasses.replace(good.claim, rule=2)),
        dataclasses.replace(good, claim=dataclasses.replace(good.claim, digest=1 << 188)),
        dataclasses.replace(good, left_out=((0, 1),)),
        dataclasses.replace(good, claim=dataclasses.replace(good.claim, seats=1), left_out=((2, 16),)),
        dataclasses.replace(good, round=8),
        dataclasses.replace(good, parent=bytes(32)),
    ]
    for answer in (good, *bad):
        bench = Bench().ready()
        bench.supervisor.work_on(merge, 5.0)
        bench.worker.finishes(answer)
        bench.supervisor.hear()
        assert bench.supervisor.ready is (answer is good), answer


def test_hear__work_failed__is_tried_again_after_a_pause_and_other_work_is_not_held_up() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.fails(LearnerError("no luck"), "Traceback: here")
    bench.supervisor.hear()
    assert bench.log.events("trace") == ["Traceback: here"] and "training failed" in bench.log.events("failed")[0]
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None and len(bench.worker.jobs) == 1
    assert 0 < bench.supervisor.pause(PROPOSE) <= 0.5
    assert bench.supervisor.pause(JUDGE) == 3600
    bench.supervisor.work_on(JUDGE, 5.0)
    assert bench.worker.job.action == JUDGE
    bench.worker.finishes()
    bench.clock.now += 0.6
    bench.supervisor.hear()
    bench.supervisor.work_on(PROPOSE, 5.0)
    assert bench.worker.job.action == PROPOSE


def test_hear__weights_that_can_not_be_had__are_asked_for_again_after_a_pause() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.worker.finishes(Nothing("nobody has them"))
    bench.supervisor.hear()
    assert bench.log.events("unavailable")[0].startswith("nobody has them; again in ")
    assert bench.supervisor.work_on(JUDGE, 5.0) is None and len(bench.worker.jobs) == 1
    bench.clock.now += 0.5
    bench.supervisor.work_on(JUDGE, 5.0)
    assert len(bench.worker.jobs) == 2
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.done()
    for _ in range(2):
        bench.supervisor.work_on(JUDGE, 5.0)
    bench.worker.finishes(Nothing("nobody has them"))
    bench.supervisor.hear()
    assert bench.supervisor.pause(JUDGE) <= 0.5, "it had worked in between"


def test_hear__worker_dies__a_new_one_after_a_pause_that_grows() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.dies(-9)
    bench.supervisor.hear()
    assert bench.log.events("worker_died")[0].startswith("the worker was ended by signal 9 while training;")
    assert bench.supervisor.pid is None and not bench.supervisor.ready
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None and len(bench.workers) == 1
    assert 0.4 < bench.supervisor.pause(PROPOSE) <= 1.0
    bench.clock.now += 1.0
    bench.supervisor.work_on(PROPOSE, 5.0)
    assert len(bench.workers) == 2 and bench.supervisor.pid == bench.worker.pid


def test_rest__worker_died__is_replaced_also_while_nothing_is_wanted() -> None:
    bench = Bench().ready()
    bench.worker.dies(1)
    bench.supervisor.hear()
    assert "ended with code 1;" in bench.log.events("worker_died")[0]
    bench.supervisor.rest()
    assert len(bench.workers) == 1
    bench.clock.now += 1.0
    bench.supervisor.rest()
    assert len(bench.workers) == 2


def test_pull_ahead__whatever_it_does__is_told_once_and_to_the_next_worker_again() -> None:
    bench, both = Bench(), (ref("one"), ref("two"))
    bench.supervisor.pull_ahead(both, 100)
    assert bench.worker.sent == [], "there is no learner yet, and so no store"
    bench.ready().supervisor.work_on(PROPOSE, 5.0)
    for refs in (both, both, (), both[:1]):
        bench.supervisor.pull_ahead(refs, 100)
    told = [message for message in bench.worker.sent if isinstance(message, PullAhead)]
    assert told == [PullAhead(both, 100), PullAhead((), 0), PullAhead(both[:1], 100)]
    bench.worker.dies()
    bench.supervisor.hear()
    bench.clock.now += 5
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.ready().supervisor.pull_ahead(both[:1], 100)
    assert bench.worker.sent == [PullAhead(both[:1], 100)]


def test_rest__something_to_tidy__is_sent_while_the_worker_is_idle_alone() -> None:
    bench = Bench().ready()
    tidy = Tidy((ref("accepted"),))
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.supervisor.rest(tidy)
    assert tidy not in bench.worker.sent and bench.log.events("stale")
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.rest(tidy)
    assert bench.worker.sent[-1] == tidy


def test_hear__store_was_mended__is_told_whatever_the_worker_is_at() -> None:
    bench = Bench().ready()
    bench.worker.says(Done(TIDIED, Nothing("they were put back")))
    bench.supervisor.hear()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.says(Done(TIDIED, Nothing("they were put back again")))
    bench.supervisor.hear()
    assert bench.log.events("store") == ["they were put back", "they were put back again"]
    assert not bench.supervisor.idle and not bench.log.events("unavailable")


def test_hear__no_learner_at_the_first_start__is_raised_and_later_only_told() -> None:
    bench = Bench()
    error = LearnerError("no data")
    bench.worker.says(Failed(0, error, ""))
    with pytest.raises(LearnerError, match="no data"):
        bench.supervisor.hear()
    bench = Bench().ready()
    bench.worker.dies()
    bench.supervisor.hear()
    bench.clock.now += 1.0
    bench.supervisor.rest()
    bench.worker.says(Failed(0, error, ""))
    bench.supervisor.hear()
    assert "no data" in bench.log.events("failed")[0]


def test_hear__accepted_weights_that_never_fit__are_raised_and_a_proposals_only_told() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.fails(SchemaMismatch("other shapes"))
    bench.supervisor.hear()
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.worker.fails(SchemaMismatch("other shapes"))
    with pytest.raises(SchemaMismatch):
        bench.supervisor.hear()


def test_work_on__takes_long__tells_so_ever_more_rarely() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    for _ in range(100):
        bench.clock.now += 1
        bench.supervisor.work_on(PROPOSE, 5.0)
    assert bench.log.events("progress") == [f"training: {s} s so far" for s in (10, 20, 40, 80)]


def test_hear__a_transfer_goes_on__is_told_as_it_comes() -> None:
    bench = Bench().ready()
    bench.worker.says(Moved(Transfer("fetching", "bafy", 250_000_000, 1_000_000_000)))
    bench.supervisor.hear()
    assert bench.log.events("transfer") == ["fetching bafy… (1,000 MB): 25 % so far"]


def test_work_on__a_training_that_tells_its_steps__a_line_a_minute_with_the_steps_and_the_time_to_go() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    training = bench.worker.job.number
    for second in range(401):
        bench.worker.says(Progress(training, 500 + second, 1000))  # 500 were done before, by another process
        bench.supervisor.hear()
        bench.supervisor.work_on(CONTRIBUTE, 5.0)
        bench.clock.now += 1
    told = bench.log.events("progress")
    assert told[0] == "training: 10 s so far, 510 of 1,000 steps, some 490 s to go"
    assert [line.split()[1] for line in told] == ["10", "20", "40", "80", "140", "200", "260", "320", "380"]
    assert bench.log.lines[-1][3] == {"seconds": 380, "done": 880, "of": 1000}


def test_contributed__other_work_takes_long__is_not_broken_off_to_look_at_the_store_again() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    contributed = bench.supervisor.contributed
    assert contributed is not None
    bench.supervisor.done(CONTRIBUTE)
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.clock.now += 100
    assert bench.supervisor.contributed == contributed
    bench.worker.finishes()
    bench.supervisor.hear()
    assert bench.supervisor.contributed is None, "now it is time"
    bench.supervisor.work_on(Republish(6, b"", contributed, contribution=True), 5.0)
    assert bench.supervisor.contributed is None, "the look itself is wanted until it has ended"


def test_steps__of_a_training__also_while_it_pauses_and_none_once_it_is_over() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(CONTRIBUTE, 5.0)
    training = bench.worker.job.number
    assert bench.supervisor.steps is None
    bench.worker.says(Progress(training, 3, 9))
    bench.supervisor.hear()
    bench.supervisor.work_on(JUDGE, 5.0)  # beside it
    bench.worker.begins()
    bench.supervisor.hear()
    assert bench.supervisor.steps is not None and (bench.supervisor.steps.done, bench.supervisor.steps.of) == (3, 9)
    bench.clock.now += 10
    bench.supervisor.work_on(JUDGE, 5.0)
    assert "steps" not in bench.log.events("progress")[-1]
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.worker.says(Done(training, work_of(CONTRIBUTE)))
    bench.supervisor.hear()
    assert bench.supervisor.steps is None


def test_end__kills_the_worker_and_forgets_what_it_held() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.end()
    assert not bench.worker.alive and bench.supervisor.adopted is None and not bench.supervisor.ready


def test_rest__a_result_that_nobody_wants_any_more__is_forgotten() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.rest()
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None and len(bench.worker.jobs) == 2


# ------------------------------------------------------------------------------ what is never believed


def hangs_in(bench: Bench, seconds: float) -> bool:
    """Whether the worker that adopts was replaced after so many seconds, and not a second before."""
    before = len(bench.workers)
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.clock.now += seconds - 1
    bench.supervisor.work_on(ADOPT, 5.0)
    early = len(bench.workers) > before
    bench.clock.now += 1.1
    bench.supervisor.work_on(ADOPT, 5.0)
    return not early and len(bench.workers) == before + 1


def test_work_on__adopting_that_does_not_end__is_ended_with_its_worker_later_each_time_in_a_row() -> None:
    bench = Bench().ready()
    assert hangs_in(bench, 5.0 + 100.0)
    assert not bench.workers[0].alive and bench.worker.alive and not bench.supervisor.ready
    assert bench.log.events("stale") == ["adopting doesn't end: the worker is started anew"]
    assert hangs_in(bench.ready(), 5.0 + 200.0)
    bench.ready().supervisor.work_on(ADOPT, 5.0)
    bench.clock.now += 5.0 + 399.0
    bench.worker.finishes()
    bench.supervisor.hear()
    assert bench.supervisor.adopted == ref("accepted").sha256 and len(bench.workers) == 3
    assert hangs_in(bench, 5.0 + 100.0), "it had worked in between"


def test_work_on__training_and_testing_that_take_long__are_not_ended_while_they_are_wanted() -> None:
    for action in (PROPOSE, JUDGE):
        bench = Bench().ready()
        bench.supervisor.work_on(action, 5.0)
        bench.clock.now += 100_000
        bench.supervisor.work_on(action, 5.0)
        assert len(bench.workers) == 1


def test_work_on__a_learner_that_is_long_in_the_making__is_told_of() -> None:
    bench = Bench()
    for _ in range(25):
        bench.clock.now += 1
        bench.supervisor.work_on(PROPOSE, 5.0)
    bench.supervisor.rest()
    assert bench.log.events("progress") == [f"making the learner: {s} s so far" for s in (10, 20)]


@pytest.mark.parametrize(
    "action, work",
    [
        (ADOPT, Adopted(ref("another"))),
        (ADOPT, work_of(PROPOSE)),
        (PROPOSE, dataclasses.replace(work_of(PROPOSE), round=8)),
        (PROPOSE, dataclasses.replace(work_of(PROPOSE), parent=bytes(32))),
        (PROPOSE, dataclasses.replace(work_of(PROPOSE), weights=WeightsRef(b"short", bytes(32), 1))),
        (PROPOSE, dataclasses.replace(work_of(PROPOSE), weights=WeightsRef(bytes(32), bytes(32), 2 << 20))),
        (PROPOSE, dataclasses.replace(work_of(PROPOSE), note=bytes(MOST_NOTE + 1))),
        (PROPOSE, Declined(8, "no")),
        (JUDGE, work_of(OTHER_JUDGE)),
        (JUDGE, Declined(7, "no")),
        (JUDGE, Advance(7)),
    ],
)
def test_hear__work_that_can_not_have_come_of_the_job__ends_the_worker(action: Any, work: Any) -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(action, 5.0)
    bench.worker.finishes(work)
    bench.worker.is_ready()  # what it says after that doesn't count
    bench.supervisor.hear()
    assert not bench.worker.alive and not bench.supervisor.ready and bench.supervisor.adopted is None
    assert "can't be understood" in bench.log.events("worker_died")[0]
    bench.clock.now += 1.0
    bench.supervisor.work_on(action, 5.0)
    assert len(bench.workers) == 2


def test_hear__what_is_no_message__ends_the_worker_and_another_one_is_started() -> None:
    bench = Bench().ready()
    bench.worker.says(Garbled("no JSON"))
    bench.supervisor.hear()
    assert not bench.worker.alive and "(no JSON)" in bench.log.events("worker_died")[0]
    bench.supervisor.rest()
    assert len(bench.workers) == 1
    bench.clock.now += 1.0
    bench.supervisor.rest()
    assert len(bench.workers) == 2


def test_hear__factory_ends_the_process__is_raised_at_the_very_first_start_and_a_signal_is_only_told() -> None:
    bench = Bench()
    bench.worker.dies(0)
    with pytest.raises(LearnerError, match=r"the learner's factory ended the process \(code 0\)"):
        bench.supervisor.hear()
    for first, code in ((True, -9), (False, 3)):
        bench = Bench()
        if not first:
            bench.ready().worker.dies()
            bench.supervisor.hear()
            bench.clock.now += 1.0
            bench.supervisor.rest()
        bench.worker.dies(code)
        bench.supervisor.hear()
        assert "while the learner was made" in bench.log.events("worker_died")[-1]


def test_start__no_process_can_be_had__is_tried_again_after_a_pause() -> None:
    bench = Bench(start_it=False)
    bench.refuses = OSError("no memory")
    bench.supervisor.start()
    assert "no worker can be started: no memory" in bench.log.events("worker_died")[0]
    bench.refuses = None
    bench.supervisor.work_on(ADOPT, 5.0)
    assert not bench.workers
    bench.clock.now += 1.0
    bench.supervisor.work_on(ADOPT, 5.0)
    assert len(bench.workers) == 1


def test_hear__notes_and_scores_that_are_no_numbers__are_told_once() -> None:
    bench = Bench().ready()
    for number in range(3):
        judge = Judge(number, proposal(str(number)), False)
        bench.supervisor.work_on(judge, 5.0)
        work = work_of(judge)
        assert isinstance(work, Verdict) and work.test is not None
        test = dataclasses.replace(work.test, current_score=math.nan)
        bench.worker.says(Done(bench.worker.job.number, dataclasses.replace(work, test=test), ("x can't be shown",)))
        bench.supervisor.hear()
    assert bench.log.events("learner")[1:] == ["x can't be shown"]
    [said] = bench.log.events("score")
    assert "not a number (nan)" in said


def test_hear__a_bad_proposals_score_is_no_number__nothing_is_told() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    work = work_of(JUDGE)
    assert isinstance(work, Verdict) and work.test is not None
    bench.worker.finishes(dataclasses.replace(work, test=dataclasses.replace(work.test, vote_score=math.nan)))
    bench.supervisor.hear()
    assert not bench.log.events("score")


def dies_testing(bench: Bench, *, sound: bool) -> Job:
    """The worker dies of the test, when it has or hasn't tested its current weights; the next one is ready."""
    bench.supervisor.work_on(JUDGE, 5.0)
    job = bench.worker.job
    if sound:
        bench.worker.says(Sound(job.number))
    bench.worker.dies(-9)
    bench.supervisor.hear()
    bench.clock.now += 60.0
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.ready().supervisor.work_on(ADOPT, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    return job


def test_work_on__worker_died_twice_of_a_proposal_and_not_of_the_current_weights__rejects_it() -> None:
    bench = Bench().ready()
    assert not dies_testing(bench, sound=False).wary
    assert dies_testing(bench, sound=True).wary
    jobs = len(bench.worker.jobs)
    for _ in range(2):
        verdict = bench.supervisor.work_on(JUDGE, 5.0)
        assert isinstance(verdict, Verdict) and not verdict.approve and verdict.test is None
        assert "was ended by signal 9 while it tested them, again" in verdict.reason
        bench.supervisor.done()
    assert len(bench.worker.jobs) == jobs, "no other worker is lost to it"
    assert bench.supervisor.work_on(OTHER_JUDGE, 5.0) is None and not bench.worker.job.wary


def test_work_on__worker_that_dies_of_the_current_weights_too__rejects_nobody() -> None:
    bench = Bench().ready()
    for wary in (False, True, True):
        assert dies_testing(bench, sound=False).wary is wary
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.worker.says(Sound(bench.worker.job.number))
    bench.worker.finishes()
    bench.supervisor.hear()
    verdict = bench.supervisor.work_on(JUDGE, 5.0)
    assert isinstance(verdict, Verdict) and verdict.approve


def test_hear__a_word_on_the_current_weights_in_a_job_that_is_not_wary__counts_for_nothing() -> None:
    bench = Bench().ready()
    dies_testing(bench, sound=True)
    assert bench.supervisor.work_on(JUDGE, 5.0) is None


def test_published__trained_or_looked_for__is_known_for_a_while_and_while_the_worker_lives() -> None:
    bench = Bench().ready()
    for action, weights in ((PROPOSE, ref("trained")), (REPUBLISH, ref("mine"))):
        bench.supervisor.work_on(action, 5.0)
        assert bench.supervisor.published != weights
        bench.worker.finishes()
        bench.supervisor.hear()
        assert bench.supervisor.published == weights
        bench.supervisor.done()
    assert bench.log.events("store") == [], "it was there"
    bench.clock.now += 30
    assert bench.supervisor.published == ref("mine")
    bench.clock.now += 1
    assert bench.supervisor.published is None, "the store may have lost it since"
    bench.supervisor.work_on(REPUBLISH, 5.0)
    bench.worker.finishes(Published(ref("mine"), "it was trained again"))
    bench.supervisor.hear()
    assert bench.supervisor.published == ref("mine")
    [said] = bench.log.events("store")
    assert "trained again" in said
    bench.worker.dies()
    bench.supervisor.hear()
    assert bench.supervisor.published is None


def test_work_on__its_proposal_can_not_be_published_again__is_not_asked_again_in_this_round() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(REPUBLISH, 5.0)
    bench.worker.finishes(Declined(7, "other weights"))
    for _ in range(3):
        bench.supervisor.hear()
        bench.clock.now += 100
        assert bench.supervisor.work_on(REPUBLISH, 5.0) == Declined(7, "other weights")
    assert len(bench.worker.jobs) == 1 and bench.supervisor.published is None
