"""The run's record as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.results import Results

__all__ = ["write"]


def write(results: Results, path: str | Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write the results, and under ``run`` what else is worth keeping about the run."""
    record = {**results.to_dict(), "run": dict(extra or {})}
    Path(path).write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
