"""PyTorch modules that another library trains and evaluates: what the learners of such libraries share."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.learner import Weights
from ..errors import LearnerError, UsageError
from .randomness import seeded
from .sets import Data
from .sharing import SharingLearner
from .torch import TorchLearner
from .torch_datasets import Column
from .torch_device import TorchDevice
from .voting.metrics import named_metric, no_metric
from .voting.policy import Evaluation

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .sharing import SharingOptions

__all__ = ["LoopLearner", "length_of"]


class LoopLearner(TorchLearner):
    """A PyTorch learner whose training and evaluation are another library's; weights and sharing are as ever.

    An adapter calls :meth:`begin` at the end of its ``__init__``, and implements :meth:`fit` and :meth:`measure`.
    Whatever draws from the process's generators depends on the seed and the round alone.
    """

    whose = "the module's"

    def begin(
        self,
        model: torch.nn.Module,
        sets: Mapping[str, tuple[Any, int]],
        *,
        criterion: str | None,
        higher_is_better: bool | None,
        loss: str | None,
        **options: Unpack[SharingOptions],
    ) -> None:
        """Make the learner.

        Parameters
        ----------
        sets: ``train``, ``vote`` and ``test``, each as the library takes it, and how many samples it has.
        criterion, higher_is_better: which of the evaluation's metrics votes are by; the loss if none is named.
        loss: the metric that is a loss, which tells models of one score apart.

        Raises UsageError for an option that the library's own loop decides, and a criterion that isn't there.
        """
        for name, usual in {"privacy": None, "early_stop": None, "optimizer_state": "reset"}.items():
            if options.get(name, usual) != usual:
                raise UsageError(
                    f"{name} for {type(self).__name__}",
                    expected="none: the library's own loop trains",
                    fix="leave it out, or take TorchLearner",
                )
        pairs = [(Column(given, count), Column(given, count)) for given, count in sets.values()]
        SharingLearner.__init__(self, *pairs, **options)
        self._model = model
        self._on = TorchDevice("cpu", "float32", torch.get_num_threads(), False)
        self._loss_name, self._criterion, self._sign = loss, "", 1
        self.divide(self.base_settings())
        found = self._measured(self.vote_set)
        self._criterion, self._sign = named_metric(criterion, higher_is_better, found, self.whose, loss)
        self.start()

    @abc.abstractmethod
    def fit(self, data: Any, steps: int) -> None:
        """Train the module for so many steps of its optimizer, which is a new one."""

    @abc.abstractmethod
    def measure(self, data: Any) -> Mapping[str, float]:
        """The metrics of the module as it is, by name."""

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round alone fix what is proposed: on the CPU, in one thread."""
        on_cpu = all(parameter.device.type == "cpu" for parameter in self._model.parameters())
        return on_cpu and SharingLearner.reproducible.__get__(self)  # type: ignore[no-any-return]

    @property
    def steps(self) -> int:
        """One: the library's loop takes all of a round's steps at once, and nobody may do anything between them."""
        return 1

    @property
    def why_no_checkpoint(self) -> str:
        return "another library's loop trains, whose steps nobody comes between"

    @property
    def training_settings(self) -> dict[str, Any]:
        return SharingLearner.training_settings.__get__(self)  # type: ignore[no-any-return]

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights."""
        with seeded(self.seed, self._round):
            return SharingLearner.mli_propose_weights(self)

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        self.fit(self.train_set[0].source, self._steps)
        yield self.samples_per_round

    def settle(self, rng: np.random.Generator) -> None:
        """Nothing: batch normalization is as the library's loop leaves it."""

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        found = self._measured(data)
        if self._criterion not in found:
            raise no_metric(self._criterion, found, self.whose)
        loss = None if self._loss_name is None else found.get(self._loss_name)
        return Evaluation(self._sign * found[self._criterion], self._criterion, self.vote_samples, None, loss)

    def _measured(self, data: Data) -> Mapping[str, float]:
        with seeded(self.seed, 0):
            return self.measure(data[0].source)


def length_of(name: str, data: Any, *, steps: int | None = None) -> int:
    """How many samples a set has; one to train on may have no length where the steps of a round are told.

    Raises UsageError where it has none, and LearnerError where it is empty.
    """
    dataset = getattr(data, "dataset", data)
    try:
        found = len(dataset)
    except TypeError:
        if name == "train" and steps is not None:
            return steps * (getattr(data, "batch_size", None) or 1)
        raise UsageError(
            f"the {name} set has no length (a {type(dataset).__name__})",
            expected="a dataset with len()" + (", or steps_per_round" if name == "train" else ""),
            fix="steps_per_round=N says how much a round trains" if name == "train" else "vote on a fixed set",
        ) from None
    if not found or math.isnan(found):
        raise LearnerError(f"the {name} set is empty", expected="samples", fix="check how the data was split")
    return found
