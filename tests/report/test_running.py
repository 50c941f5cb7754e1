"""The public ``run``: the driver's results, and a line on a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest

from colearn_ledger import run
from colearn_ledger.core.driver import run as run_quietly
from colearn_ledger.core.results import RoundResult

from ..kit.learners import linear_learners


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """From now on standard error is one; within a test, since pytest has its own before."""
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    return shown


def test_run__on_a_terminal__says_how_far_it_is_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch)
    results = run(4, linear_learners(3), names=["a", "b", "c"])
    assert results.final_sha256 == run_quietly(4, linear_learners(3), names=["a", "b", "c"]).final_sha256
    assert "4/4" in shown.getvalue() and "accepted, mean test score" in shown.getvalue()


def test_run__no_terminal_or_told_not_to__says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    run(2, linear_learners(3))
    assert capsys.readouterr().err == ""
    shown = terminal(monkeypatch)
    told: list[RoundResult] = []
    run(2, linear_learners(3), progress=False)
    run(2, linear_learners(3), on_round=told.append)
    assert shown.getvalue() == "" and [result.round for result in told] == [0, 1, 2]
    run(2, linear_learners(3), on_round=told.append, progress=True)
    assert "2/2" in shown.getvalue() and len(told) == 6


def test_run__a_mistake__is_told_as_the_driver_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    with pytest.raises(ValueError, match="number of rounds"):
        run(0, linear_learners(3))
