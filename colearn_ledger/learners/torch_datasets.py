"""Data that stays in a PyTorch ``Dataset`` or ``DataLoader``: read batch by batch, as a learner wants it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler

from ..errors import LearnerError, UsageError
from .hugging_face import as_tensors, is_hub_set, pair_of
from .parts import count, mapped, rows_of
from .torch_data import TensorSet, target_of, tensor_of

__all__ = ["Batch", "Column", "DatasetSet", "StreamSet", "batch_size_of", "set_of", "tensor_set"]

Array = np.ndarray[Any, Any]
_PAIRS = "samples that are pairs of an input and a target, or a DataLoader whose collate_fn makes batches of them"


class Column:
    """A set's inputs or its targets, for whoever counts them; the samples come out of :attr:`source`."""

    def __init__(self, source: DatasetSet | StreamSet, count: int) -> None:
        self.source, self.shape = source, (count,)

    def __len__(self) -> int:
        return self.shape[0]


class Batch:
    """One batch of a stream, where other sets have row numbers."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return count(self.x)


class _Reading:
    """How samples become batches on the device.

    Parameters
    ----------
    name: which set it is, for messages.
    data: the dataset, or a loader of it, whose ``collate_fn``, worker processes and their options are used.
    """

    def __init__(self, name: str, data: Any) -> None:
        self._name = name
        self._loader = data if isinstance(data, DataLoader) else DataLoader(data)
        self.dataset: Any = self._loader.dataset
        self.device = torch.device("cpu")
        self.kind: torch.dtype | None = None  # of floats

    def batch(self, found: Any) -> tuple[Any, Any]:
        """What the loader gave as inputs and targets, converted as arrays are, on the device."""
        if isinstance(found, Mapping):  # rows of a table, as Hugging Face's are
            found = pair_of(self._name, found)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise LearnerError(
                f"the {self._name} set's samples are no pairs of an input and a target, but a {type(found).__name__}",
                expected=_PAIRS,
                fix="have the dataset give such pairs",
            )
        try:
            x = mapped(functools.partial(tensor_of, kind=self.kind), found[0])
            y = mapped(functools.partial(target_of, kind=self.kind), found[1])
        except (TypeError, ValueError) as error:
            raise LearnerError(
                f"a batch of the {self._name} set has no tensor of inputs and one of targets: {error}",
                expected=_PAIRS,
                fix="have the dataset give numbers, arrays or tensors, all of one shape",
            ) from error
        return mapped(self._moved, x), mapped(self._moved, y)

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()  # from there it is copied while the device computes
        return tensor.to(self.device, non_blocking=True)

    def loader(self, **how: Any) -> DataLoader[Any]:
        """A loader of the same dataset, in the same way but for ``how``. It leaves PyTorch's generators alone."""
        mine = self._loader
        return DataLoader(
            self.dataset,
            collate_fn=mine.collate_fn,
            num_workers=mine.num_workers,
            timeout=mine.timeout,
            worker_init_fn=mine.worker_init_fn,
            multiprocessing_context=mine.multiprocessing_context,
            prefetch_factor=mine.prefetch_factor,
            generator=torch.Generator().manual_seed(torch.initial_seed()),  # what the workers' are seeded from
            **how,
        )


class DatasetSet(_Reading):
    """A map-style dataset: the same batches as of arrays, sample by sample out of the dataset."""

    def __init__(self, name: str, data: Any) -> None:
        super().__init__(name, data)
        try:
            self._count = len(self.dataset)
        except TypeError:
            raise UsageError(
                f"the {name} set, a {type(self.dataset).__name__}, has no length",
                expected="a dataset with __len__, from which batches are drawn",
                fix="give it one, or make it an IterableDataset",
            ) from None
        if isinstance(data, DataLoader):
            _check_order(name, data, self._count)

    def __len__(self) -> int:
        return self._count

    def ahead(self, batches: Iterator[Array]) -> Iterator[Any]:
        """The batches as :meth:`take` wants them: where the loader has worker processes, they read ahead."""
        if not self._loader.num_workers:
            yield from batches
            return
        for found in self.loader(batch_sampler=_lists(batches)):
            yield Batch(*self.batch(found))

    def take(self, rows: Any) -> tuple[Any, Any]:
        """Inputs and targets of these rows, on the device."""
        if isinstance(rows, Batch):
            return rows.x, rows.y
        numbers = rows.tolist()
        if not numbers:  # a private training may draw nobody
            x, y = self.take(np.zeros(1, np.intp))
            return rows_of(x, slice(0, 0)), rows_of(y, slice(0, 0))
        many = getattr(self.dataset, "__getitems__", None)
        samples = many(numbers) if callable(many) else [self.dataset[i] for i in numbers]
        return self.batch(self._loader.collate_fn(samples))

    def pieces(self, size: int) -> Iterator[tuple[Any, Any]]:
        """The whole set in its order, in pieces of ``size``."""
        rows = (np.arange(start, min(start + size, len(self))) for start in range(0, len(self), size))
        for piece in self.ahead(rows):
            yield self.take(piece)


