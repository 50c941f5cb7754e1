"""Handwritten digits and a small convolutional network."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..core.learner import Learner
from . import Prepared
from .mnist_data import load_mnist
from .split import split

__all__ = ["make_learners", "make_model"]

# Read by TensorFlow when it is imported. One thread each, because several learners share the cores and the sums then
# come out in one order; oneDNN off for the same bits on every processor that has it or not. A user's own values win.
for _name, _value in {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}.items():
    os.environ.setdefault(_name, _value)

import keras  # noqa: E402

from ..learners.keras import KerasLearner  # noqa: E402

# Every learner has a model of its own, which is traced on its own; TensorFlow takes that for a mistake and warns.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

STEPS = 60


def make_model(seed: int, learning_rate: float) -> keras.Model:
    """A network of about 52,000 weights."""
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


def make_learners(
    n_learners: int,
    data_dir: Path | None,
    train_ratio: float | None,
    seed: int,
    learning_rate: float | None,
    batch_size: int | None,
    say: Callable[[str], None] = lambda text: None,
) -> Prepared:
    """Make the learners; see :meth:`colearn_ledger.tasks.Task.make_learners`."""
    say("loading MNIST")
    digits = load_mnist(data_dir)
    if train_ratio is None:
        # a small collection gives more to the vote sets: below some 200 samples votes are mostly noise
        train_ratio = 0.8 if len(digits.x) >= 2000 * n_learners else 0.6
    shares = split((digits.x[..., None] / np.float32(255)), digits.y, n_learners, train_ratio, seed)
    say("making the models")
    learners: list[Learner] = [
        KerasLearner(
            make_model(seed, 0.001 if learning_rate is None else learning_rate),
            share.train,
            share.vote,
            share.test,
            steps=STEPS,
            batch_size=32 if batch_size is None else batch_size,
            seed=seed + i,
        )
        for i, share in enumerate(shares)
    ]
    return Prepared(learners, digits.source)
