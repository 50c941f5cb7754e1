"""What a stranger's weights do to the ready-made learners, leaf by leaf at its extremes: refused, or outlived."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import PassiveAggressiveClassifier, Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor

from colearn_ledger import EmbeddedLedger, run
from colearn_ledger.core.asking import ask_accept, ask_current, ask_judge, ask_proposal
from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.probing import extremes
from colearn_ledger.core.roles import roles_of
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.tensors import plain
from colearn_ledger.core.tree import with_parts
from colearn_ledger.core.weights import decode, encode, parts_of_data
from colearn_ledger.errors import InvalidWeights
from colearn_ledger.learners.attacks import Attacker, BlowUp, UnscoredState
from colearn_ledger.learners.forest import ForestLearner
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.learners.xgboost import XGBoostLearner

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::FutureWarning")

CLASSES = 3


def share(index: int, values: bool = False) -> tuple[Any, Any, Any]:
    """Counts around one of three centres, the same for everybody: something to learn, and to learn better."""
    centres = np.random.default_rng(1).uniform(1, 9, (CLASSES, 6))
    rng = np.random.default_rng([2, index])
    y = rng.integers(0, CLASSES, 900)
    x = rng.poisson(centres[y]).astype(np.float64)
    target = (x @ np.linspace(-1, 1, 6) / 5 + rng.normal(0, 0.1, 900)) if values else y
    return tuple((x[part], target[part]) for part in (slice(0, 300), slice(300, 600), slice(600, 900)))  # type: ignore[return-value]


def sklearn_learner(estimator: Any, index: int = 0, values: bool = False, **options: Any) -> SklearnLearner:
    classes = {} if values else {"classes": np.arange(CLASSES)}
    return SklearnLearner(estimator, *share(index, values), **classes, seed=index, **options)


def forest(index: int) -> ForestLearner:
    estimator = RandomForestClassifier(max_leaf_nodes=4)
    return ForestLearner(
        estimator, *share(index), classes=np.arange(CLASSES), steps_per_round=1, max_trees=5, seed=index
    )


def booster(index: int) -> XGBoostLearner:
    parameters = {"objective": "multi:softprob", "num_class": CLASSES, "max_depth": 2}
    return XGBoostLearner(parameters, *share(index), steps_per_round=2, seed=index)


SKLEARN: dict[str, tuple[Callable[[], Any], bool]] = {
    "SGDClassifier": (SGDClassifier, False),
    "SGDClassifier invscaling": (lambda: SGDClassifier(learning_rate="invscaling", eta0=0.5), False),
    "SGDRegressor": (lambda: SGDRegressor(eta0=0.0005), True),
    "Perceptron": (Perceptron, False),
    "PassiveAggressiveClassifier": (PassiveAggressiveClassifier, False),
    "MLPClassifier": (lambda: MLPClassifier((4,), learning_rate_init=0.01), False),
    "MLPRegressor": (lambda: MLPRegressor(hidden_layer_sizes=(4,), learning_rate_init=0.01), True),
    "GaussianNB": (GaussianNB, False),
    "MultinomialNB": (MultinomialNB, False),
    "BernoulliNB": (lambda: BernoulliNB(binarize=3.0), False),
    "ComplementNB": (ComplementNB, False),
}
MAKERS: dict[str, Callable[[int], Any]] = {
    **{n: (lambda i, m=m, v=v: sklearn_learner(m(), i, v, batch_size=30)) for n, (m, v) in SKLEARN.items()},  # type: ignore[misc]
    "RandomForestClassifier": forest,
    "XGBoost": booster,
}


def holding(learner: Any) -> Held:
    """What the learner holds now, as a driver knows it."""
    tree = ask_current(learner).weights
    held = Held(Schema.of(tree, roles_of(learner)), encode(tree))
    ask_accept(learner, Weights(held.tree()), schema=held.schema)
    return held


def adopt(learner: Any, schema: Schema, data: bytes) -> Held:
    held = Held(schema, data)
    ask_accept(learner, Weights(held.tree()), schema=schema)
    return held


def vote(learner: Any, held: Held, data: bytes) -> bool:
    """Its vote; what can't be tested isn't approved."""
    try:
        return ask_judge(learner, Weights(decode(data, held.schema)), held=held).vote is True
    except (InvalidWeights, ValueError):  # scikit-learn's scorers raise ValueError where predictions overflow
        return False


def score(learner: Any, held: Held) -> float:
    return float(learner.mli_test_weights(Weights(held.tree())).vote_value)


SLOW = {"SGDRegressor", "MLPRegressor", "MLPClassifier", "ComplementNB", "BernoulliNB", "Perceptron", "GaussianNB"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MAKERS]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_learner__each_leaf_of_good_weights_at_its_extremes__is_refused_or_training_goes_on(name: str) -> None:
    trainer, voter = MAKERS[name](0), MAKERS[name](1)
    first = holding(trainer)
    schema = first.schema
    _, data = ask_proposal(trainer, 1, schema, held=first)
    honest = score(voter, adopt(voter, schema, data))
    tried = outlived = 0
    for path, value in parts_of_data(data).items():
        for what, extreme in extremes(value).items():
            tried += 1
            held = adopt(voter, schema, bytes(first.data or b""))
            bad = encode(with_parts(decode(data), {path: extreme}))
            if not vote(voter, held, bad):
                continue
            held, reached = adopt(voter, schema, bad), []
            for round in (2, 3, 4):
                _, trained = ask_proposal(voter, round, schema, held=held)
                assert trained != bytes(held.data or b""), f"{path} {what}: training came to nothing"
                held = adopt(voter, schema, trained)
                reached.append(score(voter, held))
            assert max(reached) >= honest - 0.1, f"{path} {what}"
            outlived += 1
    assert tried > outlived or name == "XGBoost"  # whose weights are bytes, and of whose leaves none is a number


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_check_learner__a_ready_made_learner__has_no_leaf_that_ends_training(name: str) -> None:
    found = check_learner(MAKERS[name](0)).warnings
    assert [warning for warning in found if "approves it" in warning] == []


class Undeclared(SklearnLearner):
    """As a learner that declares no roles."""

    leaf_roles = {}  # type: ignore[assignment] # noqa: RUF012


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator, leaf, says",
    [
        (MLPClassifier((4,)), "/t_", "no training works"),
        (SGDClassifier(learning_rate="invscaling", eta0=0.5), "/t_", "change nothing any more"),
        (GaussianNB(), "/class_count_", "no training works|change nothing"),
    ],
)
def test_check_learner__a_leaf_without_its_role__is_named_with_what_to_declare(
    estimator: Any, leaf: str, says: str
) -> None:
    learner = Undeclared(estimator, *share(0), classes=np.arange(CLASSES), batch_size=30)
    found = [warning for warning in check_learner(learner).warnings if leaf in warning]
    assert len(found) == 1 and "leaf_roles" in found[0] and "Bounded" in found[0]
    assert any(word in found[0] for word in says.split("|"))


class Sets(Attacker):
    """Trains honestly, and proposes that with other values at one place."""

    unbounded = True

    def __init__(self, learner: Any, path: str, change: Callable[[Any], Any]) -> None:
        super().__init__(learner)
        self.path, self.change = path, change

    def mli_propose_weights(self) -> Weights:
        tree = plain(self._learner.mli_propose_weights().weights)
        return Weights(with_parts(tree, {self.path: self.change(tree[self.path.strip("/")])}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, path, change",
    [
        ("SGDClassifier", "/t_", lambda t: np.full_like(t, 2**63 - 1)),
        ("MLPClassifier", "/t_", lambda t: np.full_like(t, 2**63 - 1)),
        ("GaussianNB", "/class_count_", lambda c: c * 1e200),
        ("MultinomialNB", "/class_count_", lambda c: c * 1e200),
    ],
)
def test_embedded_ledger__state_that_no_prediction_shows__is_rejected_and_learning_goes_on(
    name: str, path: str, change: Callable[[Any], Any]
) -> None:
    learners = [MAKERS[name](0), MAKERS[name](1), Sets(MAKERS[name](2), path, change)]
    results = run(9, learners, 0.4, backend=EmbeddedLedger())  # one of the two others is enough
    hostile = results.rounds[2::3]
    assert not any(r.accepted or r.declined for r in hostile)
    assert all(score is None for r in hostile for score in r.vote_scores[:2])  # not even tested
    honest = [r for r in results.rounds if r.round % 3]
    assert any(r.accepted for r in honest) and not any(r.declined for r in honest)
    before, last = results.rounds[0].vote_scores, honest[-1].vote_scores  # nobody's training was stopped
    assert all(s is not None for s in (*before, *last)) and np.mean(last) >= np.mean(before) - 0.05  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, attack",
    [
        ("SGDClassifier", UnscoredState),
        ("SGDClassifier", BlowUp),
        ("MLPClassifier", UnscoredState),
        ("MLPClassifier", BlowUp),
        ("GaussianNB", UnscoredState),  # its weights have no common scale to be blown up
    ],
)
def test_run__honest_training_with_a_hidden_change__is_rejected(name: str, attack: type[Attacker]) -> None:
    learners = [MAKERS[name](0), MAKERS[name](1), attack(MAKERS[name](2))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = run(9, learners, 0.4)
    assert not any(r.accepted for r in results.rounds[2::3])
    assert any(r.accepted for r in results.rounds)
