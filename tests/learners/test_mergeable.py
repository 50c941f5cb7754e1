"""Which learners' weights can be merged, and what the others say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

from colearn_ledger.core.merge import why_unmergeable
from colearn_ledger.core.roles import roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import LearnerError
from colearn_ledger.learners.attacks import Attacker
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.xgboost import XGBoostLearner
from tests.kit.learners import LinearLearner

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

DATA = (np.random.default_rng(0).uniform(size=(60, 4)), np.arange(60) % 2)


def said(learner: Any) -> str:
    tree = learner.mli_get_current_weights().weights
    return why_unmergeable(Schema.of(tree, roles_of(learner)), learner)


@pytest.mark.parametrize(
    "estimator",
    [SGDClassifier(), SGDRegressor(), Perceptron(), MLPClassifier(), GaussianNB(), MultinomialNB()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_why_unmergeable__estimators_of_coefficients_and_counts__is_empty(estimator: Any) -> None:
    assert said(SklearnLearner(estimator, DATA, DATA, DATA, classes=[0, 1])) == ""


class MyComponents(IncrementalPCA):  # type: ignore[misc]
    """Somebody's own, of scikit-learn's kind."""


@pytest.mark.parametrize("estimator", [IncrementalPCA(2), MyComponents(2), MiniBatchKMeans(2)])
def test_why_unmergeable__components_and_clusters__says_so(estimator: Any) -> None:
    learner = SklearnLearner(estimator, DATA, DATA, DATA, scorer=lambda e, x, y: 0.0)
    assert "another order or sign" in said(learner)


def test_why_unmergeable__trees__says_so_also_of_an_attacker() -> None:
    forest = ForestLearner(RandomForestClassifier(max_leaf_nodes=4), DATA, DATA, DATA, classes=[0, 1])
    assert "trees of two forests" in said(forest) and said(Attacker(forest)) == said(forest)


def test_why_unmergeable__a_booster__says_so_and_its_bytes_could_not_be_either() -> None:
    booster = XGBoostLearner({"objective": "binary:logistic"}, DATA, DATA, DATA)
    assert "trees of two boosters" in said(booster)
    assert "bytes" in why_unmergeable(Schema.of(booster.mli_get_current_weights().weights))


def test_why_unmergeable__a_learner_that_says_nothing__is_empty_and_no_text_is_a_mistake() -> None:
    learner = LinearLearner(0)
    assert said(learner) == said(Attacker(learner)) == ""
    learner.why_unmergeable = True  # type: ignore[attr-defined]
    with pytest.raises(LearnerError, match="why_unmergeable is True"):
        said(learner)
