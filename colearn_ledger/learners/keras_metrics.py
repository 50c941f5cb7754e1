"""Which way a compiled Keras metric is better, and what a Keras model's outputs mean: by classes, never by names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ..errors import UsageError
from .parts import is_several

__all__ = ["KerasGuesses", "compiled_metrics", "is_higher_better", "part_of"]

Array = np.ndarray[Any, Any]

# fmt: off
_UP = (
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "AUC", "Precision", "Recall", "TruePositives",
    "TrueNegatives", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity",
    "SpecificityAtSensitivity", "FBetaScore", "F1Score", "IoU", "BinaryIoU", "MeanIoU", "OneHotIoU",
    "OneHotMeanIoU", "CosineSimilarity", "R2Score", "PearsonCorrelation", "ConcordanceCorrelation",
)
_DOWN = (
    "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError", "LogCoshError", "KLDivergence", "Poisson", "Hinge", "SquaredHinge",
    "CategoricalHinge", "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy",
    "FalsePositives", "FalseNegatives",
)
_UP_FUNCTIONS = (
    "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
)

# fmt: on

# What lies under a compiled loss: probabilities (or logits), a distance to a boundary, or values.
_SHARES = {"binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"} | {
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
}
_MARGINS = {"hinge", "squared_hinge", "categorical_hinge"}
_VALUES = {"mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "huber", "poisson"} | {
    "mean_squared_logarithmic_error",
    "log_cosh",
}
_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error"} | {
    "msle": "mean_squared_logarithmic_error"
}


def compiled_metrics(model: Any) -> dict[str, Any]:
    """The metrics that the model was compiled with, by the names under which it reports them, after an evaluation."""
    found: dict[str, Any] = {}
    for metric in model.metrics:
        if hasattr(metric, "metrics"):  # the one that holds the compiled ones
            found.update(zip(metric.result().keys(), metric.metrics, strict=False))
    return found


def is_higher_better(model: Any, name: str) -> bool | None:
    """Whether more of what the model reports is better; None for a metric that nobody knows."""
    if name == "loss":
        return False
    metric = compiled_metrics(model).get(name)
    if metric is None:
        trackers = getattr(getattr(model, "_compile_loss", None), "metrics", [])
        return False if any(one.name == name for one in trackers) else None
    for names, up in ((_UP, True), (_DOWN, False)):
        if any(type(metric) is getattr(keras.metrics, kind, None) for kind in names):
            return up
    if type(metric) is not keras.metrics.MeanMetricWrapper:
        return None
    function = metric._fn
    if any(function is getattr(keras.metrics, word, None) for word in _UP_FUNCTIONS):
        return True
    mine = str(getattr(function, "__module__", type(function).__module__)).startswith("keras.")
    losses = [one for word, one in vars(keras.losses).items() if not word.startswith("_")]
    return False if mine and (isinstance(function, keras.losses.Loss) or function in losses) else None


def part_of(model: Any, name: str) -> Callable[[Any, Any], Any] | None:
    """What gives each sample's part of what the model reports from targets and predictions; None if it has none."""
    if name == "loss":
        if is_several(model.loss) or isinstance(model.loss, list | tuple | dict):
            return None
        loss: Any = keras.losses.get(model.loss)
        return loss.call if isinstance(loss, keras.losses.Loss) else loss  # type: ignore[no-any-return]
    metric = compiled_metrics(model).get(name)
    if not isinstance(metric, keras.metrics.MeanMetricWrapper):
        return None
    return functools.partial(metric._fn, **metric._fn_kwargs)


class KerasGuesses:
    """A Keras model's outputs in the forms in which scikit-learn's metrics want them.

    Parameters
    ----------
    model: its compiled loss tells what the outputs are.
    outputs: of a set.
    """

    def __init__(self, model: Any, outputs: Any) -> None:
        self._outputs = outputs
        self._loss, self._logits = _loss_of(model)
        if is_several(outputs) or self._loss not in _SHARES | _MARGINS | _VALUES:
            raise UsageError(
                "the criterion is one of scikit-learn's, and nobody knows what this Keras model's outputs mean to it"
                + ("" if is_several(outputs) else f" (the loss is {self._loss!r})"),
                expected="one output, and one of Keras's losses for classes or values",
                fix="criterion=f(targets, outputs), with higher_is_better",
            )

    def targets(self, y: Any) -> Array:
        """As scikit-learn has them: class numbers, or values."""
        values: Array = np.asarray(y)
        if values.ndim > 1 and values.shape[-1] > 1:
            return values if self._loss in _VALUES else np.asarray(values.argmax(-1))
        values = values.reshape(len(values))
        return np.asarray(values > 0, np.int64) if self._loss in _MARGINS else values

    @property
    def labels(self) -> Array:
        values = np.asarray(self._outputs, np.float64)
        if self._loss in _VALUES:
            return values if values.ndim > 1 and values.shape[1] > 1 else values.reshape(len(values))
        if values.ndim > 1 and values.shape[-1] > 1:
            return np.asarray(values.argmax(-1))
        bar = 0.0 if self._loss in _MARGINS or self._logits else 0.5
        return np.asarray(values.reshape(len(values)) > bar, np.int64)

    @property
    def probabilities(self) -> Array:
        values: Array = np.asarray(self._outputs, np.float64)
        one = values.ndim == 1 or values.shape[-1] == 1
        if self._logits and one:
            values = 1 / (1 + np.exp(-values))
        elif self._logits:
            values = np.exp(values - np.logaddexp.reduce(values, axis=-1, keepdims=True))
        elif self._loss in _SHARES and not one:
            values = values / values.sum(axis=-1, keepdims=True)  # to the last bit, which some metrics insist on
        share: Array = values.reshape(len(values)) if one else values[:, 1] if values.shape[-1] == 2 else values
        return share


def _loss_of(model: Any) -> tuple[str, bool]:
    """The compiled loss's usual name, and whether it takes logits; empty for one that isn't Keras's."""
    loss = model.loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss) and type(loss).__module__.startswith("keras."):
        config = loss.get_config()
        function = getattr(loss, "fn", None)
        name = getattr(function, "__name__", "")
        logits = bool(config.get("from_logits", getattr(loss, "_fn_kwargs", {}).get("from_logits", False)))
        return _SHORT.get(name, name), logits
    if str(getattr(loss, "__module__", "")).startswith("keras."):
        return getattr(loss, "__name__", ""), False
    return "", False
