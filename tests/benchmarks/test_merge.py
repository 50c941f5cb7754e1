"""What a merge takes: no more memory than the target says, and what the benchmark says of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import merge
from benchmarks.merge import MEMORY, TARGETS, Merged


@pytest.mark.slow
def test_measure__small_weights__every_rule_within_two_sets_and_nothing_stays(tmp_path: Path) -> None:
    found = merge.measure(4, 5, tmp_path)
    assert found.seconds.keys() == found.memory.keys() == TARGETS.keys()
    assert max(found.memory.values()) < MEMORY and found.pull > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("slow, wide, code", [(1.0, 1.0, 0), (8.1, 1.0, 1), (1.0, 2.1, 1)])
def test_check__above_a_target__fails(
    slow: float, wide: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Merged(1.0, dict.fromkeys(TARGETS, slow), dict.fromkeys(TARGETS, wide))
    monkeypatch.setattr(merge, "measure", lambda *given, **more: found)
    monkeypatch.setattr(sys, "argv", ["benchmark", "--check"])
    assert merge.main() == code
    assert f"{slow:.2f}  (4)" in capsys.readouterr().out
