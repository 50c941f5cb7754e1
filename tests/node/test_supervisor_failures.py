"""Work that fails, workers that die, hang, or say what can't be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from colearn_node.worker.messages import Failed, Job, Sound
from colearn_node.worker.process import Garbled

from colearn_ledger.core.decide import Advance
from colearn_ledger.core.limits import MOST_NOTE
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.errors import LearnerError, SchemaMismatch
from colearn_ledger.member.work import Adopted, Declined, Nothing, Verdict

from ..kit.builders import ref
from ..kit.fakes import work_of
from ..kit.supervisor_bench import ADOPT, JUDGE, OTHER_JUDGE, PROPOSE, Bench


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
