"""One worker at a time, whatever becomes of it. The worker is a fake, the supervisor is told what it says."""

from __future__ import annotations

import dataclasses
import math

from colearn_node.worker.messages import TIDIED, Done, Moved, Progress, PullAhead, Tidy

from colearn_ledger.core.decide import Judge, Merge, Republish
from colearn_ledger.core.protocol import Contribution
from colearn_ledger.member.work import Declined, Merged, Nothing, Published, Trained, Verdict
from colearn_ledger.stores.progress import Transfer

from ..kit.builders import proposal, ref
from ..kit.fakes import work_of
from ..kit.supervisor_bench import ADOPT, CONTRIBUTE, JUDGE, OTHER_JUDGE, PROPOSE, REPUBLISH, Bench


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
