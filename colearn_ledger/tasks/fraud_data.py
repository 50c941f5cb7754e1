"""Three published tables of good and bad payments, told apart by their headers.

Every feature is a fixed function of its row, with fixed numbers: a scaling by the mean and deviation of the data would
differ from owner to owner, or tell one about another's. Amounts, which span many powers of ten, have their logarithm
taken; what is missing counts as 0, with a flag that says so where that tells something; nothing exceeds ±5.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

__all__ = ["LAYOUTS", "Payments", "load_payments"]

Array = np.ndarray[Any, Any]
DAY = 86_400.0
LIMIT = 5.0


@dataclass(frozen=True)
class Payments:
    """Features (n, k) of float32, labels (n,) of 0 and 1 (bad), and a sentence that says which data it is."""

    x: Array
    y: Array
    source: str


@dataclass(frozen=True)
class Table:
    """Columns by name: numbers (NaN where a cell is empty), and codes of words (-1 for one that isn't known)."""

    numbers: dict[str, Array]
    codes: dict[str, Array]

    def flags(self, name: str, known: int) -> list[Array]:
        """A column of 0 and 1 for each of the known words."""
        return [(self.codes[name] == code).astype(np.float32) for code in range(known)]


@dataclass(frozen=True)
class Layout:
    """A published table: which columns tell it, and how a row becomes features.

    Parameters
    ----------
    title: for people.
    label: the column of 0 and 1.
    numbers: columns that hold numbers.
    words: columns that hold words, and those that are known.
    features: makes the columns of features of a table and of the folder that it came from.
    """

    title: str
    label: str
    numbers: tuple[str, ...]
    features: Callable[[Table, Path], Iterable[Array]]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def columns(self) -> set[str]:
        return {self.label, *self.numbers, *self.words}


def _log(values: Array, scale: float = 1.0) -> Array:
    """The logarithm of the size, with the sign: 0 stays 0."""
    sizes: Array = np.sign(values) * np.log1p(np.abs(values)) / scale
    return sizes


def _time_of_day(seconds: Array) -> list[Array]:
    angle = 2 * math.pi * np.mod(seconds, DAY) / DAY
    return [np.sin(angle), np.cos(angle)]


# --- UCI: default of credit card clients ---------------------------------------------------------------------------

_LATE = ("pay_0", "pay_2", "pay_3", "pay_4", "pay_5", "pay_6")
_BILLS = tuple(f"bill_amt{i}" for i in range(1, 7))
_PAID = tuple(f"pay_amt{i}" for i in range(1, 7))
_CLIENT = ("limit_bal", "sex", "education", "marriage", "age", *_LATE, *_BILLS, *_PAID)
_DEFAULTED = "default_payment_next_month"


def _client_features(table: Table, folder: Path) -> Iterator[Array]:
    of = table.numbers
    yield _log(of["limit_bal"]) - 11.5
    yield (of["age"] - 35) / 10
    yield of["sex"] - 1.5
    for name, known in (("education", (1, 2, 3)), ("marriage", (1, 2))):
        yield from (of[name] == value for value in known)
    for name in _LATE:  # months late, from 1; -2 had nothing to pay, -1 paid, 0 pays the least
        yield np.maximum(of[name], 0)
        yield from (of[name] == value for value in (-2, -1))
    for bill, paid in zip(_BILLS, _PAID, strict=True):
        yield of[bill] / np.maximum(of["limit_bal"], 1)
        yield _log(of[bill], 5)
        yield _log(of[paid], 5)


# --- ULB: creditcard.csv ---------------------------------------------------------------------------------------------


def _card_features(table: Table, folder: Path) -> Iterator[Array]:
    of = table.numbers
    yield _log(of["amount"], 2)
    yield from _time_of_day(of["time"])
    for i in range(1, 29):  # principal components, with long tails
        yield _log(of[f"v{i}"])


# --- IEEE-CIS: train_transaction.csv, train_identity.csv -------------------------------------------------------------

# Left out: identifiers with thousands of values, and the 339 columns V, which are sums over much the same and would
# take a gigabyte.
_COUNTS = tuple(f"c{i}" for i in range(1, 15))
_DAYS = tuple(f"d{i}" for i in range(1, 16))
_DISTANCES = ("dist1", "dist2", "addr1")
_WORDS = {
    "productcd": ("W", "C", "R", "H", "S"),
    "card4": ("visa", "mastercard", "american express", "discover"),
    "card6": ("debit", "credit"),
    "p_emaildomain": ("gmail.com", "yahoo.com", "hotmail.com", "anonymous.com", "outlook.com", "protonmail.com"),
    "r_emaildomain": ("gmail.com", "yahoo.com", "hotmail.com", "anonymous.com", "outlook.com", "protonmail.com"),
    "m4": ("M0", "M1", "M2"),
    **{f"m{i}": ("T", "F") for i in (1, 2, 3, 5, 6, 7, 8, 9)},
}
_IDENTITY = ("id_01", "id_02", "id_05", "id_06", "id_11")
_DEVICES = {"devicetype": ("desktop", "mobile")}


def _transaction_features(table: Table, folder: Path) -> Iterator[Array]:
    of = table.numbers
    yield _log(of["transactionamt"]) - 4
    yield from _time_of_day(of["transactiondt"])
    yield from (_log(of[name], 2) for name in (*_COUNTS, *_DAYS, *_DISTANCES[:2]))
    yield from (np.isnan(of[name]) for name in (*_DAYS, *_DISTANCES))
    for name, known in _WORDS.items():
        yield from table.flags(name, len(known))
    yield from _identity_features(of["transactionid"], folder)


def _identity_features(ids: Array, folder: Path) -> Iterator[Array]:
    """What is known of the device, for the transactions of which it is; all 0 without that file."""
    path = _either(folder, "train_identity.csv")
    wide = 1 + len(_IDENTITY) + len(_DEVICES["devicetype"])
    if path is None:
        yield from np.zeros((wide, len(ids)), np.float32)
        return
    table = _read(path, _Header.of(path), ("transactionid", *_IDENTITY), _DEVICES)
    known = table.numbers["transactionid"]
    order = np.argsort(known, kind="stable")
    if len(order) == 0:
        raise DataError(f"{path} has no rows", fix="copy it again, or leave it away")
    at = order[np.minimum(np.searchsorted(known[order], ids), len(order) - 1)]
    there = known[at] == ids
    yield there
    for column in (
        *(_log(table.numbers[name], 2) for name in _IDENTITY),
        *table.flags("devicetype", len(_DEVICES["devicetype"])),
    ):
        yield np.where(there, column[at], 0)


LAYOUTS = (
    Layout("UCI's credit-card clients", _DEFAULTED, _CLIENT, _client_features),
    Layout("ULB's creditcard.csv", "class", ("time", *(f"v{i}" for i in range(1, 29)), "amount"), _card_features),
    Layout(
        "IEEE-CIS's train_transaction.csv",
        "isfraud",
        ("transactionid", "transactiondt", "transactionamt", *_COUNTS, *_DAYS, *_DISTANCES),
        _transaction_features,
        _WORDS,
    ),
)
_FIX = "docs/tasks.md says where each can be had; unpack it and pass its folder"


def load_payments(folder: Path) -> Payments:
    """Load the one table of a known layout that the folder holds, as ``.csv`` or ``.csv.gz``.

    Raises DataError if there is no such table, if there is more than one, or if it can't be read.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", expected="a folder with the data", fix=_FIX)
    found = []
    files = sorted(path for path in folder.iterdir() if path.name.lower().endswith((".csv", ".csv.gz")))
    for path in files:
        header = _Header.of(path)
        found += [(path, header, layout) for layout in LAYOUTS if layout.columns() <= header.at.keys()]
    if len(found) != 1:
        raise DataError(
            f"{folder} has {len(found) or 'no'} tables of payments"
            + (f": {', '.join(path.name for path, *_ in found)}" if found else _seen(files)),
            expected=f"one of {', '.join(layout.title for layout in LAYOUTS)}",
            fix="leave one of them there" if found else _FIX,
        )
    path, header, layout = found[0]
    table = _read(path, header, (layout.label, *layout.numbers), layout.words)
    y = table.numbers[layout.label]
    if not np.isin(y, (0, 1)).all() or len(np.unique(y)) != 2:
        raise DataError(f"{path}: the column {layout.label} isn't of 0 and 1", expected="both", fix=_FIX)
    columns = [np.asarray(column, np.float32) for column in layout.features(table, folder)]
    x = np.clip(np.nan_to_num(np.stack(columns, axis=1), nan=0.0), -LIMIT, LIMIT)
    return Payments(x, y.astype(np.int64), f"{layout.title}, {len(y):,} rows from {path}, {y.mean():.2%} of them bad")


def _seen(files: Sequence[Path]) -> str:
    return f" (it has {', '.join(path.name for path in files[:5])}, with other headers)" if files else ""


def _either(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


@dataclass(frozen=True)
class _Header:
    """Where each column is, by its plain name, and how many lines come before the data."""

    at: dict[str, int]
    lines: int

    @classmethod
    def of(cls, path: Path) -> _Header:
        """UCI's own file has two header lines, X1 to Y and then the names; other files have one."""
        with _rows(path) as rows:
            lines = [line for _, line in zip(range(2), rows, strict=False)]
        for i in (1, 0):
            if i < len(lines):
                at = {_plain(name): column for column, name in enumerate(lines[i])}
                if any(layout.label in at for layout in LAYOUTS) or i == 0:
                    break
        else:
            return cls({}, 0)
        if {"x1", "x23", "y"} <= at.keys():  # UCI's numbers in the place of names
            at = {name: at[f"x{k}"] for k, name in enumerate(_CLIENT, 1) if f"x{k}" in at} | {_DEFAULTED: at["y"]}
        return cls(at, i + 1)


def _plain(name: str) -> str:
    name = name.strip().lower().replace(".", "_").replace(" ", "_")
    return "pay_0" if name == "pay_1" else name


@contextmanager
def _rows(path: Path) -> Iterator[Any]:
    """The file's rows; what can go wrong with a file becomes a DataError."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} can't be read: {error}", expected="a table with commas", fix=_FIX) from None


def _read(path: Path, header: _Header, numbers: Sequence[str], words: Mapping[str, tuple[str, ...]]) -> Table:
    missing = [name for name in (*numbers, *words) if name not in header.at]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing[:5])}", expected="the published file", fix=_FIX)
    values, codes = array("d"), array("b")
    pick = itemgetter(*(header.at[name] for name in numbers))
    known = [(header.at[name], {word: code for code, word in enumerate(words[name])}) for name in words]
    with _rows(path) as rows:
        for _ in range(header.lines):
            next(rows)
        for row in rows:
            if not row:
                continue
            try:
                values.extend([float(cell) if cell else math.nan for cell in pick(row)])
                codes.extend([code_of.get(row[at], -1) for at, code_of in known])
            except (IndexError, ValueError) as error:
                what = f"{len(row)} cells" if isinstance(error, IndexError) else str(error)
                raise DataError(
                    f"{path}, line {rows.line_num}: {what}", expected="the header's columns", fix=_FIX
                ) from None
    table = np.frombuffer(values, np.float64).reshape(-1, len(numbers))
    coded = np.frombuffer(codes, np.int8).reshape(len(table), len(words))
    return Table(
        {name: table[:, i] for i, name in enumerate(numbers)}, {name: coded[:, i] for i, name in enumerate(words)}
    )
