"""Learners whose models are taken home, made by a factory from nothing but a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier

from colearn_ledger.learners.saved import SavedFile
from colearn_ledger.learners.sklearn import SklearnLearner
from colearn_ledger.tasks.split import split

__all__ = ["classifier", "failing", "network", "unspeakable"]


def classifier(seed: int = 0, features: int = 4) -> SklearnLearner:
    """A linear classifier of flowers, by the first so many of their four features."""
    x, y = load_iris(return_X_y=True)
    (share, _) = split(np.float64(x[:, :features]), y, 2, 0.5, seed=1)
    return SklearnLearner(SGDClassifier(), share.train, share.vote, share.test, classes=[0, 1, 2], seed=seed)


def network(seed: int = 0) -> Any:
    """The same as a Keras model; TensorFlow is loaded only then."""
    from colearn_ledger.learners.keras import KerasLearner
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    x, y = load_iris(return_X_y=True)
    (share, _) = split(np.float32(x), y, 2, 0.5, seed=1)
    return KerasLearner(net, share.train, share.vote, share.test, seed=seed)


class Unspeakable(SklearnLearner):
    """Its framework can't write it down."""

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        (folder / "half").write_text("of it")
        raise NotImplementedError("no get_config")


def unspeakable() -> SklearnLearner:
    learner = classifier()
    learner.__class__ = Unspeakable
    return learner


def failing(**_: Any) -> SklearnLearner:
    raise RuntimeError("no licence for this data")
