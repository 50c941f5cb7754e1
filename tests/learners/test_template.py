"""What all built-in learners share, on the smallest model there is: one number, the mean of its targets."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from colearn_ledger import EmbeddedLedger, InProcess, Results, run
from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, SchemaMismatch, TrainingStopped, UsageError
from colearn_ledger.learners.template import BatchLearner, TemplateLearner
from colearn_ledger.learners.voting.policy import Evaluation, SmallVoteSet


def data(n: int, centre: float = 3.0, seed: int = 0) -> tuple[Any, Any]:
    return np.zeros(n), np.random.default_rng(seed).normal(centre, 1.0, n)


class Walk(TemplateLearner):
    """Its training goes through given values, one a step."""

    def __init__(self, path: list[float], index: int = 0, **options: Any) -> None:
        super().__init__(data(10), data(250, seed=index), data(50), **options)
        self.path, self.value, self.taken = path, 0.0, 0
        self.start()

    @property
    def steps(self) -> int:
        return len(self.path)

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        self.taken = 0
        for value in self.path:
            self.value = value
            self.taken += 1
            yield 10

    def read_weights(self) -> dict[str, Any]:
        return {"w": np.array([self.value])}

    def write_weights(self, weights: Any) -> None:
        self.value = float(weights["w"][0])
        if self.value < 0:  # too late: the model holds them already
            raise InvalidWeights("a negative mean")

    def evaluate(self, data: Any, *, outcomes: bool = False) -> Evaluation:
        parts = -((data[1] - self.value) ** 2)
        return Evaluation(float(parts.mean()), "squared_error", len(parts), parts if outcomes else None)


class Momentum(BatchLearner):
    """Gradient steps whose momentum is the optimizer's state."""

    def __init__(self, **options: Any) -> None:
        super().__init__(data(100, seed=1), data(250), data(50), **options)
        self.value, self.speed = np.zeros(1), 0.0
        self.start()

    def reset_optimizer(self) -> None:
        self.speed = 0.0

    def train_batch(self, rows: Any) -> None:
        self.speed = 0.9 * self.speed + 0.05 * float((self.train_set[1][rows] - self.value).mean())
        self.value = self.value + self.speed

    def read_weights(self) -> list[Any]:
        return [self.value.copy()]

    def write_weights(self, weights: Any) -> None:
        self.value = weights[0].copy()

    def evaluate(self, data: Any, *, outcomes: bool = False) -> Evaluation:
        return Evaluation(-float(((data[1] - self.value) ** 2).mean()), "squared_error", len(data[1]))


def proposed(learner: Any) -> float:
    weights = learner.mli_propose_weights().weights
    return float(weights["w"][0] if isinstance(weights, dict) else weights[0][0])


# ------------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize(
    "options",
    [{}, {"early_stop": 2}, {"optimizer_state": "keep"}, {"steps_per_round": 3}, {"batch_size": 7, "epochs": 2}],
    ids=str,
)
def test_check_learner__every_option__keeps_the_promises(options: dict[str, Any]) -> None:
    check_learner(Momentum(**options))


def test_pause__weights_are_tested_after_each_step__trains_the_same_and_judges_by_the_accepted_ones() -> None:
    alone, asked = Momentum(), Momentum()
    expected = proposed(alone)
    reference = alone.mli_test_weights(Weights([np.array([2.5])]))
    judged: list[Any] = []

    def pause(*steps: int) -> bool:
        assert steps == (len(judged) + 1, asked.steps)
        judged.append(asked.mli_test_weights(Weights([np.array([2.5])])))
        assert asked.mli_get_current_weights().weights[0][0] == 0.0
        return True

    asked.mli_set_pause(pause)
    assert proposed(asked) == expected
    assert len(judged) == asked.steps and {(j.vote_score, j.current_score) for j in judged} == {
        (reference.vote_score, reference.current_score)
    }


