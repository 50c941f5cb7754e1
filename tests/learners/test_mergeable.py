"""Which learners' weights can be merged, and what the others say."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler
from sklearn.utils import all_estimators

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.merge import DEFAULT_ORDER, Rule, why_unmergeable
from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.roles import roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.founding.establish import Founding, prepare
from colearn_ledger.learners.attacks import Attacker
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.learners.loading.first_weights import first_weights
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.xgboost import XGBoostLearner
from colearn_ledger.tasks import get_task
from colearn_ledger.tasks.training import Training
from tests.kit.learners import LinearLearner

TAKEN = {
    "BernoulliNB", "BernoulliRBM", "CategoricalNB", "ComplementNB", "GaussianNB", "MLPClassifier", "MLPRegressor",
    "MultinomialNB", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "Perceptron", "SGDClassifier",
    "SGDOneClassSVM", "SGDRegressor", "StandardScaler",
}  # fmt: skip
REFUSED = {
    "Birch", "HashingVectorizer", "IncrementalPCA", "LatentDirichletAllocation", "MaxAbsScaler", "MinMaxScaler",
    "MiniBatchKMeans", "MiniBatchDictionaryLearning", "MiniBatchNMF",
}  # fmt: skip

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


@pytest.mark.parametrize("estimator", [MinMaxScaler(), MaxAbsScaler()])
def test_why_unmergeable__extremes__says_so(estimator: Any) -> None:
    learner = SklearnLearner(estimator, DATA, DATA, DATA, scorer=lambda e, x, y: 0.0)
    assert "nobody's extreme" in said(learner)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_why_unmergeable__every_estimator_that_a_learner_takes__is_known_to_be_sound_or_is_refused() -> None:
    """A release of scikit-learn with another one fails here: somebody has to say which of the two it is."""
    refused, taken = set(), set()
    for name, kind in all_estimators():
        if hasattr(kind, "partial_fit") and "estimator" not in signature(kind).parameters:
            sizes = {"n_components", "n_clusters"} & set(signature(kind).parameters)
            try:
                learner = SklearnLearner(
                    kind(**dict.fromkeys(sizes, 2)), DATA, DATA, DATA, classes=[0, 1], scorer=lambda e, x, y: 0.0
                )
            except LearnerError:  # what it learns is no numbers
                assert name in ("Birch", "HashingVectorizer")
                refused.add(name)
                continue
            (refused if said(learner) else taken).add(name)
    assert refused <= REFUSED and taken <= TAKEN and len(refused | taken) > 18


@pytest.mark.tensorflow
def test_why_unmergeable__keras__is_empty() -> None:
    learner = get_task("KERAS_MNIST").make_learners(2, Training()).learners[0]
    assert said(learner) == ""


@pytest.mark.slow
def test_why_unmergeable__pytorch__is_empty() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from colearn_ledger.learners.torch import TorchLearner

    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    x, y = DATA[0].astype(np.float32), DATA[1]
    learner = TorchLearner(net, (x, y), (x, y), (x, y), optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    assert said(learner) == ""


def forest() -> ForestLearner:
    return ForestLearner(RandomForestClassifier(max_leaf_nodes=4), DATA, DATA, DATA, classes=[0, 1])


def booster() -> XGBoostLearner:
    return XGBoostLearner({"objective": "binary:logistic"}, DATA, DATA, DATA)


def components() -> SklearnLearner:
    return SklearnLearner(IncrementalPCA(2), DATA, DATA, DATA, scorer=lambda e, x, y: 0.0)


class _Holds(LinearLearner):
    """Whose weights have a leaf of this kind."""

    def __init__(self, odd: Any) -> None:
        super().__init__(0)
        self._odd = odd

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self._w.copy(), "odd": self._odd})


def texts() -> LinearLearner:
    return _Holds("a text")


def opaque() -> LinearLearner:
    return _Holds(b"bytes")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, why",
    [
        ("forest", "trees of two forests"),
        ("booster", "trees of two boosters"),
        ("components", "another order or sign"),
        ("texts", "'/odd' of the weights is a text"),
        ("opaque", "'/odd' of the weights is bytes"),
    ],
)
def test_plan__joint_rounds_of_what_cannot_be_merged__are_refused_and_solo_rounds_are_not(kind: str, why: str) -> None:
    chain, made = EmbeddedChain(2), first_weights(LearnerSpec(f"{__name__}:{kind}"))
    members = [account.address for account in chain.accounts]

    def planned(order: tuple[Rule, ...], rules: Rules) -> Founding:
        return prepare(
            chain.web3, members[0], members, made.weights, schema=made.schema, rules=rules, merge_order=order,
            why_unmergeable=made.why_unmergeable,
        )  # fmt: skip

    with pytest.raises(UsageError, match=why) as refused:
        planned(DEFAULT_ORDER, Rules(train_window=60))
    assert refused.value.fix is not None and "leave out --joint" in refused.value.fix
    assert planned((), Rules()).genesis.merge_order == ()


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
