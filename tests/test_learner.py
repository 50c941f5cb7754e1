"""The learner interface and check_learner, which tells a good learner from a broken one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.learner import (
    Learner,
    MachineLearningInterface,
    ProposedWeights,
    Weights,
    ask_test,
    check_methods,
)
from colearn_ledger.errors import LearnerError


class Good:
    def __init__(self) -> None:
        self.w = np.array([1.0, 2.0])
        self.flags = np.array([True, False])

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w + 1, "flags": self.flags.copy()})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, 0.5, 0.5, True)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights["w"].copy()
        self.flags = weights.weights["flags"].copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy(), "flags": self.flags.copy()})


class TrainsItself(Good):
    def mli_propose_weights(self) -> Weights:
        self.w += 1
        return super().mli_propose_weights()


class ChangesInTest(Good):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self.w = weights.weights["w"].copy()
        return super().mli_test_weights(weights)


class GivesItsArray(Good):
    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w, "flags": self.flags.copy()})


class GivesItsFlags(Good):
    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy(), "flags": self.flags})


class ProposesItsArray(Good):
    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w, "flags": self.flags.copy()})


class KeepsTheGiven(Good):
    def mli_accept_weights(self, weights: Weights) -> None:
        self.w, self.flags = weights.weights["w"], weights.weights["flags"].copy()


class AdoptsAnother(Good):
    def mli_accept_weights(self, weights: Weights) -> None:
        super().mli_accept_weights(weights)
        self.w = self.w.round(-1)


class ReturnsBareWeights(Good):
    def mli_propose_weights(self) -> Any:
        return [self.w + 1]


class ReturnsAScore(Good):
    def mli_test_weights(self, weights: Weights) -> Any:
        return 0.5


class ScoresNoNumber(Good):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, None, 0.5, True)  # type: ignore[arg-type]


class VotesByArray(Good):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, 0.5, 0.5, self.w > 0)  # type: ignore[arg-type]


def test_check_learner__good__passes_and_has_its_weights_again() -> None:
    learner = Good()
    check_learner(learner)
    assert learner.w.tolist() == [1.0, 2.0]
    assert learner.flags.tolist() == [True, False]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (TrainsItself, "mli_propose_weights changed the current weights"),
        (ChangesInTest, "mli_test_weights changed the current weights"),
        (GivesItsArray, "what mli_get_current_weights returned"),
        (GivesItsFlags, "what mli_get_current_weights returned"),
        (ProposesItsArray, "what mli_propose_weights returned"),
        (KeepsTheGiven, "what mli_accept_weights was given"),
        (AdoptsAnother, "not the accepted ones"),
        (ReturnsBareWeights, "mli_propose_weights returned list"),
        (ReturnsAScore, "mli_test_weights returned float"),
        (ScoresNoNumber, "vote_score is None"),
        (VotesByArray, "the vote is"),
    ],
)
def test_check_learner__broken_promise__named(kind: type[Good], said: str) -> None:
    with pytest.raises(LearnerError) as caught:
        check_learner(kind())
    assert said in caught.value.what
    assert caught.value.expected
    assert caught.value.fix


@pytest.mark.parametrize("kind", [TrainsItself, ChangesInTest, GivesItsArray, ProposesItsArray, KeepsTheGiven])
def test_check_learner__broken_promise__weights_are_put_back(kind: type[Good]) -> None:
    learner = kind()
    with pytest.raises(LearnerError):
        check_learner(learner)
    assert learner.w.tolist() == [1.0, 2.0]


def test_check_methods__nothing_of_a_learner__lists_all_four() -> None:
    with pytest.raises(LearnerError) as caught:
        check_methods(object(), "eve")
    assert caught.value.what.count("mli_") == 4
    assert "eve" in caught.value.what


def test_learner__duck_typing__is_one_by_its_methods() -> None:
    assert isinstance(Good(), Learner)
    assert not isinstance(object(), Learner)


def test_interface__without_a_method__cannot_be_made() -> None:
    class Half(MachineLearningInterface):
        def mli_propose_weights(self) -> Weights:
            return Weights([])

    with pytest.raises(TypeError, match="mli_test_weights"):
        Half()  # type: ignore[abstract]


def test_proposed_weights__scores_by_name__the_criterion_decides() -> None:
    judged = ProposedWeights(Weights([]), {"auc": 0.7, "loss": 2.0}, {"auc": 0.6, "loss": 3.0}, True, criterion="auc")
    assert (judged.vote_value, judged.test_value) == (0.7, 0.6)
    judged.criterion = None
    with pytest.raises(LearnerError, match="criterion"):
        _ = judged.vote_value
    judged.criterion = "recall"
    with pytest.raises(LearnerError, match="recall"):
        _ = judged.test_value


def test_ask_test__numpy_scalars__are_numbers_and_votes() -> None:
    class Numpy(Good):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            return ProposedWeights(weights, np.float32(0.5), np.float64(1), np.bool_(True))  # type: ignore[arg-type]

    judged = ask_test(Numpy(), Weights({}))
    assert isinstance(judged.vote_value, float)
    assert judged.vote_value == 0.5
