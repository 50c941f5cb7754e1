"""check_learner, which tells a good learner from a broken one."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.check_learner import LearnerReport, check_learner
from colearn_ledger.core.learner import MachineLearningInterface, Pause, ProposedWeights, Weights
from colearn_ledger.core.summaries import ErrorCodes, Prediction, PredictionRequest, TrainingSummary
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch, TrainingStopped

from ..kit.moved_learners import InPlaceLearner, MeanLearner
from .test_asking import Good


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


class ScoresNaN(Good):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, 0.5, float("nan"), True)


class Unseeded(Good):
    """Knows the round, and draws from somewhere else all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(1)

    def mli_begin_round(self, round: int) -> None:
        self.round = round

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w + self.rng.normal(), "flags": self.flags.copy()})


class Seeded(Unseeded):
    def mli_begin_round(self, round: int) -> None:
        self.rng = np.random.default_rng(round)


class Paused(Seeded):
    """Trains in three steps, between which its weights may be tested."""

    pause: Pause | None = None

    def mli_set_pause(self, pause: Pause | None) -> None:
        self.pause = pause

    def mli_propose_weights(self) -> Weights:
        w = self.w.copy()
        for _ in range(3):
            w += self.rng.normal()
            self.step()
        return Weights({"w": w, "flags": self.flags.copy()})

    def step(self) -> None:
        if self.pause is not None and not self.pause():
            raise TrainingStopped("nobody waits for it")


class NeverPauses(Paused):
    def step(self) -> None:
        pass


class TrainsOn(Paused):
    def step(self) -> None:
        if self.pause is not None:
            self.pause()


