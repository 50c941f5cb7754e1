"""The learner interface, and what is asked of a learner."""

from __future__ import annotations

import numpy as np
import pytest

from colearn_ledger.core.asking import ask_test, check_methods
from colearn_ledger.core.learner import Learner, MachineLearningInterface, ProposedWeights, Weights
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
