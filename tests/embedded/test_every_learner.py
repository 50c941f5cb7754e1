"""Each kind of learner: in process and on the embedded ledger the same rounds, and the same bytes at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neural_network import MLPClassifier

from colearn_ledger import EmbeddedLedger, InProcess, run
from colearn_ledger.core.learner import Learner
from colearn_ledger.tasks.split import Share, split


def mlp(share: Share, seed: int) -> Learner:
    from colearn_ledger.learners.sklearn import SklearnLearner

    return SklearnLearner(
        MLPClassifier((8,), learning_rate_init=0.02),
        *(share.train, share.vote, share.test),
        classes=[0, 1, 2],
        batch_size=10,
        epochs=5,
        optimizer_state="keep",
        early_stop=3,
        vote_policy="paired:0.1",
        seed=seed,
    )


def forest(share: Share, seed: int) -> Learner:
    from colearn_ledger.learners.forest import ForestLearner

    trees = ExtraTreesClassifier(max_leaf_nodes=8)
    return ForestLearner(trees, share.train, share.vote, share.test, steps_per_round=2, max_trees=5, seed=seed)


def booster(share: Share, seed: int) -> Learner:
    from colearn_ledger.learners.xgboost import XGBoostLearner

    parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2, "subsample": 0.7}
    return XGBoostLearner(parameters, share.train, share.vote, share.test, steps_per_round=2, seed=seed)


def network(share: Share, seed: int) -> Learner:
    from colearn_ledger.tasks import keras_mnist  # noqa: F401  (sets TensorFlow's environment before it is imported)
    from colearn_ledger.learners.keras import KerasLearner  # isort: skip
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return KerasLearner(
        model,
        *(share.train, share.vote, share.test),
        steps_per_round=10,
        optimizer_state="keep",
        vote_policy="paired",
        seed=seed,
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [mlp, forest, booster, network])
def test_run__in_process_and_on_the_ledger__same_votes_scores_and_bytes(make: Callable[[Share, int], Learner]) -> None:
    x, y = load_iris(return_X_y=True)
    shares = split(np.float32(x), y, 3, 0.5, seed=2)

    def outcome(backend: Any) -> tuple[Any, ...]:
        results = run(4, [make(share, i) for i, share in enumerate(shares)], backend=backend)
        rounds = [(r.accepted, r.votes, r.vote_scores, r.vote_records, r.weights_sha256) for r in results.rounds]
        return rounds, results.final_sha256

    assert outcome(InProcess()) == outcome(EmbeddedLedger())
