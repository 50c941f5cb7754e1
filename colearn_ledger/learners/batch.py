"""Learners that train batch by batch: in which order, with which optimizer's state, and where a training goes on."""

from __future__ import annotations

import abc
import math
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ..errors import UsageError
from .parts import count
from .sets import Data
from .template import LearnerOptions, TemplateLearner, check_options

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SETTLING_SAMPLES", "BatchLearner", "BatchOptions", "OptimizerState"]

Array = np.ndarray[Any, Any]
T = TypeVar("T")
OptimizerState = Literal["reset", "keep"]

SETTLING_SAMPLES, _SETTLING_BATCH = 4096, 256


class BatchOptions(LearnerOptions, total=False):
    """The options of every learner that trains batch by batch; see :class:`BatchLearner`."""

    steps_per_round: int | None
    epochs: int
    batch_size: int | None
    optimizer_state: OptimizerState


class BatchLearner(TemplateLearner):
    """A learner that trains batch by batch, with an optimizer that may have a state.

    An adapter implements :meth:`train_batch`, and where there is something to do :meth:`begin_training` and
    :meth:`reset_optimizer`.

    Parameters
    ----------
    train, vote, test, vote_policy, early_stop, seed: as for :class:`TemplateLearner`.
    steps_per_round: batches per proposal; by default as many as ``epochs`` passes over the training set have.
    epochs: passes over the training set per proposal, if ``steps_per_round`` isn't given.
    batch_size: samples per batch; the default is the adapter's.
    optimizer_state: ``"reset"`` starts every proposal with a new optimizer, so that the weights, the seed and the round
        fix what is proposed. ``"keep"`` goes on with the state that the learner's last proposal left, accepted or not:
        then what is proposed also depends on the learner's earlier proposals in this process, and after a restart it
        differs from what would have been proposed without one. The state never leaves the learner.
    """

    DEFAULT_BATCH_SIZE: int | None = 32  # None: the whole training set
    WHOLE_BATCHES = True  # what is left of a pass is dropped

    def __init__(self, train: Data, vote: Data, test: Data, **options: Unpack[BatchOptions]) -> None:
        check_options(options, BatchOptions)
        mine = LearnerOptions.__annotations__.keys() & options.keys()
        super().__init__(train, vote, test, **{name: options[name] for name in mine})  # type: ignore[literal-required]
        steps, epochs = options.get("steps_per_round"), options.get("epochs", 1)
        batch_size = options.get("batch_size") or (self.DEFAULT_BATCH_SIZE if "batch_size" not in options else None)
        given = options.get("batch_size")
        if epochs < 1 or (given is not None and given < 1) or (steps is not None and steps < 1):
            raise UsageError(
                f"batch_size {given}, epochs {epochs}, steps_per_round {steps}",
                expected="1 or more",
                fix="give larger numbers",
            )
        n = count(self.train_set[0])
        self.batch_size = n if batch_size is None else min(batch_size, n)
        per_epoch = n // self.batch_size if self.WHOLE_BATCHES else math.ceil(n / self.batch_size)
        self._steps = steps if steps is not None else epochs * per_epoch
        state = options.get("optimizer_state", "reset")
        if state not in ("reset", "keep"):
            raise UsageError(f"optimizer_state is {state!r}", expected="'reset' or 'keep'", fix="choose one of them")
        self.optimizer_state: OptimizerState = state
        self._order: Array = np.empty(0, np.intp)  # of the samples that a pass has not come to yet
        self._drawn: deque[tuple[Array, Any]] = deque()  # that, and the generator, after each batch drawn and not done
        self._at: tuple[Array, Any] | None = None  # the same after the last one done

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round alone fix what is proposed."""
        return self.optimizer_state == "reset"

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def samples_per_round(self) -> int:
        """How many samples a training uses at most, each as often as it does: what its counters may rise by."""
        return self._steps * self.batch_size

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        self.begin_training(rng)
        if self.optimizer_state == "reset":
            self.reset_optimizer()
        self.going_on(rng)
        for rows in self.batches(rng):
            self.train_batch(rows)
            self._at = self._drawn.popleft() if self._drawn else None
            yield len(rows)

    def _to_save(self, rng: np.random.Generator) -> tuple[dict[str, Any], Any]:
        order, generator = self._order, rng.bit_generator.state
        if self._drawn and self._at is not None:  # batches are read ahead, so their order is drawn ahead of the steps
            order, generator = self._at
        return {**self.read_training(), "order": order}, generator

    def _go_on_from(self, state: dict[str, Any]) -> None:
        self._order = state["order"]
        super()._go_on_from(state)

    @property
    def why_no_checkpoint(self) -> str:
        """An adapter that has more than weights says what that is, or has none."""
        mine, plain = type(self), BatchLearner
        more = (mine.reset_optimizer, mine.begin_training) != (plain.reset_optimizer, plain.begin_training)
        if more and mine.read_training is TemplateLearner.read_training:
            return f"{mine.__name__} has an optimizer or generators, and no read_training that gives their states"
        return super().why_no_checkpoint

    @property
    def training_settings(self) -> dict[str, Any]:
        return {**super().training_settings, "batch_size": self.batch_size, "optimizer_state": self.optimizer_state}

    def batches(self, rng: np.random.Generator) -> Iterator[Array]:
        """Row numbers of the training set for each step: shuffled passes, one after the other."""
        for _ in self._to_draw():
            if len(self._order) < (self.batch_size if self.WHOLE_BATCHES else 1):
                self._order = rng.permutation(count(self.train_set[0]))
            rows, self._order = self._order[: self.batch_size], self._order[self.batch_size :]
            yield self._drew(rows, rng)

    def _to_draw(self) -> range:
        """Of which steps the batches are yet to be drawn; the order goes on, or begins anew with a training."""
        self._drawn.clear()
        if not self._course.done:
            self._order = np.empty(0, np.intp)
        return range(self._course.done, self._steps)

    def _drew(self, batch: T, rng: np.random.Generator) -> T:
        """The batch, drawn for a training that goes on from after it, if it is done."""
        if self._course.kept_somewhere:
            self._drawn.append((self._order, rng.bit_generator.state))
        return batch

    def settling_batches(self, rng: np.random.Generator) -> Iterator[Array]:
        """Row numbers of the training set for :meth:`settle`: batches of one size, some thousand samples in all."""
        rows = rng.permutation(count(self.train_set[0]))[:SETTLING_SAMPLES]
        size = min(len(rows), _SETTLING_BATCH)
        yield from np.split(rows[: len(rows) // size * size], len(rows) // size)

    def begin_training(self, rng: np.random.Generator) -> None:
        """Seed what randomness the framework has of its own, from ``rng``."""

    def reset_optimizer(self) -> None:
        """Put the optimizer back to where a new one starts."""

    @abc.abstractmethod
    def train_batch(self, rows: Array) -> None:
        """One step on these rows of the training set."""
