"""A question before what can't be undone."""

from __future__ import annotations

import io

import pytest

from colearn_ledger.cli.confirm import check_terminal, confirmed
from colearn_ledger.errors import UsageError


@pytest.mark.parametrize(
    "answer, is_yes", [("y\n", True), (" YES \n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_confirmed__answer__only_yes_is(answer: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert confirmed("stop it?") is is_yes


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_check_terminal__there_is_none__says_how_it_is_confirmed(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError, match="no terminal to confirm the deployment") as caught:
        check_terminal("the deployment")
    assert caught.value.fix == "add --yes"
