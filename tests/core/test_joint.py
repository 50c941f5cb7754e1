"""Joint rounds in process: who trains when, what is merged by which rule, and what a rejection leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.driver import InProcess, run
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.merge import Basis, Rule, merge
from colearn_ledger.core.results import MergeRecord, Results, RoundResult
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.summaries import ErrorCodes, TrainingSummary
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.learners.attacks import attack_named
from tests.kit.learners import FrugalLearner, LinearLearner, linear_learners


class Stepper:
    """Contributes its weights plus a step of its own and a little for the training, and votes as told."""

    def __init__(self, step: float, votes: Callable[[np.ndarray], bool] = lambda w: True) -> None:
        self.w = np.zeros(2)
        self.step, self.votes = step, votes
        self.begun: list[int] = []

    def mli_begin_round(self, round: int) -> None:
        self.begun.append(round)

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w + np.array([self.step, self.begun[-1]])})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        value = float(weights.weights["w"].sum())
        return ProposedWeights(weights, value, value, self.votes(weights.weights["w"]))

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights["w"].copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy()})


def merges(results: Results) -> list[MergeRecord]:
    found = [r.merge for r in results.rounds]
    assert all(one is not None for one in found)
    return found  # type: ignore[return-value]


def test_run__joint__all_train_each_round_and_the_mean_is_adopted() -> None:
    learners = [Stepper(step) for step in (1.0, 2.0, 6.0)]
    results = run(3, learners, rounds="joint")
    assert [r.proposer for r in results.rounds] == [0, 1, 2]
    assert [one.begun for one in learners] == [[1, 2, 3]] * 3
    assert learners[0].w.tolist() == [9.0, 6.0]
    assert merges(results)[1] == MergeRecord(2, "mean", (0, 1, 2), (0, 1, 2))
    assert results.rounds[0].votes == (None, True, True) and results.rounds[0].need == 2
    assert Results.from_dict(results.to_dict()).rounds == results.rounds


def test_run__joint_and_rejected__the_next_rule_merges_the_same_and_nobody_trains() -> None:
    learners = [Stepper(step, lambda w: w[0] == 2.0) for step in (1.0, 2.0, 30.0)]
    results = run(3, learners, rounds="joint", merge_order=[Rule.MEAN, Rule.CLIPPED_MEAN, Rule.MEDIAN])
    assert [r.accepted for r in results.rounds] == [False, False, True]
    assert [(one.training, one.rule) for one in merges(results)] == [(1, "mean"), (1, "clipped-mean"), (1, "median")]
    assert [one.begun for one in learners] == [[1]] * 3
    assert learners[1].w.tolist() == [2.0, 1.0]


def test_run__rules_agree_and_the_merge_was_rejected__nobody_tests_it_again_and_the_next_rule_has_its_turn() -> None:
    tested: list[list[float]] = []

    def vote(w: np.ndarray) -> bool:
        tested.append(w.tolist())
        return bool(w[1] > 2)

    learners = [Stepper(step, vote) for step in (1.0, 2.0)]  # of two, the median is the mean
    order = [Rule.MEAN, Rule.MEDIAN, Rule.CLIPPED_MEAN]
    results = run(4, learners, rounds="joint", merge_order=order)
    one, two, three, four = results.rounds
    assert [merge.rule for merge in merges(results)] == ["mean", "median", "clipped-mean", "mean"]
    assert two.weights_sha256 == one.weights_sha256 != three.weights_sha256 and not two.accepted
    assert two.votes == (False, None) and two.test_scores == (None, None) and two.need == one.need == 1
    mean = [1.5, 1.0]
    assert tested.count(mean) == 2, "by both, once"
    assert merges(results)[3].training == 4 and four.accepted


def test_run__every_rule_rejected__all_train_anew_from_the_same_by_another_seed() -> None:
    learners = [Stepper(step, lambda w: w[1] > 2) for step in (1.0, 2.0, 3.0, 4.0)]
    results = run(6, learners, rounds="joint", merge_order=(Rule.MEDIAN, Rule.MEAN))
    assert [(one.training, one.rule) for one in merges(results)] == [
        (1, "median"),
        (1, "mean"),
        (3, "median"),
        (4, "median"),
        (5, "median"),
        (6, "median"),
    ]
    assert [one.begun for one in learners] == [[1, 3, 4, 5, 6]] * 4
    assert learners[0].w.tolist() == [10.0, 18.0]


def test_run__a_proposer_that_chooses__merges_what_it_chose_and_the_record_says_so() -> None:
    learners = [Stepper(step) for step in (1.0, 2.0, 6.0)]
    greedy = InProcess(lambda proposer, valid: [one for one in valid if proposer != 1 or one.seat in (1, 2)])
    results = run(3, learners, rounds="joint", backend=greedy)
    assert [one.merged for one in merges(results)] == [(0, 1, 2), (1, 2), (0, 1, 2)]
    assert [one.contributed for one in merges(results)] == [(0, 1, 2)] * 3
    assert learners[0].w.tolist() == [3.0 + 4.0 + 3.0, 6.0]


def test_run__joint__is_the_merge_of_what_the_learners_contribute() -> None:
    """By the library's own function, momentum from the second accepted weights on."""
    order = (Rule.MOMENTUM,)
    results = run(2, [Stepper(step) for step in (1.0, 2.0)], rounds="joint", merge_order=order)
    zero, schema = {"w": np.zeros(2)}, Schema.of({"w": np.zeros(2)})

    def merged(parent: dict[str, Any], before: bytes | None, number: int) -> bytes:
        basis = Basis.of(schema, encode(parent))
        given = [encode({"w": parent["w"] + [step, number]}) for step in (1.0, 2.0)]
        return merge(
            basis, Rule.MOMENTUM, [basis.check(i, weights_ref(d), d) for i, d in enumerate(given)], before=before
        )

    first = merged(zero, None, 1)
    second = merged({"w": np.array([1.5, 1.0])}, encode(zero), 2)
    hashes = [r.weights_sha256 for r in results.rounds]
    assert hashes == [weights_ref(data).sha256.hex() for data in (first, second)]


