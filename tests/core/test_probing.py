"""What one approved proposal could do to a learner: found where it could, and nothing said where it couldn't."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.core.probing import extremes, findings
from colearn_ledger.core.roles import Bounded, roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import InvalidWeights


class Counts(MachineLearningInterface):
    """Goes towards 1 by steps that get smaller with a count, which no score shows."""

    most = math.inf

    def __init__(self, **roles: Any) -> None:
        self.w, self.count = np.zeros(3), np.array(1)
        self.leaf_roles = {f"/{name}": role for name, role in roles.items()}

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy(), "count": self.count.copy()})

    def mli_propose_weights(self) -> Weights:
        if self.count < 0:
            raise ValueError("a count below 0")
        w = self.w + (1.0 - self.w) / (1.0 + min(float(self.count), self.most))
        return Weights({"w": w, "count": self.count + 1})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        score, now = (-float(np.abs(w - 1.0).sum()) for w in (weights.weights["w"], self.w))
        if not math.isfinite(score):
            raise ValueError("no score")
        return ProposedWeights(weights, score, score, bool(score >= now), current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w, self.count = weights.weights["w"].copy(), weights.weights["count"].copy()


def found(learner: Counts) -> list[str]:
    weights = learner.mli_get_current_weights().weights
    said = list(findings(learner, Schema.of(weights, roles_of(learner)), encode(weights)))
    assert encode(learner.mli_get_current_weights().weights) == encode(weights), "it has its weights again"
    return said


def test_findings__a_count_that_no_score_shows__is_named_with_what_to_declare() -> None:
    (said,) = found(Counts())
    assert said.startswith("'/count' of the weights, as large as it can be: the learner approves it, and then ")
    assert "trainings change nothing any more" in said and "Declare it in leaf_roles" in said


class Below(Counts):
    """Forgives a count that is too large, and none that is too small."""

    most = 10.0


def test_findings__training_fails_from_there__says_with_what() -> None:
    (said,) = found(Below())
    assert "'/count' of the weights, as small as it can be" in said
    assert "no training works any more (" in said and "a count below 0" in said


@pytest.mark.parametrize("role", [Bounded(4), "local"])
def test_findings__declared_so_that_no_proposal_spoils_it__nothing(role: Any) -> None:
    assert found(Counts(count=role)) == []


def test_findings__a_learner_that_makes_no_proposal__has_none() -> None:
    class Declines(Counts):
        def mli_propose_weights(self) -> Weights:
            weights = super().mli_propose_weights()
            weights.training_summary = spent()
            return weights

    assert found(Declines()) == []


def spent() -> Any:
    from colearn_ledger.core.summaries import ErrorCodes, TrainingSummary

    return TrainingSummary(error_code=ErrorCodes.DP_BUDGET_EXCEEDED)


def test_extremes__of_floats__are_what_their_dtype_holds() -> None:
    values = extremes(np.array([1.0, -2.0], np.float32))
    limits = np.finfo(np.float32)
    assert values["as large as it can be"].tolist() == [limits.max, limits.max]
    assert values["as small as it can be"].tolist() == [limits.min, limits.min]
    assert values["at 0"].tolist() == [0, 0] and values["at -1"].tolist() == [-1, -1]
    assert values["next to nothing"].tolist() == [limits.tiny, limits.tiny]
    assert values["in another order"].tolist() == [-2, 1]
    assert all(v.dtype == np.float32 and np.isfinite(v).all() for v in values.values())
    assert np.abs(values["many times as large"]).max() > 1e18


def test_extremes__of_scalars__are_scalars_of_the_same_kind() -> None:
    assert all(type(v) is int for v in extremes(3).values()) and extremes(3)["at -1"] == -1
    assert all(type(v) is float for v in extremes(3.0).values())
    assert set(extremes(np.array(3, np.uint8))) >= {"as large as it can be", "at 0"}


@pytest.mark.parametrize("value", [True, "text", b"bytes", None, np.array([], np.float64), np.array([True])])
def test_extremes__of_what_is_no_number__are_none(value: Any) -> None:
    assert extremes(value) == {}


def test_extremes__what_is_as_it_was_or_not_finite__is_left_out() -> None:
    assert set(extremes(np.zeros(2))) == {"as large as it can be", "as small as it can be", "at -1", "next to nothing"}


def test_extremes__integers_many_times_as_large__stay_within_their_dtype() -> None:
    assert extremes(np.array([3, -2], np.int32))["many times as large"].tolist() == [3 * 357913941, -2 * 357913941]


class Refuses(Counts):
    """Finds odd counts itself."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        if not 0 <= weights.weights["count"] < 1000:
            raise InvalidWeights("an odd count")
        return super().mli_test_weights(weights)


def test_findings__what_the_learner_refuses__is_none() -> None:
    assert found(Refuses()) == []


class Strict(Counts):
    """Approves what is better alone: a bad leaf has to come with good weights."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        test = super().mli_test_weights(weights)
        assert isinstance(test.vote_score, float) and test.current_score is not None
        return dataclasses.replace(test, vote=test.vote_score > test.current_score)


def test_findings__approves_what_is_better_alone__is_tried_with_good_weights() -> None:
    (said,) = found(Strict())
    assert "'/count' of the weights, as large as it can be" in said


class Ratio(MachineLearningInterface):
    """Scores a ratio: neither leaf alone can be made large, and both together can."""

    def __init__(self) -> None:
        self.held = {"a": np.array([0.5]), "b": np.array([1.0])}

    def mli_get_current_weights(self) -> Weights:
        return Weights({name: value.copy() for name, value in self.held.items()})

    def mli_propose_weights(self) -> Weights:
        return Weights({"a": self.held["a"] + 0.05, "b": self.held["b"].copy()})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        score, now = (-abs(float(held["a"][0] / held["b"][0]) - 1.0) for held in (weights.weights, self.held))
        return ProposedWeights(weights, score, score, score >= now, current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.held = {name: value.copy() for name, value in weights.weights.items()}


def test_findings__all_leaves_together__are_tried_too() -> None:
    learner = Ratio()
    weights = learner.mli_get_current_weights().weights
    said = list(findings(learner, Schema.of(weights), encode(weights)))
    assert said[-1].startswith(
        "everything of the weights, as large as it can be: the learner approves it, and then train"
    )
