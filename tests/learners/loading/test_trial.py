"""A new learner tried out: what is timed, and what isn't done."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerError
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.learners.loading.first_weights import try_learner
from colearn_ledger.learners.loading.trial import Trial, try_out
from tests.kit.learners import FrugalLearner, LinearLearner


def tried(learner: Any, *, train: bool) -> Trial:
    tree, ticks = learner.mli_get_current_weights().weights, itertools.count()
    return try_out(learner, encode(tree), Schema.of(tree), train=train, clock=lambda: float(next(ticks)))


def test_try_out__as_it_is__is_tested_and_trained_if_that_is_asked_for() -> None:
    assert tried(LinearLearner(0), train=False) == Trial((), 1.0)
    assert tried(LinearLearner(0), train=True) == Trial((), 1.0, 1.0)


def test_try_out__one_with_a_privacy_budget__says_how_long_that_lasts_and_spends_nothing() -> None:
    learner = FrugalLearner(0, proposals=3)
    for _ in range(2):
        trial = tried(learner, train=True)
        assert trial.trained_s is None and "would cost privacy" in trial.untrained
        assert (trial.trainings_left, learner.trainings) == (3, 0)


@pytest.mark.parametrize("odd", [-1, 2.0, "many", True])
def test_try_out__trainings_left_is_no_count__is_the_learners_mistake(odd: object) -> None:
    learner = LinearLearner(0)
    learner.trainings_left = odd  # type: ignore[attr-defined]
    with pytest.raises(LearnerError, match="trainings_left"):
        tried(learner, train=False)


class Odd(LinearLearner):
    def mli_propose_weights(self) -> Weights:
        return Weights({"another": 1.0})


def test_try_out__its_training_gives_another_model__is_an_error() -> None:
    with pytest.raises(Exception, match="another"):
        tried(Odd(0), train=True)


@pytest.mark.slow
def test_try_learner__in_a_process_of_its_own__gives_the_same() -> None:
    made = try_learner(LearnerSpec("tests.kit.node_learners:make", {"index": 0}), train=True)
    assert made.trial is not None and made.trial.tested_s > 0 and made.trial.trained_s is not None