def test_run__joint_with_a_learner_that_declines__the_others_are_merged_and_it_votes_and_proposes() -> None:
    learners = [FrugalLearner(0, proposals=2), *(LinearLearner(i, seed=1) for i in (1, 2))]
    results = run(4, learners, 0.3, rounds="joint")
    late = [one for one in merges(results) if one.training > 2][-1]
    assert late.contributed == late.merged == (1, 2)
    [(index, why)] = late.left_out
    assert index == 0 and "budget is spent" in why
    assert learners[0].trainings == 2  # type: ignore[attr-defined]
    assert results.rounds[3].proposer == 0 and results.rounds[3].votes[1] is not None


def test_run__one_contribution__is_proposed_as_it_is() -> None:
    class Idle(Stepper):
        def mli_propose_weights(self) -> Weights:
            return Weights({"w": self.w})

    results = run(1, [Idle(0), Stepper(1 / 3), Idle(0)], rounds="joint")
    assert results.rounds[0].weights_sha256 == weights_ref(encode({"w": np.array([1 / 3, 1])})).sha256.hex()
    [one] = merges(results)
    assert one.merged == (1,) and [index for index, _ in one.left_out] == [0, 2]
    assert "came to nothing" in one.left_out[0][1]


def test_run__nobody_contributes__turns_pass_and_nobody_is_asked_to_train_again() -> None:
    class Spent(Stepper):
        def mli_propose_weights(self) -> Weights:
            return Weights({"w": self.w}, TrainingSummary(None, ErrorCodes.DP_BUDGET_EXCEEDED))

    learners = [Spent(0) for _ in range(3)]
    results = run(3, learners, rounds="joint")
    assert [r.declined for r in results.rounds] == ["the privacy budget is spent"] * 3
    assert [one.begun for one in learners] == [[1]] * 3
    assert not any(r.accepted or r.need for r in results.rounds)
    assert RoundResult.from_dict(results.rounds[0].to_dict()) == results.rounds[0]


