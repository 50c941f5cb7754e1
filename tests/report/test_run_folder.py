"""A folder for each run."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.errors import StoreError
from colearn_ledger.report.run_folder import new_run_folder


def test_new_run_folder__several_in_one_second__each_is_another_one(tmp_path: Path) -> None:
    made = [new_run_folder(tmp_path / "runs", "IRIS", at=1_000_000.0) for _ in range(3)]
    assert len(set(made)) == 3 and all(folder.is_dir() and not list(folder.iterdir()) for folder in made)
    assert made[0].name.endswith("-iris") and made[2].name == made[0].name + "-3"


def test_new_run_folder__a_file_in_its_way__is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(StoreError, match="can't make the folder"):
        new_run_folder(tmp_path / "runs", "IRIS")
