"""Data that stays in a ``tf.data.Dataset``, a Keras ``PyDataset`` or a generator: read batch by batch, as they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from ..errors import LearnerError, UsageError
from .parts import as_array, count, leaves, mapped

__all__ = ["Batch", "BatchSource", "Column", "source_of"]

_BATCHES = "batches of inputs and targets, perhaps with each sample's weight, as keras.Model.fit takes them"


class Batch:
    """One batch, where other sets have row numbers: inputs, targets, and perhaps weights, as arrays."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return count(self.parts[0])


class Column:
    """A set's inputs or its targets, for whoever counts them; the batches come out of :attr:`source`."""

    def __init__(self, source: BatchSource, samples: int) -> None:
        self.source, self.shape = source, (samples,)

    def __len__(self) -> int:
        return self.shape[0]


class BatchSource:
    """Whatever gives batches.

    Parameters
    ----------
    name: which set it is, for messages.
    data: a ``PyDataset``, whose batches can be had in any order, or something to iterate.

    Attributes
    ----------
    ordered: whether the learner draws the batches' order, so that seed and round fix it.
    batches: how many there are; None where nobody knows, or there is no end.
    first: the first one.
    """

    def __init__(self, name: str, data: Any) -> None:
        self._name, self._data = name, data
        self._indexed = isinstance(data, keras.utils.PyDataset)
        self._once = not self._indexed and iter(data) is data
        self.batches = None if self._once else _length(data)
        self.ordered = self._indexed and self.batches is not None
        self._going: Iterator[Any] | None = None
        found = next(self._begun(), None)
        if found is None:
            raise UsageError(
                f"the {name} set, a {type(data).__name__}, gives no batch", expected=_BATCHES, fix="give it some data"
            )
        self.first = self._batch(found)
        self._kept = [self.first] if self._once else []  # an iterator gives it once only

    def whole(self) -> Iterator[Batch]:
        """All batches, from the first."""
        yield from map(self._batch, self._begun())

    def at(self, number: int) -> Batch:
        """The batch of that number, of an ordered one."""
        return self._batch(self._data[number])

    def next(self, number: int, rng: np.random.Generator) -> Iterator[Batch]:
        """So many more: in an order drawn by ``rng`` where that can be, else where the last training ended."""
        if self.ordered:
            order: list[int] = []
            for _ in range(number):
                order = order or rng.permutation(self.batches or 1).tolist()
                yield self._batch(self._data[order.pop()])
            return
        for _ in range(number):
            yield self._kept.pop() if self._kept else self._batch(self._following())

    def _begun(self) -> Iterator[Any]:
        if self._indexed:
            numbers = itertools.count() if self.batches is None else range(self.batches)
            return (self._data[i] for i in numbers)
        return iter(self._data)

    def _following(self) -> Any:
        """The next batch; after the last comes the first again."""
        for _ in range(2):
            if self._going is None:
                self._going = self._begun()
            found = next(self._going, None)
            if found is not None:
                return found
            self._going = None
        raise LearnerError(
            f"the {self._name} set, a {type(self._data).__name__}, has ended",
            expected="a generator without an end, or a dataset that can be read again",
            fix="`while True:` around its loop, or a tf.data.Dataset or PyDataset",
        )

    def _batch(self, found: Any) -> Batch:
        if not isinstance(found, tuple | list) or len(found) not in (2, 3):
            raise LearnerError(
                f"the {self._name} set gives a {type(found).__name__}"
                + (f" of {len(found)}" if isinstance(found, tuple | list) else ""),
                expected=_BATCHES,
                fix="have it give (inputs, targets)",
            )
        parts = tuple(mapped(lambda part: np.asarray(as_array(part)), part) for part in found)
        if any(leaf.ndim == 0 for part in parts for leaf in leaves(part)) or len({count(part) for part in parts}) > 1:
            raise LearnerError(
                f"the {self._name} set gives single samples, or parts of differing numbers of samples",
                expected=_BATCHES,
                fix="dataset.batch(32)",
            )
        return Batch(parts)


def source_of(name: str, data: Any, steps: int | None) -> tuple[Any, Any] | None:
    """The two columns of a set that gives batches; None for arrays.

    Parameters
    ----------
    name: ``"train"``, ``"vote"`` or ``"test"``.
    data: the set.
    steps: of the training, if they were given.

    Raises UsageError for what can't be used: a set without a known end that is voted or tested with, or trained with
    where the number of steps isn't given.
    """
    batches = isinstance(data, Iterable) and not isinstance(data, tuple | list | dict) and not hasattr(data, "shape")
    if not batches and not isinstance(data, keras.utils.PyDataset):
        return None
    source = BatchSource(name, data)
    kind = type(data).__name__
    if name != "train":
        if source.batches is None:
            raise UsageError(
                f"the {name} set, a {kind}, has no length",
                expected="a set that is the same each time, of a length that it tells",
                fix="read it into arrays, or give a PyDataset, or a tf.data.Dataset of known cardinality",
            )
        samples = sum(len(batch) for batch in source.whole())
    elif steps is None and source.batches is None:
        raise UsageError(
            f"the train set, a {kind}, has no length, so that nobody knows how long a pass is",
            expected="steps_per_round, how many batches a proposal trains",
            fix="give steps_per_round",
        )
    else:
        samples = len(source.first) * (source.batches if source.batches is not None else steps or 1)
    return Column(source, samples), Column(source, samples)


def _length(data: Any) -> int | None:
    if callable(getattr(data, "cardinality", None)):  # of tf.data: -1 is without an end, -2 unknown
        found = int(data.cardinality())
        return found if found >= 0 else None
    if isinstance(data, keras.utils.PyDataset):
        number = data.num_batches
        return None if number is None else int(number)
    try:
        return len(data)
    except TypeError:
        return None
