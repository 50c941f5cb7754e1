"""Tables as lines of text: cells under their column's name, two spaces apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["Column", "columns", "row"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its least width, and whether its cells are at its right, as numbers are."""

    name: str
    width: int = 0
    right: bool = False

    def fitting(self, cells: Iterable[str]) -> Column:
        """As wide as its name and all these cells need."""
        return replace(self, width=max(self.width, len(self.name), *map(_width, cells)))


def _width(text: str) -> int:
    """Columns of a terminal: some scripts' characters have two, accents of their own none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def row(known: Sequence[Column], cells: Sequence[str]) -> str:
    """One line of a table whose columns' widths are known, for lines that come one by one."""
    padded = [
        cell.rjust(column.width) if column.right else cell + " " * (column.width - _width(cell))
        for column, cell in zip(known, cells, strict=True)
    ]
    return "  ".join(padded).rstrip()


def columns(known: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The header and the lines of a table, each column as wide as its cells need."""
    fitting = [column.fitting(cells[i] for cells in rows) for i, column in enumerate(known)]
    yield row(fitting, [column.name for column in known])
    for cells in rows:
        yield row(fitting, cells)
