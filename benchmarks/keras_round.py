"""A learner that trains as much as people do who train on MNIST: what the ledger costs is compared with that.

The network of Keras's own MNIST example (two convolutions of 32 and 64 filters, 35,000 weights), and in each round one
epoch over 12,000 samples, a fifth of MNIST, in batches of 128. The learners' data is what
:func:`~colearn_ledger.tasks.mnist_data.load_mnist` finds; where that is a part of MNIST, samples come several times.
"""

from __future__ import annotations

import numpy as np

from colearn_ledger.tasks.keras_env import keras  # first, since it says how TensorFlow is to run

# isort: split
from colearn_ledger.learners.keras import KerasLearner
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.split import split

__all__ = ["BATCH", "SAMPLES", "make"]

SAMPLES, BATCH = 12_000, 128


def make(index: int, of: int, seed: int = 1, samples: int = SAMPLES) -> KerasLearner:
    """Learner ``index`` of ``of``. ``samples``: how many it trains on in each round."""
    digits = load_mnist()
    share = split(digits.x[..., None] / np.float32(255), digits.y, of, 0.6, seed)[index]
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    steps = max(1, round(samples / BATCH))
    return KerasLearner(model, share.train, share.vote, share.test, steps=steps, batch_size=BATCH, seed=seed + index)
