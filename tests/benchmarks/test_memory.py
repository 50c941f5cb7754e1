"""How much memory a round takes: no more than the targets say, and what the benchmark says of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import memory
from colearn_ledger.stores.local import LocalStore


@pytest.mark.slow
def test_measure__no_more_than_the_targets(tmp_path: Path) -> None:
    memory.measure(1000, LocalStore(tmp_path))  # what is made once for all, as an import's, isn't meant
    found = memory.measure(8_000_000, LocalStore(tmp_path))
    assert found.keys() == memory.TARGETS.keys()
    assert {what: sets for what, sets in found.items() if sets > memory.TARGETS[what]} == {}
    assert min(found.values()) > 0.9, "less than one set can't be"


@pytest.mark.slow
def test_check__above_a_target__fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--megabytes", "10", "--check"])
    assert memory.main() == 0
    monkeypatch.setattr(memory, "measure", lambda size, store: dict.fromkeys(memory.TARGETS, 3.01))
    assert memory.main() == 1
    assert "3.01  (3)" in capsys.readouterr().out
