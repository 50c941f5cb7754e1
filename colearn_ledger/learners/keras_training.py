"""All that a training of a Keras model goes on from, as arrays and texts, for its checkpoint."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["read_training", "write_training"]

Array = np.ndarray[Any, Any]


def read_training(model: keras.Model) -> dict[str, Any]:
    """Copies of all variables of the model (layers' generators among them) and its optimizer, and the generators that
    ``keras.utils.set_random_seed`` seeds, as far as they can be read: TensorFlow's own counts can't."""
    _, keys, *rest = np.random.get_state(legacy=True)
    return {
        "model": [_array(v) for v in model.variables],
        "optimizer": [_array(v) for v in model.optimizer.variables],
        "numpy": [np.array(keys), *map(float, rest)],
        "python": json.dumps(random.getstate()),
    }


def write_training(model: keras.Model, state: Mapping[str, Any]) -> None:
    """The other way round. Raises ValueError where they are another model's."""
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, state[name], strict=True):
            variable.assign(value)  # it checks the shape
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys, int(position), int(has_gauss), float(cached)))
    version, internal, gauss = json.loads(state["python"])
    random.setstate((version, tuple(internal), gauss))


def _array(variable: Any) -> Array:
    return np.array(keras.ops.convert_to_numpy(variable), copy=True)
