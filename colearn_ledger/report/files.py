"""Writing a report's file whole or not at all, with an error that says what can be done."""

from __future__ import annotations

from pathlib import Path

from ..errors import StoreError
from ..formats.files import write_whole

__all__ = ["write_report"]


def write_report(path: str | Path, data: str | bytes | memoryview) -> None:
    """As :func:`.write_whole`. Raises StoreError when the file can't be written."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreError(
            f"can't write {path}: {error.strerror or error}",
            expected="a folder that this user may write to, with room on its disk",
            fix="name another folder, or make room",
        ) from error
