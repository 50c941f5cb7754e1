"""The run's record as a JSON file."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.results import Results
from ..errors import DataError
from .files import write_report

__all__ = ["FORMAT", "environment", "read", "write"]

FORMAT = "colearn-results-1"
# By import name: what the numbers of a run may depend on.
_PACKAGES = {
    "numpy": "numpy",
    "tensorflow": "tensorflow-cpu tensorflow",
    "keras": "keras",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "xgboost": "xgboost xgboost-cpu",
    "web3": "web3",
    "eth_tester": "eth-tester",
    "eth": "py-evm",
}
_VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS")


def write(results: Results, path: str | Path, run: Mapping[str, Any] | None = None) -> None:
    """Write the results, and under ``run`` what else is worth keeping (options, :func:`environment`).

    Raises StoreError when the file can't be written.
    """
    record = {"format": FORMAT, **results.to_dict(), "run": dict(run or {})}
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    write_report(path, text)


def read(path: str | Path) -> Results:
    """The results in a record; DataError if it can't be read or is none."""
    fix = "name a results.json that the demo or record.write() made"
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']!r}")
        return Results.from_dict(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is no record of a run: {error}", expected=f"a JSON file of the format {FORMAT}", fix=fix
        ) from None


def environment() -> dict[str, Any]:
    """Versions of this package, Python, and the packages in use now; and the settings that bytes may depend on."""
    versions = {"colearn-ledger": __version__, "python": platform.python_version()}
    for module, names in _PACKAGES.items():
        if module in sys.modules:
            versions[names.split()[0]] = _version(names)
    return {
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "settings": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _version(names: str) -> str:
    for name in names.split():
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
