"""What tests of commands on a chain have in common: one Anvil for each module, and a folder to run them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..kit.anvil import Anvil, anvil


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's story leaves its deployment.json."""
    return tmp_path_factory.mktemp("story")


@pytest.fixture
def in_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find the deployment there, and nothing in the environment."""
    monkeypatch.chdir(folder)
    for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
