"""One worker at a time, whatever becomes of it. The worker is a fake, the supervisor is told what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from colearn_node.worker.messages import Done, Failed, Spec, Tidy
from colearn_node.worker.supervisor import WorkerSupervisor, key_of, name_of

from colearn_ledger.core.decide import Adopt, Advance, Judge, Propose
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import LearnerError, SchemaMismatch
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Nothing, Trained, Verdict
from colearn_ledger.stores.spec import StoreSpec

from ..kit.builders import proposal, ref
from ..kit.fakes import Clock, FakeWorker, Lines, work_of

SPEC = Spec(LearnerSpec("m:f"), StoreSpec(None, Path("w"), False), 1 << 20, Schema.of({}))
ADOPT, PROPOSE = Adopt(3, ref("accepted")), Propose(7, ref("accepted").sha256)
JUDGE, OTHER_JUDGE = Judge(7, proposal("one"), False), Judge(8, proposal("two"), False)


class Bench:
    """A supervisor, its workers, its clock and what it logs."""

    def __init__(self, grace_s: float = 10.0) -> None:
        self.clock, self.log = Clock(), Lines()
        self.workers, start = FakeWorker.starter()
        self.woken = 0
        self.supervisor = WorkerSupervisor(SPEC, self._wake, self.log, grace_s=grace_s, start=start, clock=self.clock)
        self.supervisor.start()

    def _wake(self) -> None:
        self.woken += 1

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

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
    bench = Bench(grace_s=0.0).ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    old = bench.worker.job
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    bench.clock.now += 1
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
    bench = Bench(grace_s=10.0).ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    bench.clock.now += 10
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert len(bench.workers) == 1 and bench.worker.alive
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert bench.worker.job.action == OTHER_JUDGE
    assert bench.log.events("stale") == ["testing the proposal has become pointless: it is dropped"]


def test_work_on__stale_work_that_does_not_end__is_ended_with_its_worker() -> None:
    bench = Bench(grace_s=10.0).ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    bench.clock.now += 10.1
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    first, second = bench.workers
    assert not first.alive and second.alive and not bench.supervisor.ready and bench.supervisor.adopted is None
    assert "doesn't end" in bench.log.events("stale")[-1]


def test_work_on__stale_work_that_is_wanted_again__is_not_stale_any_more() -> None:
    bench = Bench(grace_s=10.0).ready()
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    bench.clock.now += 9
    bench.supervisor.work_on(JUDGE, 5.0)
    bench.clock.now += 9
    bench.supervisor.work_on(OTHER_JUDGE, 5.0)
    assert len(bench.workers) == 1


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


def test_end__kills_the_worker_and_forgets_what_it_held() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(ADOPT, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.end()
    assert not bench.worker.alive and bench.supervisor.adopted is None and not bench.supervisor.ready


def test_key_of__others_votes__are_the_same_piece_of_work() -> None:
    more = Judge(7, dataclasses.replace(proposal("one"), approvals=0b110, hidden=1), False)
    assert key_of(JUDGE) == key_of(more) != key_of(OTHER_JUDGE)
    assert key_of(PROPOSE) != key_of(Propose(8, PROPOSE.parent)) and key_of(ADOPT) == key_of(Adopt(4, ADOPT.weights))
    assert key_of(Advance(7)) == (Advance,) and name_of(Advance(7)) == "advance"


def test_rest__a_result_that_nobody_wants_any_more__is_forgotten() -> None:
    bench = Bench().ready()
    bench.supervisor.work_on(PROPOSE, 5.0)
    bench.worker.finishes()
    bench.supervisor.hear()
    bench.supervisor.rest()
    assert bench.supervisor.work_on(PROPOSE, 5.0) is None and len(bench.worker.jobs) == 2
