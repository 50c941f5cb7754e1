"""What a PyTorch module's outputs mean, known by its loss; and which way a metric is better, never by its name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch.nn import functional as F

from ..errors import UsageError

__all__ = ["Kind", "TorchGuesses", "accuracy", "accuracy_for", "direction_of", "kind_of", "numbers"]

Array = np.ndarray[Any, Any]
Kind = Literal["logits", "log-shares", "binary logits", "binary shares", "values", ""]

_KINDS: dict[Any, Kind] = {
    F.cross_entropy: "logits",
    F.multi_margin_loss: "logits",
    F.nll_loss: "log-shares",
    F.binary_cross_entropy_with_logits: "binary logits",
    F.soft_margin_loss: "binary logits",
    F.binary_cross_entropy: "binary shares",
    F.mse_loss: "values",
    F.l1_loss: "values",
    F.smooth_l1_loss: "values",
    F.huber_loss: "values",
    F.poisson_nll_loss: "values",
    F.gaussian_nll_loss: "values",
}
_CLASSES: dict[type, Kind] = {
    torch.nn.CrossEntropyLoss: "logits",
    torch.nn.MultiMarginLoss: "logits",
    torch.nn.NLLLoss: "log-shares",
    torch.nn.BCEWithLogitsLoss: "binary logits",
    torch.nn.SoftMarginLoss: "binary logits",
    torch.nn.BCELoss: "binary shares",
    torch.nn.MSELoss: "values",
    torch.nn.L1Loss: "values",
    torch.nn.SmoothL1Loss: "values",
    torch.nn.HuberLoss: "values",
    torch.nn.PoissonNLLLoss: "values",
    torch.nn.GaussianNLLLoss: "values",
}
_FURTHER_LOSSES = (F.kl_div, F.hinge_embedding_loss, F.cosine_embedding_loss, F.multilabel_margin_loss)


def kind_of(loss: Any) -> Kind:
    """What the loss takes as outputs; empty for one that isn't PyTorch's."""
    loss = _inner(loss)
    found = _CLASSES.get(type(loss), "")
    if not found and callable(loss):
        found = next((kind for known, kind in _KINDS.items() if known is loss), "")
    return found


def direction_of(metric: Any) -> bool | None:
    """Whether more of it is better; None for what nobody knows."""
    if metric is accuracy:
        return True
    told = getattr(metric, "higher_is_better", None)  # as torchmetrics' have it
    if isinstance(told, bool):
        return told
    inner = _inner(metric)
    if inner is F.cosine_similarity or type(inner) is torch.nn.CosineSimilarity:
        return True
    known = kind_of(inner) or any(inner is loss for loss in _FURTHER_LOSSES)
    return False if known or _is_torchs_loss(inner) else None


def accuracy(output: Any, target: Any) -> Any:
    """Whether each sample's guess is right: the largest of its outputs, or the sign of its only one.

    Raises ValueError where targets are no classes of such outputs.
    """
    if output.ndim > 1 and output.shape[-1] > 1:
        return _same(output.argmax(-1), target)
    return _same(_two(output, target) > 0, target > 0.5)


def accuracy_for(kind: Kind) -> Callable[[Any, Any], Any]:
    """:func:`accuracy` for the outputs that a loss takes."""
    if kind == "binary shares":
        return functools.partial(_binary, bar=0.5)
    if kind == "binary logits":
        return functools.partial(_binary, bar=0.0)
    return _classes if kind in ("logits", "log-shares") else accuracy


def numbers(y: Any) -> str:
    """Why these targets are no classes; empty where they may be."""
    if not isinstance(y, np.ndarray) or y.dtype.kind != "f":
        return ""
    return "" if np.isin(y[:10000], (-1.0, 0.0, 1.0)).all() else "numbers that aren't 0 or 1"


class TorchGuesses:
    """A module's outputs in the forms in which scikit-learn's metrics want them: arrays."""

    def __init__(self, kind: Kind, outputs: Any) -> None:
        if not kind or not isinstance(outputs, torch.Tensor):
            raise UsageError(
                "the criterion is one of scikit-learn's, and nobody knows what this module's outputs mean to it",
                expected="one tensor, and one of PyTorch's losses for classes or values",
                fix="criterion=f(targets, outputs), with higher_is_better, or a metric",
            )
        self._kind: Kind = kind
        self._outputs: Array = outputs.double().cpu().numpy()

    def targets(self, y: Array) -> Array:
        """As scikit-learn has them: class numbers, or values."""
        if self._kind == "values" or y.ndim == 1:
            return y
        if y.shape[-1] > 1 and self._kind in ("logits", "log-shares"):
            return np.asarray(y.argmax(-1))
        return y.reshape(len(y)) if y.shape[-1] == 1 else y

    @property
    def labels(self) -> Array:
        values = self._outputs
        if self._kind == "values":
            return values.reshape(len(values)) if values.ndim > 1 and values.shape[1] == 1 else values
        if self._kind in ("logits", "log-shares"):
            return np.asarray(values.argmax(1))
        guess = (values > (0.5 if self._kind == "binary shares" else 0.0)).astype(np.int64)
        return guess.reshape(len(guess)) if guess.ndim > 1 and guess.shape[1] == 1 else guess

    @property
    def probabilities(self) -> Array:
        values = self._outputs
        if self._kind in ("logits", "log-shares"):
            share: Array = np.exp(values - np.logaddexp.reduce(values, axis=1, keepdims=True))
            return share[:, 1] if share.shape[1] == 2 else share
        if self._kind == "binary logits":
            values = 1 / (1 + np.exp(-values))
        return values.reshape(len(values)) if values.ndim > 1 and values.shape[1] == 1 else values


def _classes(output: Any, target: Any) -> Any:
    """Of outputs whose second dimension is the classes, and targets that are their numbers or shares."""
    if output.ndim < 2 or output.shape[1] < 2:
        raise ValueError("the module has one output for each sample, and the loss is for several classes")
    return _same(output.argmax(1), target.argmax(1) if target.shape == output.shape else target)


def _binary(output: Any, target: Any, *, bar: float) -> Any:
    if output.numel() != target.numel():
        raise ValueError(f"outputs of shape {tuple(output.shape)} and targets of shape {tuple(target.shape)}")
    return (output.reshape(target.shape) > bar) == (target > 0.5)


def _two(output: Any, target: Any) -> Any:
    if not ((target == 0) | (target == 1) | (target == -1)).all():
        raise ValueError("an accuracy of one output for each sample, and targets that aren't 0 and 1")
    if output.numel() != target.numel():
        raise ValueError(f"outputs of shape {tuple(output.shape)} and targets of shape {tuple(target.shape)}")
    return output.reshape(target.shape)


def _same(guess: Any, target: Any) -> Any:
    if guess.shape != target.shape:
        raise ValueError(f"guesses of shape {tuple(guess.shape)} and targets of shape {tuple(target.shape)}")
    return guess == target


def _inner(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is_torchs_loss(function: Any) -> bool:
    return isinstance(function, torch.nn.Module) and type(function).__module__ == "torch.nn.modules.loss"
