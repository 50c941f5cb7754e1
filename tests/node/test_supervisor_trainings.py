"""Other work while a training goes on: it pauses for it, is done beside it, or is over."""

from __future__ import annotations

from colearn_node.worker.messages import Done, Failed

from colearn_ledger.core.decide import Judge
from colearn_ledger.errors import LearnerError, TrainingStopped
from colearn_ledger.member.work import Contributed, Verdict

from ..kit.builders import proposal, ref
from ..kit.fakes import work_of
from ..kit.supervisor_bench import ADOPT, CONTRIBUTE, JUDGE, PROPOSE, Bench


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
