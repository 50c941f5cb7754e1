"""The loop in joint rounds: contributing, merging, pulling ahead, and what a vote knows of a merge."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from colearn_node.worker.messages import PullAhead

from colearn_ledger.core.decide import Judge, Merge, Republish
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import Claim, Contribution, RoundState, WeightsRef
from colearn_ledger.errors import (
    ChainError,
    ContractError,
)
from colearn_ledger.member.work import Contributed, Declined, Merged, Verdict

from ..kit.builders import ME, OTHER, proposal, record, ref, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import Bench, contributed, training


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