def test_run__equal_and_too_large_contributions__are_left_out_with_the_reason() -> None:
    class Hostile(Stepper):
        unbounded = True

        def mli_propose_weights(self) -> Weights:
            return Weights({"w": np.array([1e300, 0.0])})

    results = run(1, [Stepper(1), Stepper(1), Hostile(0), Stepper(2)], rounds="joint")
    [one] = merges(results)
    assert one.contributed == (0, 1, 2, 3) and one.merged == (0, 3)
    assert dict(one.left_out)[1] == "equal to another contribution"
    assert "'/w' of the weights has a number of 2**16" in dict(one.left_out)[2]
    assert results.rounds[0].accepted


class Canceller(Stepper):
    """Knows what the others contribute, and sees to it that the mean of all is what was there before."""

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w - np.array([self.step, 2 * self.begun[-1]])})


def test_run__one_contribution_makes_the_mean_what_is_accepted_already__is_left_out_with_the_reason() -> None:
    results = run(2, [Stepper(1), Canceller(3), Stepper(2)], rounds="joint")
    for one in merges(results):
        assert (one.merged, one.left_out) == ((0, 2), ((1, "it cancels the others out"),))
    assert all(r.accepted for r in results.rounds) and results.final_sha256 == results.rounds[1].weights_sha256


def test_run__an_honest_training_that_goes_far__is_kept_below_the_limit_and_merged() -> None:
    results = run(2, [Stepper(1e6), Stepper(1e5)], rounds="joint")
    assert [one.merged for one in merges(results)] == [(0,), (0, 1)]  # both at the limit are one and the same at first


@pytest.mark.parametrize("attack", ["sign-flip", "random-weights"])
def test_run__a_minority_attacks__the_model_learns_all_the_same(attack: str) -> None:
    learners: list[Any] = [LinearLearner(i, noise=0.05) for i in range(7)]
    learners[5:] = [attack_named(attack)(learner, i) for i, learner in enumerate(learners[5:])]
    results = run(12, learners, rounds="joint")
    honest = [np.mean(r.test_scores[:5]) for r in (results.initial, *(r for r in results.rounds if r.accepted))]
    assert honest[-1] > 0.1 * honest[0]  # losses with their sign changed
    assert sum(r.accepted for r in results.rounds) >= 3


def test_run__joint_twice__the_same_bytes() -> None:
    first, second = (run(5, linear_learners(4), rounds="joint") for _ in range(2))
    assert first.final_sha256 == second.final_sha256


def test_run__weights_that_can_not_be_merged__is_told_before_anything_is_changed() -> None:
    class Texts(Stepper):
        def mli_get_current_weights(self) -> Weights:
            return Weights({"w": self.w, "who": "me"})

    class Signs(Stepper):
        why_unmergeable = "the sign is anybody's guess"

    for learners, why in (([Texts(1), Texts(2)], "'/who' of the weights is a text"), ([Stepper(1), Signs(2)], "guess")):
        with pytest.raises(UsageError, match=why) as error:
            run(1, learners, rounds="joint")
        assert "solo" in error.value.fix
        assert not learners[0].begun
    odd = Stepper(1)
    odd.why_unmergeable = 3  # type: ignore[attr-defined]
    with pytest.raises(LearnerError, match="why_unmergeable is 3"):
        run(1, [Stepper(1), odd], rounds="joint")


def test_run__joint_and_a_wrong_order__is_a_mistake() -> None:
    learners = [Stepper(1), Stepper(2)]
    with pytest.raises(UsageError, match="rounds is 'both'"):
        run(1, learners, rounds="both")  # type: ignore[arg-type]
    for order in ((), (Rule.MEAN, Rule.MEAN), (Rule.SOLO,)):
        with pytest.raises(UsageError, match="order of the rules"):
            run(1, learners, rounds="joint", merge_order=order)