class StreamSet(_Reading):
    """An iterable dataset. A training goes on where the last one ended; a set that is scored is read from its start."""

    def __init__(self, name: str, data: Any) -> None:
        super().__init__(name, data)
        self._given = isinstance(data, DataLoader)
        self._batches: Iterator[Any] | None = None
        self.batch_size = 32
        self.count = 0
        try:
            self.length: int | None = len(self.dataset)
        except TypeError:
            self.length = None

    def __len__(self) -> int:
        return self.count

    def next(self, batches: int) -> Iterator[Batch]:
        """So many more batches; after the last one of the stream comes its first."""
        empty = False
        while batches:
            if self._batches is None:
                self._batches = iter(
                    self._loader if self._given else self.loader(batch_size=self.batch_size, drop_last=True)
                )
            try:
                found = next(self._batches, None)
            except BaseException:
                self._batches = None
                raise
            if found is None:
                self._batches = None
                if empty:
                    raise LearnerError(
                        f"the {self._name} set, a {type(self.dataset).__name__}, gives no batch of {self.batch_size}",
                        expected="at least one whole batch each time it is read from its start",
                        fix="give more samples, or a smaller batch_size",
                    )
                empty = True
                continue
            empty = False
            batches -= 1
            yield Batch(*self.batch(found))

    def ahead(self, batches: Iterator[Any]) -> Iterator[Any]:
        return batches

    def take(self, rows: Any) -> tuple[Any, Any]:
        return rows.x, rows.y

    def settling(self, samples: int) -> Iterator[Batch]:
        """Batches of the stream with at most so many samples, but one at least."""
        yield from self.next(max(1, min(samples, self.count) // self.batch_size))

    def pieces(self, size: int) -> Iterator[tuple[Any, Any]]:
        """The whole set from its start, in pieces of ``size``."""
        seen = 0
        for found in self.loader(batch_size=size):
            x, y = self.batch(found)
            seen += count(x)
            if seen > self.count:
                break
            yield x, y
        if seen != self.count:
            than = f"more than {self.count}" if seen > self.count else f"{seen} of {self.count}"
            raise LearnerError(
                f"the {self._name} set, a {type(self.dataset).__name__}, gave {than} samples, its length",
                expected="the same samples each time it is read",
                fix="correct its __len__, or with worker processes have each read a part of its own",
            )


def set_of(name: str, data: Any, batch_size: int | None, steps: int | None) -> tuple[Any, Any] | None:
    """The two columns of a set that is a ``Dataset`` or ``DataLoader``; None if it is neither.

    Parameters
    ----------
    name: ``"train"``, ``"vote"`` or ``"test"``.
    data: the set.
    batch_size, steps: of the training, if they were given.

    Raises UsageError for what can't be used: a set without a length that is voted or tested with, or trained with
    where the number of steps isn't given; a loader with an order or a size of batches of its own.
    """
    data = as_tensors(data)
    if not isinstance(data, Dataset | DataLoader) and not is_hub_set(data):
        return None
    dataset = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(data, DataLoader) and data.batch_sampler is None:
        raise UsageError(
            f"the {name} set's DataLoader has batch_size=None, so that nobody knows how many samples a batch has",
            expected="a loader that makes batches out of samples",
            fix="give it a batch_size",
        )
    if not isinstance(dataset, IterableDataset):
        rows = DatasetSet(name, data)
        return Column(rows, len(rows)), Column(rows, len(rows))
    stream = StreamSet(name, data)
    stream.batch_size = batch_size or 32
    if stream.length is not None:
        stream.count = stream.length
        stream.batch_size = max(1, min(stream.batch_size, stream.length))
    elif name != "train":
        raise UsageError(
            f"the {name} set, a {type(dataset).__name__}, has no length",
            expected="a set that is the same each time, of a length that it tells by __len__",
            fix="give it __len__, or read it into arrays",
        )
    elif steps is None:
        raise UsageError(
            f"the train set, a {type(dataset).__name__}, has no length, so that nobody knows how long a pass is",
            expected="steps_per_round, how many batches a proposal trains",
            fix="give steps_per_round, or the dataset a __len__",
        )
    else:
        stream.count = steps * stream.batch_size  # as far as a round gets
    return Column(stream, stream.count), Column(stream, stream.count)


def batch_size_of(train: Any, given: int | None) -> int | None:
    """How many samples a batch has: what was given, or else as the training set's loader has it.

    Raises UsageError where they differ.
    """
    if not isinstance(train, DataLoader):
        return given
    if given is not None and train.batch_size is not None and given != train.batch_size:
        raise UsageError(
            f"batch_size is {given}, and that of the training set's DataLoader {train.batch_size}",
            expected="one size of batches",
            fix="leave one of them out",
        )
    return train.batch_size if given is None else given


def tensor_set(
    data: tuple[Any, ...], device: torch.device, kind: torch.dtype | None = None
) -> TensorSet | DatasetSet | StreamSet:
    """The set as what gives its batches on the device, floats in this type."""
    if isinstance(data[0], Column):
        data[0].source.device, data[0].source.kind = device, kind
        return data[0].source
    return TensorSet(data, device, kind=kind)


def _lists(batches: Iterable[Array]) -> Iterator[list[int]]:
    return (rows.tolist() for rows in batches)


def _check_order(name: str, loader: DataLoader[Any], count: int) -> None:
    """The learner draws the batches, by its seed and the round: a loader that does it otherwise is refused."""
    sampler = loader.sampler
    plain = type(loader.batch_sampler) is BatchSampler and (
        type(sampler) is SequentialSampler
        or (type(sampler) is RandomSampler and not sampler.replacement and sampler.num_samples == count)
    )
    if not plain:
        own = sampler if type(loader.batch_sampler) is BatchSampler else loader.batch_sampler
        raise UsageError(
            f"the {name} set's DataLoader draws its batches by a {type(own).__name__}",
            expected="no order but shuffle=True or False: a learner draws its batches itself, so that its seed and the "
            "round fix what it proposes",
            fix="give the dataset itself, or an IterableDataset that has the order",
        )