def test_pause__says_that_nobody_waits__the_training_ends_there_and_the_next_one_is_whole() -> None:
    learner = Walk([1.0, 2.0, 3.0])
    learner.mli_set_pause(lambda *_: learner.taken < 2)
    with pytest.raises(TrainingStopped, match="after 2 of 3 steps"):
        learner.mli_propose_weights()
    assert learner.value == 0.0 and learner.mli_get_current_weights().weights["w"][0] == 0.0
    learner.mli_set_pause(None)
    assert proposed(learner) == 3.0


def test_early_stop__no_better_score__stops_and_proposes_the_best() -> None:
    path = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert proposed(Walk(path)) == 6.0
    learner = Walk(path, early_stop=2)
    summary = learner.mli_propose_weights()
    assert summary.weights["w"][0] == 3.0
    assert learner.taken == 5
    assert summary.training_summary is not None
    assert summary.training_summary.samples == 50
    assert proposed(Walk(path, early_stop=9)) == 3.0


def test_early_stop__many_steps__ten_checks_a_round() -> None:
    learner = Walk([3.0] + [9.0] * 94, early_stop=2)  # the best is at the first step, where no check is
    assert proposed(learner) == 9.0
    assert learner.taken == 30  # a check every ten steps: one that is the best so far, and two that aren't better


def test_early_stop__worse_than_the_current_weights__still_proposes_what_was_trained() -> None:
    learner = Walk([7.0, 8.0, 9.0], early_stop=1)
    learner.mli_accept_weights(Weights({"w": np.array([3.0])}))
    assert proposed(learner) == 7.0
    assert learner.mli_get_current_weights().weights["w"][0] == 3.0


def test_optimizer_state__reset__a_proposal_depends_on_weights_seed_and_round_alone() -> None:
    used, fresh = Momentum(), Momentum()
    used.mli_begin_round(1)
    used.mli_propose_weights()
    for learner in (used, fresh):
        learner.mli_begin_round(2)
    assert proposed(used) == proposed(fresh)


def test_optimizer_state__keep__goes_on_from_the_last_proposal_of_this_process() -> None:
    used, fresh, again = (Momentum(optimizer_state="keep") for _ in range(3))
    for learner in (used, again):
        learner.mli_begin_round(1)
        learner.mli_propose_weights()
    for learner in (used, fresh, again):
        learner.mli_begin_round(2)
    first = proposed(used)
    assert first != proposed(fresh)
    assert first == proposed(again)


def test_steps__each_way_to_say_it__as_many_batches() -> None:
    assert Momentum(batch_size=32, epochs=2).steps == 6
    assert Momentum(batch_size=32, steps_per_round=5).steps == 5
    assert Momentum(batch_size=1000).batch_size == 100
    learner = Momentum(batch_size=30, steps_per_round=7)
    batches = list(learner.batches(np.random.default_rng(0)))
    assert [len(rows) for rows in batches] == [30] * 7
    assert len(np.unique(np.concatenate(batches[:3]))) == 90  # a pass has each sample once


# ------------------------------------------------------------------------------------------------ voting


def test_vote__default__record_says_how_it_came_about() -> None:
    learner = Walk([1.0])
    judged = learner.mli_test_weights(Weights({"w": np.array([2.0])}))
    assert judged.vote is True
    assert judged.record is not None
    assert (judged.record.policy, judged.record.samples) == ("not-worse", 250)
    assert (judged.record.current_score, judged.record.proposed_score) == (judged.current_score, judged.vote_score)
    assert judged.criterion == "squared_error"


def test_vote__paired_policy__outcomes_are_asked_for_and_p_is_recorded() -> None:
    learner = Walk([1.0], vote_policy="paired:0.01")
    worse = learner.mli_test_weights(Weights({"w": np.array([9.0])}))
    assert worse.vote is False
    assert worse.record is not None and worse.record.p_value is not None and worse.record.p_value < 1e-6
    assert learner.mli_test_weights(Weights({"w": np.array([1e-9])})).vote is True


