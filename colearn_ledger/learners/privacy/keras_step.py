"""One step of DP-SGD for a Keras model on TensorFlow: every sample's own gradient, clipped; their sum, with noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...errors import LearnerError
from .accountant import only_errors

__all__ = ["PrivateStep"]

Array = np.ndarray[Any, Any]


class PrivateStep:
    """A training step that no sample can move by more than ``clip / batch_size``, up to noise.

    Parameters
    ----------
    model: compiled, built, and its optimizer built.
    clip: norm that each sample's gradient is clipped to.
    noise_multiplier: standard deviation of the noise in units of ``clip``.
    batch_size: the mean size of a sample, by which the noisy sum is divided.

    Raises
    ------
    LearnerError: the model mixes the samples of a batch (batch normalization), so that none has a gradient of its own.
    """

    def __init__(self, model: keras.Model, *, clip: float, noise_multiplier: float, batch_size: int) -> None:
        mixing = [layer.name for layer in _layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
        if mixing:
            raise LearnerError(
                f"the Keras model has batch normalization ({', '.join(mixing)}), which mixes the samples of a batch",
                expected="a model in which every sample has a gradient of its own, for differential privacy",
                fix="use LayerNormalization or GroupNormalization",
            )
        self._model = model
        self._clip, self._noise, self._batch_size = clip, noise_multiplier, batch_size
        # Poisson samples differ in size and TensorFlow traces every shape: pieces of one size, most often one piece.
        self._piece = math.ceil(batch_size + 3 * math.sqrt(batch_size))
        self._clipped = tf.function(self._clipped_gradients)
        self._apply = tf.function(lambda gradients: model.optimizer.apply(gradients, model.trainable_variables))

    def __call__(self, x: Array, y: Array, rng: np.random.Generator) -> None:
        """Take one step on these samples; there may be none."""
        scale = self._noise * self._clip
        noisy = []
        for total in self.clipped_sum(x, y):
            noise = rng.standard_normal(total.shape, np.float32) * np.float32(scale)
            noisy.append(tf.constant((total + noise) / np.float32(self._batch_size)))
        with only_errors("tensorflow"):  # each learner has a model of its own, traced on its own: that's no mistake
            self._apply(noisy)

    def clipped_sum(self, x: Array, y: Array) -> list[Array]:
        """The sum of the samples' clipped gradients, for each trainable variable."""
        sums = [np.zeros(v.shape, np.float32) for v in self._model.trainable_variables]
        for start in range(0, len(x), self._piece):
            rows = np.arange(start, min(start + self._piece, len(x)))
            there = np.zeros(self._piece, np.float32)
            there[: len(rows)] = 1
            rows = np.resize(rows, self._piece)  # filled up with samples that then don't count
            with only_errors("tensorflow"):  # as it traces, it warns of what it vectorizes less well
                gradients = self._clipped(x[rows], y[rows], there)
            for total, gradient in zip(sums, gradients, strict=True):
                total += gradient.numpy()
        return sums

    def _clipped_gradients(self, x: Any, y: Any, there: Any) -> list[Any]:
        gradients = tf.vectorized_map(self._gradients, (x, y))
        flat = [tf.reshape(g, (self._piece, -1)) for g in gradients]
        norms = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(g), 1) for g in flat]))
        # a gradient that isn't finite counts as none: it has no direction
        factors = tf.where(tf.math.is_finite(norms), there * self._clip / tf.maximum(norms, self._clip), 0.0)
        return [
            tf.reduce_sum(tf.math.multiply_no_nan(g, tf.reshape(factors, (-1,) + (1,) * (len(g.shape) - 1))), 0)
            for g in gradients
        ]

    def _gradients(self, sample: tuple[Any, Any]) -> list[Any]:
        """One sample's gradient. What the layers would remember of it (their state) is dropped."""
        model = self._model
        x, y = sample[0][None], sample[1][None]
        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        with tf.GradientTape() as tape:
            guess, _, losses = model.stateless_call(trainable, fixed, x, training=True, return_losses=True)
            # of the losses that layers add, compute_loss knows those of the weights alone
            added = losses[: len(losses) - len(model.losses)]
            loss = tf.add_n([model.compute_loss(x=x, y=y, y_pred=guess), *added])
        gradients = tape.gradient(loss, trainable)
        return [
            tf.zeros(v.shape) if g is None else tf.cast(tf.convert_to_tensor(g), tf.float32)
            for g, v in zip(gradients, trainable, strict=True)
        ]


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)
