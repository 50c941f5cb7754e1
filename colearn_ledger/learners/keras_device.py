"""Where Keras computes for a learner: the device on which its model was made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from ..errors import UsageError
from .memory import first_words

__all__ = ["KerasDevice"]


class KerasDevice:
    """The device of a Keras model, whichever backend Keras has.

    Parameters
    ----------
    model: its variables are where they were made.
    wanted: None for where that is, else ``"cpu"``, ``"gpu"`` or ``"gpu:1"``.
    deterministic: have the backend take algorithms alone that give the same bytes each time. For the whole process.

    Attributes
    ----------
    name: ``"cpu"`` or ``"gpu:0"``.
    reproducible: whether the same computation gives the same bytes, as far as the device is concerned.

    Raises UsageError where there is no such device, or the model lies on another.
    """

    def __init__(self, model: keras.Model, wanted: str | None, deterministic: bool) -> None:
        self.name = _place_of(model.variables[0].value if model.variables else keras.ops.zeros(1))
        self._wanted = wanted
        if wanted is not None:
            found = _probe(wanted)
            if found != self.name:
                raise UsageError(
                    f"the device is {wanted!r}, and the Keras model's variables lie on {self.name}",
                    expected="a model that was made where it is to compute",
                    fix=f"make it inside `with keras.device({wanted!r}):`",
                )
        if deterministic:
            _make_deterministic()
        self.reproducible = self.name == "cpu" or deterministic

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """What is computed here is computed there."""
        if self._wanted is None:
            yield
            return
        with keras.device(self._wanted):
            yield


def _probe(wanted: str) -> str:
    """The device's name, as :func:`_place_of` has it."""
    try:
        with keras.device(wanted):
            found = _place_of(keras.ops.zeros(1))
    except Exception as error:  # each backend has an error of its own
        raise _missing(wanted, first_words(error)) from None
    if (found == "cpu") != wanted.lower().startswith("cpu"):  # TensorFlow may take another one without a word
        raise _missing(wanted, f"Keras takes {found}")
    return found


def _missing(wanted: str, why: str) -> UsageError:
    return UsageError(
        f"there is no device {wanted!r} for Keras here: {why}",
        expected="cpu, or gpu, gpu:0, ... where the backend of Keras finds one",
        fix="leave device out, or install the GPU's driver and a build of the backend for it",
    )


def _place_of(tensor: Any) -> str:
    """``cpu``, or ``gpu:0``: TensorFlow, PyTorch and JAX each have a way to say it."""
    place = str(getattr(tensor, "device", "cpu")).lower()
    if "cpu" in place or not place:
        return "cpu"
    number = place.rpartition(":")[2]
    return f"gpu:{number if number.isdigit() else 0}"


def _make_deterministic() -> None:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import os

        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    else:
        raise UsageError(
            f"deterministic=True with Keras's backend {backend}",
            expected="tensorflow or torch",
            fix="leave deterministic out; for JAX set XLA_FLAGS=--xla_gpu_deterministic_ops=true",
        )
