"""What all built-in learners share, on the smallest model there is: one number, the mean of its targets."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest

from colearn_ledger import EmbeddedLedger, InProcess, Results, run
from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, SchemaMismatch, TrainingStopped, UsageError
from colearn_ledger.learners.batch import BatchLearner
from colearn_ledger.learners.voting.policy import SmallVoteSet

from ..kit.means import Momentum, Walk, data, proposed

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
