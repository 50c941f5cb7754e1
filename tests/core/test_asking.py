"""The learner interface, and what is asked of a learner."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.asking import (
    ask_accept,
    ask_judge,
    ask_proposal,
    ask_propose,
    ask_test,
    check_methods,
    why_declined,
)
from colearn_ledger.core.learner import Learner, MachineLearningInterface, ProposedWeights, Weights, number_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.summaries import (
    DiffPrivBudget,
    DiffPrivConfig,
    ErrorCodes,
    ModelFormat,
    PredictionRequest,
    TrainingSummary,
)
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import InvalidWeights, LearnerError, LearnerWarning, UntestableWeights


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


def test_ask_propose__learner_that_wants_to_know__is_told_the_round_first() -> None:
    class Told(Good):
        round = 0

        def mli_begin_round(self, round: int) -> None:
            self.round = round

        def mli_propose_weights(self) -> Weights:
            return Weights(self.round)

    assert ask_propose(Told(), 7).weights == 7


def test_ask_proposal__size__counts_only_against_a_cap() -> None:
    schema = Schema.of(Good().mli_get_current_weights().weights)
    size = len(ask_proposal(Good(), 1, schema)[1])
    _, data = ask_proposal(Good(), 1, schema, max_size=size)
    assert decode(data)["w"].tolist() == [2.0, 3.0]
    with pytest.raises(InvalidWeights, match=rf"eve \(Good\) proposed weights .*: they are {size:,} bytes") as caught:
        ask_proposal(Good(), 1, schema, "eve", max_size=size - 1)
    assert str(size - 1) in caught.value.expected


@pytest.mark.parametrize(
    "summary, why",
    [
        (None, ""),
        (TrainingSummary(samples=5), ""),
        (TrainingSummary(error_code=ErrorCodes.DP_BUDGET_EXCEEDED), "the privacy budget is spent"),
        (
            TrainingSummary(DiffPrivBudget(2.0, 1e-5, 1.96, 9e-6), ErrorCodes.DP_BUDGET_EXCEEDED),
            "the privacy budget is spent: epsilon 1.96 of 2 at delta 1e-05",
        ),
    ],
)
def test_why_declined__summary__says_what_is_spent(summary: TrainingSummary | None, why: str) -> None:
    assert why_declined(Weights([], summary)) == why


def test_ask_test__current_score__is_a_float_by_the_criterion() -> None:
    class Scores(Good):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            scores: Any = {"auc": np.float32(0.25), "loss": 2}
            return ProposedWeights(weights, scores, scores, 0, "auc", current_score=scores)  # type: ignore[arg-type]

    judged = ask_test(Scores(), Weights({}))
    assert (judged.current_score, type(judged.current_score), judged.vote) == (0.25, float, False)


@pytest.mark.parametrize("vote", ["yes", 2, np.array([True, True]), 0.5, np.nan])
def test_ask_test__what_is_no_vote__is_refused(vote: Any) -> None:
    class Odd(Good):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            return ProposedWeights(weights, 0, 0, vote)

    with pytest.raises(LearnerError, match="the vote is"):
        ask_test(Odd(), Weights({}))


class Spoils(Good):
    """Trains and tests in place."""

    def mli_propose_weights(self) -> Weights:
        self.w = self.w + 1
        return Weights({"w": self.w.copy(), "flags": self.flags.copy()})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self.w = self.w * 0
        if self.flags[1]:
            raise RuntimeError("out of memory")
        return ProposedWeights(weights, 1, 1, True)


def test_ask__learner_that_changes_its_weights__has_them_back_and_is_told() -> None:
    learner = Spoils()
    schema = Schema.of(learner.mli_get_current_weights().weights)
    with pytest.warns(LearnerWarning, match="eve .* mli_propose_weights changed the current weights"):
        ask_proposal(learner, 1, schema, "eve")
    assert learner.w.tolist() == [1.0, 2.0]
    with pytest.warns(LearnerWarning, match="mli_test_weights changed"):
        ask_test(learner, Weights({}))
    assert learner.w.tolist() == [1.0, 2.0]


def test_ask__learner_that_fails_half_way__has_its_weights_back() -> None:
    learner = Spoils()
    learner.flags = np.array([True, True])
    with pytest.raises(RuntimeError, match="out of memory"):
        ask_test(learner, Weights({}))
    assert learner.w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", [bytes, str])
def test_ask__learner_whose_library_writes_other_bytes_each_time__is_told_nothing(kind: Any) -> None:
    class Serialises:
        calls = 0
        held: Any = None

        def mli_propose_weights(self) -> Weights:
            return Weights({"model": kind(b"x") if kind is bytes else "x"})

        def mli_get_current_weights(self) -> Weights:
            self.calls += 1
            return Weights({"model": b"%d" % self.calls if kind is bytes else str(self.calls)})

        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            return ProposedWeights(weights, 1, 1, True)

        def mli_accept_weights(self, weights: Weights) -> None:
            self.held = weights.weights

    learner = Serialises()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask_test(learner, Weights({"model": b""}))
    assert learner.held is not None  # they differed, so they were put back


def test_ask__learner_that_changes_nothing__is_told_nothing() -> None:
    learner = Good()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask_test(learner, Weights({})).vote is True
        ask_proposal(learner, 1, Schema.of(learner.mli_get_current_weights().weights))


def test_ask_accept__each_learner__has_arrays_of_its_own() -> None:
    learner = Good()
    ask_accept(learner, Weights(decode(encode({"w": np.array([5.0, 6.0]), "flags": np.array([False, False])}))))
    assert (learner.w.tolist(), learner.flags.tolist()) == ([5.0, 6.0], [False, False])


@pytest.mark.parametrize("score", ["high", None, [1, 2], {}])
def test_number_of__no_number__says_which_field(score: Any) -> None:
    with pytest.raises(LearnerError, match="vote_score"):
        number_of(score, None, "vote_score")


def test_interface__models_and_predictions__are_nobodys_duty() -> None:
    class Whole(Good, MachineLearningInterface):
        pass

    with pytest.raises(NotImplementedError, match="Whole has no mli_get_current_model"):
        Whole().mli_get_current_model()
    with pytest.raises(NotImplementedError, match="Whole has no mli_make_prediction"):
        Whole().mli_make_prediction(PredictionRequest("x", []))


def test_summaries__published_numbers_and_defaults__stay() -> None:
    assert (ErrorCodes.DP_BUDGET_EXCEEDED.value, ModelFormat.PICKLE_WEIGHTS_ONLY.value, ModelFormat.ONNX.value) == (
        1,
        1,
        2,
    )
    assert DiffPrivConfig(1.0, 1e-5, 1.0).deterministic is False


class Panic(BaseException):
    """As a library's that is no Exception."""


