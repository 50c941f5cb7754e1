"""Flower's clients as a learner asks them: weights as they travel, trainings, evaluations, what can be wrong."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ColearnError, LearnerError
from .memory import first_words, is_out_of_memory

__all__ = [
    "LOSS",
    "Config",
    "NumPyPort",
    "Port",
    "Tested",
    "Trained",
    "as_arrays",
    "as_leaf",
    "calling",
    "leaves_of",
    "numbers_of",
]

Array = np.ndarray[Any, Any]
Config = Mapping[str, Any] | Callable[[int], Mapping[str, Any]]
LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Trained:
    """What a client's training gave: a tree of weights, and how many samples it used, if it tells."""

    weights: Any
    samples: int | None


@dataclass(frozen=True, slots=True)
class Tested:
    """What a client's evaluation gave: its metrics by name, and on how many samples."""

    metrics: Mapping[str, float]
    samples: int


class Port(abc.ABC):
    """A client, in whichever of Flower's ways it was written. Weights are a list or dict of arrays and bytes.

    ``has_loss``: whether the metric "loss" is one where less is better, by what Flower says of it.
    """

    has_loss = False

    def __init__(self, config: Config | None, evaluate_config: Config | None) -> None:
        self._config, self._evaluate_config = config, evaluate_config

    def config(self, round: int) -> dict[str, Any]:
        """What the user has a training told in this round."""
        return _config_of(self._config, round)

    def evaluate_config(self, round: int) -> dict[str, Any]:
        """What the user has an evaluation told in this round."""
        return _config_of(self._evaluate_config, round)

    @abc.abstractmethod
    def first(self) -> Any:
        """The first weights; all of them empty where a first training is to make them."""

    @abc.abstractmethod
    def train(self, weights: Any, round: int) -> Trained:
        """What a training from these weights gives."""

    @abc.abstractmethod
    def evaluate(self, weights: Any, round: int) -> Tested:
        """What these weights reach on the client's own data."""


class NumPyPort(Port):
    """A ``NumPyClient``: lists of arrays."""

    has_loss = True

    def __init__(
        self, client: Any, first: Sequence[Any] | None, config: Config | None, evaluate_config: Config | None
    ) -> None:
        missing = [name for name in ("fit", "evaluate") if not callable(getattr(client, name, None))]
        if missing:
            raise LearnerError(
                f"the Flower client is a {type(client).__name__} without {' and '.join(missing)}",
                expected="a flwr.client.NumPyClient, with fit, evaluate and get_parameters",
                fix="give the client itself, not its class and not what to_client() makes of it",
            )
        super().__init__(config, evaluate_config)
        self._client, self._first = client, first

    def first(self) -> list[Any]:
        given = self._first
        if given is None:
            with calling("get_parameters"):
                given = self._client.get_parameters({})
        if not given:
            raise LearnerError(
                "the Flower client has no parameters before its first fit",
                expected="get_parameters with the model's arrays, which the others can test and adopt",
                fix="have get_parameters return the untrained model's arrays, or give them: first=[...]",
            )
        return [as_leaf(value, i) for i, value in enumerate(_listed(given, "get_parameters"))]

    def train(self, weights: Any, round: int) -> Trained:
        with calling("fit"):
            found = self._client.fit(as_arrays(weights), self.config(round))
        arrays, samples, _ = _triple(found, "fit", "the arrays, the number of samples, metrics by name")
        return Trained([as_leaf(value, i) for i, value in enumerate(_listed(arrays, "fit"))], int(samples))

    def evaluate(self, weights: Any, round: int) -> Tested:
        with calling("evaluate"):
            found = self._client.evaluate(as_arrays(weights), self.evaluate_config(round))
        loss, samples, metrics = _triple(found, "evaluate", "the loss, the number of samples, metrics by name")
        return Tested({**numbers_of(metrics), LOSS: float(loss)}, int(samples))


def as_leaf(value: Any, where: object) -> Array | bytes:
    """One of a client's arrays as it travels. Raises LearnerError for what isn't an array of numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise LearnerError(
            f"the Flower client's weights aren't arrays: at {where} is a {type(value).__name__}"
            + (f" of {array.dtype}" if isinstance(value, np.ndarray) else ""),
            expected="arrays of numbers, which the others can test, merge and adopt",
            fix="give the model's arrays; what is bytes goes as numpy.frombuffer(data, numpy.uint8)",
        )
    return array.tobytes() if array.dtype == np.uint8 and array.ndim == 1 else array.copy()


def as_arrays(weights: Any) -> list[Array]:
    """Weights as they travel as the arrays that a client takes."""
    return [
        np.frombuffer(leaf, np.uint8).copy() if isinstance(leaf, bytes) else np.asarray(leaf)
        for leaf in leaves_of(weights)
    ]


@contextlib.contextmanager
def calling(what: str, otherwise: str = "") -> Iterator[None]:
    """What fails in a client's own code is told with its name, as a LearnerError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ColearnError) or is_out_of_memory(error):
            raise
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f" ({place.tb_frame.f_code.co_filename}, line {place.tb_lineno})"
        raise LearnerError(
            f"the Flower client's {what} fails: {type(error).__name__}: {first_words(error)}{where}",
            expected="code that runs by itself",
            fix="run it under Flower, or by itself, to see where it fails" + (f"; {otherwise}" if otherwise else ""),
        ) from error


def leaves_of(weights: Any) -> list[Any]:
    return [*(weights.values() if isinstance(weights, dict) else weights)]


def _config_of(config: Config | None, round: int) -> dict[str, Any]:
    return dict(config(round) if callable(config) else config or {})


def _listed(value: Any, method: str) -> Sequence[Any]:
    if isinstance(value, np.ndarray) or not isinstance(value, list | tuple):
        raise LearnerError(
            f"the Flower client's {method} gives a {type(value).__name__} as its parameters",
            expected="a list of arrays",
            fix="return [array, ...]",
        )
    return value


def _triple(found: Any, method: str, expected: str) -> Any:
    if not isinstance(found, tuple) or len(found) != 3:
        what = f"{len(found)} values" if isinstance(found, tuple) else f"a {type(found).__name__}"
        raise LearnerError(
            f"the Flower client's {method} returns {what}",
            expected=expected,
            fix="return these three, as Flower has it",
        )
    return found


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers; of a list of numbers the mean."""
    found = {}
    for name, value in metrics.items():
        array = np.asarray(value)
        if array.dtype.kind in "biuf" and array.size:
            found[str(name)] = float(array.mean(dtype=np.float64))
    return found