def test_vote_rule__the_other_name_of_vote_policy__works() -> None:
    learner = Walk([1.0], vote_rule="strict")
    assert learner.mli_test_weights(learner.mli_get_current_weights()).vote is False


def test_current_score__after_an_acceptance__is_of_the_new_weights() -> None:
    learner = Walk([1.0])
    first = learner.mli_test_weights(learner.mli_get_current_weights()).current_score
    learner.mli_accept_weights(Weights({"w": np.array([3.0])}))
    second = learner.mli_test_weights(learner.mli_get_current_weights()).current_score
    assert first is not None and second is not None and first < second


def test_init__few_vote_samples__warned_once_made() -> None:
    with pytest.warns(SmallVoteSet, match="199 samples"):
        SmallMomentum(199)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SmallMomentum(200)


class SmallMomentum(Momentum):
    def __init__(self, n: int) -> None:
        BatchLearner.__init__(self, data(10), data(n), data(10))
        self.value = np.zeros(1)
        self.start()


# ------------------------------------------------------------------------------------------------ weights


def test_accept__weights_that_do_not_fit_or_are_invalid__refused_and_nothing_changed() -> None:
    learner = Walk([1.0])
    learner.mli_accept_weights(Weights({"w": np.array([5.0])}))
    before = encode(learner.mli_get_current_weights().weights)
    for bad, error in (({"w": np.zeros(2)}, SchemaMismatch), ([1.0], SchemaMismatch), ("x", SchemaMismatch)):
        with pytest.raises(error):
            learner.mli_accept_weights(Weights(bad))
    for call in (learner.mli_accept_weights, learner.mli_test_weights):
        with pytest.raises(InvalidWeights, match="negative"):
            call(Weights({"w": np.array([-1.0])}))
    assert encode(learner.mli_get_current_weights().weights) == before
    assert learner.value == 5.0


class Hostile(Walk):
    """Proposes what its own model would take, and no other's."""

    def write_weights(self, weights: Any) -> None:
        self.value = float(weights["w"][0])


@pytest.mark.parametrize("backend", [InProcess, EmbeddedLedger])
def test_run__weights_that_a_model_refuses__votes_to_reject_and_no_scores(backend: Any) -> None:
    learners = [Hostile([-1.0]), Walk([2.0], 1), Walk([2.5], 2)]
    first, second = run(2, learners, backend=backend()).rounds
    assert (first.accepted, first.votes) == (False, (None, False, False))
    assert first.vote_scores[1:] == first.test_scores[1:] == first.current_scores[1:] == (None, None)
    assert first.vote_records == (None, None, None)
    assert second.accepted
    assert [record is not None for record in second.vote_records] == [True, False, True]


def test_results__vote_records__survive_json() -> None:
    results = run(2, [Walk([2.0], 0, vote_policy="paired"), Walk([2.5], 1)])
    assert Results.from_dict(json.loads(json.dumps(results.to_dict(), allow_nan=False))) == results
    old = results.to_dict()
    for record in (old["initial"], *old["rounds"]):
        del record["vote_records"]
    assert Results.from_dict(old).rounds[0].vote_records == ()


# ------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    "options",
    [
        {"early_stop": 0},
        {"seed": -1},
        {"vote_policy": "kind"},
        {"epochs": 0},
        {"batch_size": 0},
        {"steps_per_round": 0},
        {"optimizer_state": "lose"},
    ],
    ids=str,
)
def test_init__option_out_of_range__refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Momentum(**options)
    assert caught.value.expected and caught.value.fix


def test_init__unknown_option__as_any_function() -> None:
    with pytest.raises(TypeError, match="early_stopp"):
        Momentum(early_stopp=1)
    with pytest.raises(TypeError, match="batch_size"):
        Walk([1.0], batch_size=3)
