"""The Keras learner with PyTorch as Keras's backend, in a process of its own: a process has one backend."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("keras", reason="Keras is not installed")

pytestmark = pytest.mark.slow

PROGRAM = """
import numpy as np
import keras
from colearn_ledger import check_learner, run
from colearn_ledger.learners.keras import KerasLearner
assert keras.backend.backend() == "torch"

def model():
    keras.utils.set_random_seed(7)
    layers = keras.layers
    net = keras.Sequential([keras.Input((6,)), layers.Dense(16, "relu"), layers.BatchNormalization(),
        layers.Dropout(0.1), layers.Dense(2, "softmax")])
    net.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net

def learner(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (600, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    sets = [(x[:200], y[:200]), (x[200:400], y[200:400]), (x[400:], y[400:])]
    return KerasLearner(model(), *sets, steps_per_round=20, seed=seed, vote_policy="margin:-0.02", device="cpu")

check_learner(learner(1), make=lambda: learner(1))
results = run(4, [learner(i) for i in range(2)])
assert min(results.rounds[-1].current_scores) > 0.75, results.rounds[-1]
"""


def test_keras_on_pytorch__check_and_run__keeps_the_promises_and_learns() -> None:
    more = {"KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | more, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
