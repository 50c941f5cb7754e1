"""What a learner holds by the bytes that it adopted, and that it has it back after a training or a test changed it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.asking import ask_accept, ask_proposal, ask_test
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights, LearnerError, LearnerWarning

START = {"w": np.array([1.0, 2.0])}
OTHER = {"w": np.array([5.0, 6.0])}


class InPlace(MachineLearningInterface):
    """Its current weights are its model's own array, and trainings and tests write ``spoils`` into it."""

    def __init__(self, *, spoils: float | None = None) -> None:
        self.w: Any = np.zeros(2)
        self.spoils = spoils
        self.accepts = 0

    def mli_propose_weights(self) -> Weights:
        self._spoil()
        return Weights({"w": np.array([3.0, 4.0])})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self._spoil()
        return ProposedWeights(weights, 0.5, 0.5, vote=True)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.accepts += 1
        self.w = weights.weights["w"]

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w})

    def _spoil(self) -> None:
        if self.spoils is not None:
            self.w[...] = self.spoils


class Forgetful(InPlace):
    """Adopts a rounded model: what it gives back isn't what it was given."""

    def mli_accept_weights(self, weights: Weights) -> None:
        self.accepts += 1
        self.w = np.floor(weights.weights["w"])


def adopting(learner: InPlace, tree: Any = START) -> Held:
    held = Held(Schema.of(tree), encode(tree))
    ask_accept(learner, Weights(held.tree()))
    return held


@pytest.mark.parametrize("known", [True, False], ids=["adopted bytes are known", "they are not"])
def test_ask__learner_writes_into_its_current_weights__has_them_back_and_is_told(known: bool) -> None:
    learner = InPlace(spoils=9.0)
    held = adopting(learner)
    for ask in (
        lambda: ask_test(learner, Weights(OTHER), held=held if known else None),
        lambda: ask_proposal(learner, 1, held.schema, held=held if known else None),
    ):
        with pytest.warns(LearnerWarning, match="changed the current weights, and they were put back"):
            ask()
        assert learner.w.tolist() == [1.0, 2.0]
    assert held.exact


def test_ask__what_it_held_is_known__its_own_arrays_say_nothing() -> None:
    learner = InPlace()
    held = adopting(learner)
    learner.w[:] = 7.0  # between two calls, as a thread that was left behind might
    with pytest.warns(LearnerWarning, match="put back"):
        ask_test(learner, Weights(OTHER), held=held)
    assert learner.w.tolist() == [1.0, 2.0]


def test_ask__learner_writes_nan_into_its_weights__is_its_fault() -> None:
    learner = InPlace(spoils=float("nan"))
    held = adopting(learner)
    with pytest.raises(LearnerError, match=r"current weights can't be written.*NaN"):
        ask_test(learner, Weights(OTHER), held=held)


def test_ask__test_fails__weights_are_put_back_all_the_same() -> None:
    class Fails(InPlace):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            self.w[...] = 9.0
            raise InvalidWeights("not for this model")

    learner = Fails()
    held = adopting(learner)
    with pytest.raises(InvalidWeights, match="not for this model"):
        ask_test(learner, Weights(OTHER), held=held)
    assert learner.w.tolist() == [1.0, 2.0]


def test_ask__nothing_changed__nothing_is_accepted_anew() -> None:
    learner = InPlace()
    held = adopting(learner)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask_test(learner, Weights(OTHER), held=held)
        _, data = ask_proposal(learner, 1, held.schema, held=held)
    assert data == encode({"w": np.array([3.0, 4.0])})
    assert learner.accepts == 1


def test_ask__other_spelling_of_the_same_weights__is_no_change() -> None:
    class Spells(InPlace):
        def mli_get_current_weights(self) -> Weights:
            return Weights((self.w, np.float64(0.5)))

        def mli_accept_weights(self, weights: Weights) -> None:
            self.accepts += 1
            self.w = weights.weights[0]

    learner = Spells()
    held = Held(Schema.of([np.zeros(2), 0.5]), encode([np.array([1.0, 2.0]), 0.5]))
    ask_accept(learner, Weights(held.tree()))
    ask_test(learner, Weights([np.zeros(2), 0.1]), held=held)
    assert learner.accepts == 1 and held.exact


def test_ask__learner_does_not_give_back_what_it_adopts__is_compared_with_itself_from_then_on() -> None:
    learner = Forgetful()
    held = adopting(learner, {"w": np.array([1.5, 2.5])})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it changed nothing
        ask_test(learner, Weights(OTHER), held=held)
        assert not held.exact and learner.accepts == 2
        ask_test(learner, Weights(OTHER), held=held)
        assert learner.accepts == 2
    learner.spoils = 9.0
    with pytest.warns(LearnerWarning, match="put back"):
        ask_test(learner, Weights(OTHER), held=held)
    assert learner.w.tolist() == [1.0, 2.0]


def test_ask__current_weights_cannot_be_written__is_the_learners_fault() -> None:
    learner = InPlace()
    learner.w = object()
    with pytest.raises(LearnerError, match="its current weights can't be written"):
        ask_test(learner, Weights(OTHER))


@pytest.mark.parametrize("own", [{"w": "text"}, {"w": object()}, {"w": np.array([1.0, 2.0, 3.0])}, {}, None])
def test_are__what_is_no_weights_of_the_schema__are_not_those(own: Any) -> None:
    held = Held(Schema.of(START), encode(START))
    assert held.are(START) is True
    assert held.are(own) is False
