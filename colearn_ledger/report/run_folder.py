"""A folder for each run, so that no run's results are written over another's."""

from __future__ import annotations

import time
from pathlib import Path

from ..errors import StoreError

__all__ = ["new_run_folder"]


def new_run_folder(base: Path, name: str, at: float | None = None) -> Path:
    """Make ``base/TIME-name``, where nothing is yet: the local time ``at`` (now if None) and, if need be, a number.

    Raises StoreError where it can't be made.
    """
    stamp = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(at))
    number = 1
    while True:
        folder = base / (f"{stamp}-{name.lower()}" + (f"-{number}" if number > 1 else ""))
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError as error:
            if not base.is_dir():
                raise _unusable(folder, error) from error
            number += 1
        except OSError as error:
            raise _unusable(folder, error) from error
        else:
            return folder


def _unusable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"can't make the folder {folder}: {error.strerror or error}",
        expected="a folder that this user may write to",
        fix="give another --output",
    )