class Fails(Good):
    """Its test fails with weights whose first number is in ``with_``, and remembers what it was given."""

    def __init__(self, error: BaseException, *with_: float) -> None:
        super().__init__()
        self.error, self.with_ = error, with_
        self.tested: list[float] = []

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        first = float(weights.weights["w"][0])
        self.tested.append(first)
        self.w[:] = first  # half way through, the model holds what it was to test
        if first in self.with_:
            raise self.error
        self.w[:] = 1.0, 2.0
        return super().mli_test_weights(weights)


def proposed(first: float) -> Weights:
    return Weights({"w": np.array([first, 0.0]), "flags": np.array([True, False])})


FAILURES = [ValueError("Input contains NaN"), MemoryError(), OverflowError(), LearnerError("no score"), Panic("index")]


@pytest.mark.parametrize("error", FAILURES, ids=lambda e: type(e).__name__)
def test_ask_judge__fails_with_the_proposal_alone__is_the_proposals_fault(error: BaseException) -> None:
    learner = Fails(error, 9.0)
    with (
        pytest.warns(LearnerWarning, match="testing its current weights does not"),
        pytest.raises(UntestableWeights) as e,
    ):
        ask_judge(learner, proposed(9.0))
    assert type(error).__name__ in e.value.what and learner.tested == [9.0, 1.0]
    assert learner.w.tolist() == [1.0, 2.0], "it has its current weights again"


@pytest.mark.parametrize("error", FAILURES, ids=lambda e: type(e).__name__)
def test_ask_judge__fails_with_the_current_weights_too__is_the_learners_own(error: BaseException) -> None:
    learner = Fails(error, 9.0, 1.0)
    with pytest.raises(type(error)) as raised:
        ask_judge(learner, proposed(9.0))
    assert raised.value is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), InvalidWeights("negative rates")])
def test_ask_judge__leaves_or_finds_them_invalid_itself__is_raised_as_it_is(error: BaseException) -> None:
    learner = Fails(error, 9.0)
    with pytest.raises(type(error)) as raised:
        ask_judge(learner, proposed(9.0))
    assert raised.value is error and learner.tested == [9.0]


def test_ask_judge__nothing_fails__is_the_test() -> None:
    learner = Fails(ValueError())
    assert ask_judge(learner, proposed(9.0)).vote is True and learner.tested == [9.0]