class ForgetsItsPlace(Paused):
    """What it draws next depends on how often it was asked to test."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self.rng.normal()
        return super().mli_test_weights(weights)


class TrainsInPlace(Paused):
    """Its current weights are others until the training has ended."""

    def mli_propose_weights(self) -> Weights:
        before = self.w.copy()
        try:
            for _ in range(3):
                self.w += self.rng.normal()
                self.step()
            return Weights({"w": self.w.copy(), "flags": self.flags.copy()})
        finally:
            self.w[...] = before


class LeavesItsTraining(Paused):
    def mli_propose_weights(self) -> Weights:
        before = self.w.copy()
        try:
            return super().mli_propose_weights()
        except TrainingStopped:
            self.w = before + 1
            raise


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
        (ScoresNaN, "test_score is nan"),
        (Unseeded, "proposed other weights the second time"),
        (InPlaceLearner, "mli_propose_weights changed"),
        (NeverPauses, "its training never called what it was given"),
        (TrainsOn, "trained on after it was told that nobody waits"),
        (ForgetsItsPlace, "in the midst of a training, it proposed others"),
        (TrainsInPlace, "in the midst of a training the current weights are others"),
        (LeavesItsTraining, "a training that was ended early changed the current weights"),
    ],
)
def test_check_learner__broken_promise__named(kind: Any, said: str) -> None:
    with pytest.raises(LearnerError) as caught:
        check_learner(kind() if issubclass(kind, Good) else kind(0))
    assert said in caught.value.what
    assert caught.value.expected
    assert caught.value.fix


@pytest.mark.parametrize("kind", [TrainsItself, ChangesInTest, GivesItsArray, ProposesItsArray, KeepsTheGiven])
def test_check_learner__broken_promise__weights_are_put_back(kind: type[Good]) -> None:
    learner = kind()
    with pytest.raises(LearnerError):
        check_learner(learner)
    assert learner.w.tolist() == [1.0, 2.0]


def test_check_learner__pauses__says_that_it_does() -> None:
    assert any("between its steps" in sentence for sentence in check_learner(Paused()).kept)
    assert not any("between its steps" in sentence for sentence in check_learner(Seeded()).kept)


def test_check_learner__good__reports_what_was_tried() -> None:
    report = check_learner(Good())
    assert isinstance(report, LearnerReport)
    assert any("mli_accept_weights adopts" in sentence for sentence in report.kept)
    assert "mli_begin_round" in report.warnings[0]
    assert "'/w' of the weights" in report.warnings[1] and "approves it" in report.warnings[1]  # as it does anything
    assert len(report.warnings) == 2
    assert str(report).splitlines()[0] == "Good keeps the promises of a learner"
    assert len(str(report).splitlines()) == 1 + len(report.kept) + len(report.warnings)


def test_check_learner__says_itself_that_it_is_not_reproducible__warned() -> None:
    class Stateful(Unseeded):
        reproducible = False

    report = check_learner(Stateful(), make=Stateful)
    assert any("by its own word" in warning for warning in report.warnings)
    assert not [kept for kept in report.kept if "alike" in kept or "same round" in kept]


def test_check_learner__seeded_by_the_round__no_warning() -> None:
    report = check_learner(Seeded(), make=Seeded)
    assert [warning for warning in report.warnings if "approves it" not in warning] == []
    assert any("alike" in sentence for sentence in report.kept)


def test_check_learner__made_alike_but_not_seeded__named() -> None:
    seeds = iter(range(9))

    class Differs(Good):
        def __init__(self) -> None:
            super().__init__()
            self.seed = next(seeds)

        def mli_propose_weights(self) -> Weights:
            return Weights({"w": self.w + 1 + self.seed, "flags": self.flags.copy()})

    with pytest.raises(LearnerError, match="made alike"):
        check_learner(Differs(), make=Differs)


def test_check_learner__scalar_weights__nothing_to_say_but_the_seed() -> None:
    assert len(check_learner(MeanLearner(0)).warnings) == 1


def test_check_learner__proposes_what_it_has_once__asked_whether_it_trains() -> None:
    class Lazy(Good):
        idle = True

        def mli_begin_round(self, round: int) -> None:
            self.idle = round == 1

        def mli_propose_weights(self) -> Weights:
            return self.mli_get_current_weights() if self.idle else super().mli_propose_weights()

    assert any("did it train" in warning for warning in check_learner(Lazy()).warnings)


def test_check_learner__never_proposes_but_what_it_has__named() -> None:
    class Idle(Good):
        def mli_propose_weights(self) -> Weights:
            return self.mli_get_current_weights()

    with pytest.raises(LearnerError, match="proposed the current weights, 5 times out of 5"):
        check_learner(Idle())


@pytest.mark.parametrize("nothing", [{}, [], {"w": np.zeros(0)}, {"inside": {}}])
def test_check_learner__weights_of_nothing__named(nothing: Any) -> None:
    class Empty(Good):
        def mli_get_current_weights(self) -> Weights:
            return Weights(nothing)

    with pytest.raises(LearnerError, match="its weights are empty"):
        check_learner(Empty())


class Scaling(MachineLearningInterface):
    """It scales its inputs by what it has seen of them, which isn't among its weights."""

    def __init__(self, spread: float = 1.0, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(100, 2)) * spread
        self.y = self.x @ [1.0, 2.0]
        self.w, self.scale = np.zeros(2), self.scale_of(self.x)
        self.test_set = (self.x, self.y)

    def scale_of(self, x: Any) -> Any:
        return x.std(0)

    def error(self, w: Any) -> float:
        return -float(np.mean((self.x / self.scale @ w - self.y) ** 2))

    def mli_propose_weights(self) -> Weights:
        step = (self.x / self.scale).T @ (self.x / self.scale @ self.w - self.y) / 200
        return Weights(self.w - step)

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        now, new = self.error(self.w), self.error(weights.weights)
        return ProposedWeights(weights, vote_score=new, test_score=new, vote=new >= now, current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights.copy()

    def mli_get_current_weights(self) -> Weights:
        return Weights(self.w.copy())

    def mli_make_prediction(self, request: PredictionRequest) -> Prediction:
        return Prediction(request.name, request.input_data / self.scale @ self.w)


class Fixed(Scaling):
    def scale_of(self, x: Any) -> Any:
        return np.ones(2)


def test_check_learner__another_members_that_predicts_otherwise_by_the_same_weights__named() -> None:
    with pytest.raises(LearnerError, match=r"its predictions and those of another member's differ by up to"):
        check_learner(Scaling(), other=Scaling(5.0, seed=1))
    report = check_learner(Fixed(), other=(other := Fixed(5.0, seed=1)))
    assert any("another member's predict the same" in sentence for sentence in report.kept)
    assert not other.w.any(), "it has its own weights again"


def test_check_learner__two_made_alike_with_scales_of_their_own__named() -> None:
    spreads = itertools.count(2.0)
    with pytest.raises(LearnerError, match="those of another that was made alike differ"):
        check_learner(Scaling(), make=lambda: Scaling(next(spreads)))

    class Silent(Scaling):
        mli_make_prediction = None  # type: ignore[assignment]

    with pytest.raises(LearnerError, match="which another that was made alike scores with"):
        check_learner(Silent(), make=lambda: Silent(next(spreads)))
    report = check_learner(Silent(), other=Silent(3.0))
    assert any("couldn't be tried: give it mli_make_prediction" in warning for warning in report.warnings)
    with pytest.raises(LearnerError, match="another member's differ"):
        check_learner(Scaling(), other=Scaling(3.0), inputs=np.ones((3, 2)))


def test_check_learner__a_scale_that_what_it_adopts_moves__named() -> None:
    class Drifting(Scaling):
        def mli_accept_weights(self, weights: Weights) -> None:
            super().mli_accept_weights(weights)
            self.scale = self.scale * 1.1

    with pytest.raises(LearnerError, match=r"the same weights scored .* at first, and .* once others were adopted"):
        check_learner(Drifting())


def test_check_learner__votes_on_another_sample_each_time__warned() -> None:
    class Sampling(Good):
        scores = itertools.count(0.0)

        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            return ProposedWeights(weights, next(self.scores), 0.5, None)

    warnings = check_learner(Sampling()).warnings
    assert any("judged twice" in warning for warning in warnings)
    assert any("abstained" in warning for warning in warnings)


class Bytes(Good):
    """Weights as bytes that are never the same twice, as pickles may be."""

    count = 0

    def mli_get_current_weights(self) -> Weights:
        self.count += 1
        return Weights({"model": json.dumps([self.w.tolist(), self.count]).encode(), "flags": self.flags.copy()})

    def mli_propose_weights(self) -> Weights:
        return self.mli_get_current_weights()

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = np.array(json.loads(weights.weights["model"])[0])
        self.flags = weights.weights["flags"].copy()


def test_check_learner__opaque_bytes__warned_of_and_never_read() -> None:
    warnings = check_learner(Bytes()).warnings
    assert any("opaque bytes (at '/model')" in warning and "unpickles" in warning for warning in warnings)
    assert any("bytes or texts" in warning for warning in warnings)


def test_check_learner__opaque_bytes__what_is_no_bytes_is_compared_all_the_same() -> None:
    class Flips(Bytes):
        def mli_test_weights(self, weights: Weights) -> ProposedWeights:
            self.flags = ~self.flags
            return super().mli_test_weights(weights)

    with pytest.raises(LearnerError, match="mli_test_weights changed"):
        check_learner(Flips())


def test_check_learner__path_of_a_file__warned_that_nobody_else_has_it(tmp_path: Path) -> None:
    class Saves(Good):
        def mli_get_current_weights(self) -> Weights:
            file = tmp_path / "model.json"
            file.write_text(json.dumps(self.w.tolist()))
            return Weights(str(file))

        def mli_propose_weights(self) -> Weights:
            return self.mli_get_current_weights()

        def mli_accept_weights(self, weights: Weights) -> None:
            self.w = np.array(json.loads(Path(weights.weights).read_text()))

    assert any("names a file of this machine" in warning for warning in check_learner(Saves()).warnings)


def test_check_learner__weights_that_are_objects__said_where() -> None:
    class Objects(Good):
        def mli_get_current_weights(self) -> Weights:
            return Weights({"model": object()})

    with pytest.raises(InvalidWeights, match="'/model'"):
        check_learner(Objects())


def test_check_learner__proposes_another_shape__said_who() -> None:
    class Grows(Good):
        def mli_propose_weights(self) -> Weights:
            return Weights({"w": np.zeros(3), "flags": self.flags.copy()})

    with pytest.raises(SchemaMismatch, match="learner Grows proposed weights that nobody can accept"):
        check_learner(Grows())


@pytest.mark.slow
@pytest.mark.tensorflow
def test_check_learner__variables_of_the_model__changes_seen() -> None:
    import keras

    class Variables(Good):
        def __init__(self) -> None:
            self.v = keras.Variable([1.0, 2.0])

        def mli_get_current_weights(self) -> Weights:
            return Weights([self.v])

        def mli_propose_weights(self) -> Weights:
            return Weights([self.v + 1])

        def mli_accept_weights(self, weights: Weights) -> None:
            self.v.assign(weights.weights[0])

    with pytest.raises(LearnerError, match="what mli_get_current_weights returned"):
        check_learner(Variables())


def test_check_learner__budget_is_spent__says_that_it_declines() -> None:
    class Spent(Good):
        def mli_propose_weights(self) -> Weights:
            return Weights(
                self.mli_get_current_weights().weights, TrainingSummary(error_code=ErrorCodes.DP_BUDGET_EXCEEDED)
            )

    warnings = check_learner(Spent()).warnings
    assert any("declined to propose: the privacy budget is spent" in warning for warning in warnings)
