"""All that a training of a scikit-learn estimator goes on from, as arrays and numbers, for its checkpoint.

That is more than its weights: an optimizer's moments, a generator, counts of steps without an improvement. What an
estimator has beside plain values, its first fit has made, and no training changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .sklearn_state import all_estimators

__all__ = ["OPTIMIZER", "read_training", "write_training"]

OPTIMIZER, GENERATOR = "_optimizer", "_random_state"


def read_training(estimator: Any) -> list[dict[str, Any]]:
    """Of the estimator and each inside it what it has noted, optimizers and generators as tables of it."""
    return [_noted(one) for one in all_estimators(estimator)]


def write_training(estimator: Any, state: list[dict[str, Any]], fitted: Any) -> None:
    """The other way round, into an estimator made as that one was; ``fitted``: another one, with its optimizers.

    Raises ValueError where they are of another one.
    """
    for one, other, noted in zip(all_estimators(estimator), all_estimators(fitted), state, strict=True):
        for name, value in noted.items():
            if name == OPTIMIZER:
                optimizer = vars(other)[OPTIMIZER]
                vars(optimizer).update({inner: _read(part) for inner, part in value.items()})
                vars(one)[OPTIMIZER] = optimizer
            elif name == GENERATOR:
                keys, position, has_gauss, cached = value
                vars(one)[GENERATOR] = np.random.RandomState()
                vars(one)[GENERATOR].set_state(("MT19937", keys, int(position), int(has_gauss), float(cached)))
            else:
                vars(one)[name] = _read(value)


def _noted(one: Any) -> dict[str, Any]:
    given = one.get_params(deep=False).keys() - {"random_state"}  # each training has its own
    found = {name: _written(value) for name, value in vars(one).items() if name not in given and _is_plain(value)}
    if OPTIMIZER in vars(one):
        found[OPTIMIZER] = {n: _written(v) for n, v in vars(vars(one)[OPTIMIZER]).items() if _is_plain(v)}
    generator = vars(one).get(GENERATOR)
    if isinstance(generator, np.random.RandomState):
        _, keys, *rest = generator.get_state(legacy=True)
        found[GENERATOR] = [np.array(keys), *map(float, rest)]
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "fiub"
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _written(value: Any) -> Any:
    """As weights are encoded; a number that none may have, as a text."""
    if isinstance(value, list | tuple):
        return type(value)(map(_written, value))
    if isinstance(value, np.generic | float) and not math.isfinite(value):
        return {"number": str(float(value))}
    return np.array(value) if isinstance(value, np.ndarray) else value


def _read(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_read, value))
    return float(value["number"]) if isinstance(value, dict) else value
