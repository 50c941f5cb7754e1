"""Sets of Hugging Face's ``datasets``: tables on disk whose rows are read as a learner wants them, and streams of rows.

A row is a table of columns. The one that is called ``labels`` or ``label`` has the targets, the others are the inputs.
The package isn't imported: whoever has such a set has done that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import UsageError

__all__ = ["HubBatches", "HubColumn", "as_tensors", "columns_of", "is_hub_set", "pair_of"]

Array = np.ndarray[Any, Any]
TARGETS = ("labels", "label")


def is_hub_set(data: Any) -> bool:
    """Whether it is a ``Dataset`` or an ``IterableDataset`` of that package."""
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(data).__mro__}
    return bool(names & {"datasets.Dataset", "datasets.IterableDataset"})


def pair_of(name: str, row: Mapping[str, Any]) -> tuple[Any, Any]:
    """Inputs and targets of a row, or of a batch of them; several columns of inputs stay a table.

    Raises UsageError where no column has the targets, or none the inputs.
    """
    found = next((target for target in TARGETS if target in row), None)
    inputs = {column: value for column, value in row.items() if column != found}
    if found is None or not inputs:
        raise UsageError(
            f"the {name} set's samples have {', '.join(map(str, row)) or 'no columns'}",
            expected="the targets in `labels` or `label`, and the inputs in other columns",
            fix='dataset.rename_column("…", "labels"), and remove_columns for what the model doesn\'t take',
        )
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs, row[found]


def as_tensors(data: Any) -> Any:
    """Such a set with tensors in its rows, if they would be lists; other sets as they are."""
    if not is_hub_set(data):
        return data
    if not hasattr(data, "__len__"):
        return data.with_format("torch")
    given = data.format
    if given["type"] is not None:
        return data
    return data.with_format("torch", columns=given["columns"], output_all_columns=given["output_all_columns"])


class HubColumn:
    """A column of a table, as an array of which rows are read when they are asked for."""

    def __init__(self, data: Any, column: str) -> None:
        self._data, self._column = data.with_format("numpy", columns=[column]), column
        first = np.asarray(self._data[:1][column])
        self.shape, self.dtype = (len(data), *first.shape[1:]), first.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Array:
        return np.asarray(self._data[rows.tolist() if isinstance(rows, np.ndarray) else rows][self._column])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return np.asarray(self[:], dtype)


class HubBatches:
    """A stream's batches, as pairs of arrays; it can be read again, and nobody knows how long it is."""

    def __init__(self, name: str, data: Any, size: int) -> None:
        self._name, self._data, self._size = name, data.with_format("numpy"), size

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (pair_of(self._name, batch) for batch in self._data.iter(self._size, drop_last_batch=True))


def columns_of(name: str, data: Any, batch_size: int) -> Any:
    """Such a set as what gives arrays: a pair of columns, or batches of ``batch_size``; other sets as they are."""
    if not is_hub_set(data):
        return data
    if not hasattr(data, "__len__"):
        return HubBatches(name, data, batch_size)
    x, y = pair_of(name, {column: column for column in data.column_names})
    inputs = {column: HubColumn(data, column) for column in x} if isinstance(x, dict) else HubColumn(data, x)
    return inputs, HubColumn(data, y)
