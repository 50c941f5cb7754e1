"""The file that remembers what a data set's privacy has cost: append-only, and written before anything is published.

One line of JSON for each training, after a first line that names the format. It belongs to the data, not to a learner
or a collective: who trains on the same data again, anywhere, goes on with the same file (docs/adr/0005).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ...errors import DataError
from ...formats.files import sync_folder

__all__ = ["PrivacyLedger", "Spending"]

FORMAT = "colearn-privacy-1"


@dataclass(frozen=True, slots=True)
class Spending:
    """What one training cost: ``steps`` Gaussian mechanisms, each on a Poisson sample.

    ``rate``: probability of a sample to be in a step. ``noise_multiplier``: the noise's standard deviation in units of
    the clip norm.
    """

    rate: float
    noise_multiplier: float
    steps: int


class PrivacyLedger:
    """What was spent on one data set.

    Parameters
    ----------
    path: the file, made if it isn't there; None remembers in memory only, for a run whose every training is published
        by this process.

    Raises
    ------
    DataError: the file can't be read or written, or it is damaged.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path).expanduser()
        self._memory: list[Spending] = []
        with self.open():  # what is wrong with it is told now, and not after the first training
            pass

    def __str__(self) -> str:
        return "memory" if self.path is None else str(self.path)

    @contextlib.contextmanager
    def open(self) -> Iterator[OpenLedger]:
        """The ledger for this process alone, until the block ends: look, decide, and append."""
        if self.path is None:
            yield OpenLedger(self._memory, None)
            return
        import fcntl

        with _told(self.path), open(self.path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed, however that comes
            yield OpenLedger(_read(self.path, file), file)


class OpenLedger:
    """What :meth:`PrivacyLedger.open` gives. ``spent``: all that was spent, oldest first."""

    def __init__(self, spent: list[Spending], file: IO[bytes] | None) -> None:
        self.spent = spent
        self._file = file

    def append(self, spending: Spending) -> None:
        """Remember a spending; it is on the disk when this returns."""
        if self._file is not None:
            _append(self._file, asdict(spending))
        self.spent.append(spending)


def _read(path: Path, file: IO[bytes]) -> list[Spending]:
    """What is in the file. A last line that was never finished is cut off: its training was never published."""
    file.seek(0)
    text = file.read()
    whole, _, torn = text.rpartition(b"\n")
    if torn:
        file.truncate(len(text) - len(torn))
    if not whole:
        _append(file, {"format": FORMAT})
        sync_folder(path.parent)
        return []
    lines = whole.split(b"\n")
    try:
        if json.loads(lines[0]) != {"format": FORMAT}:
            raise ValueError(f"the first line is not {FORMAT!r}")
        return [_spending(json.loads(line)) for line in lines[1:]]
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the privacy ledger {path} is damaged: {error}",
            expected=f"a file of the format {FORMAT}, which only learners write to",
            fix="restore it from a backup; without it nobody knows what this data's privacy has cost",
        ) from None


def _spending(line: dict[str, object]) -> Spending:
    spending = Spending(**line)  # type: ignore[arg-type]
    good = (
        type(spending.steps) is int
        and spending.steps > 0
        and all(isinstance(v, float | int) and math.isfinite(v) for v in (spending.rate, spending.noise_multiplier))
        and 0 < spending.rate <= 1
        and spending.noise_multiplier > 0
    )
    if not good:
        raise ValueError(f"{line} is no training")
    return spending


def _append(file: IO[bytes], line: dict[str, object]) -> None:
    file.write(json.dumps(line).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(
            f"the privacy ledger {path} can't be used: {error.strerror or error}",
            expected="a file that this user may read and write, in a folder that is there",
            fix="correct the path or its permissions; nothing is published without it",
        ) from error
