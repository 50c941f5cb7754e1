"""How often a round touches the weights: no more than the targets say, and what the benchmark says of it."""

from __future__ import annotations

import sys

import pytest

from benchmarks import round_work


@pytest.mark.parametrize("role", round_work.TARGETS)
def test_count__one_accepted_round__is_the_target(role: str) -> None:
    assert round_work.count(size=1000)[role] == round_work.TARGETS[role]


@pytest.mark.slow
def test_check__above_a_target__fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--megabytes", "1", "--check"])
    assert round_work.main() == 0
    found = round_work.count(size=1000)
    found["voter"]["fetched"] += 1
    monkeypatch.setattr(round_work, "count", lambda: found)
    assert round_work.main() == 1
    assert "2 (1)" in capsys.readouterr().out
