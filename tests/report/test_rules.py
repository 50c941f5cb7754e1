"""Rules in words."""

from __future__ import annotations

from dataclasses import fields

import pytest

from colearn_ledger.core.protocol import Rules
from colearn_ledger.report.rules import WINDOWS, windows_in_words


def test_windows__are_all_of_the_rules_in_their_order() -> None:
    names = [field.name for field in fields(Rules) if not field.name.startswith("threshold")]
    assert [window.name for window in WINDOWS] == names
    assert WINDOWS[0].flag == "--propose-window"


@pytest.mark.parametrize(
    "secret, words",
    [
        (False, "1s to propose, 2s to vote, 4s for a motion"),
        (True, "1s to propose, 2s to commit, 3s to reveal, 4s for a motion"),
    ],
)
def test_windows__open_and_secret__are_told_by_their_steps(secret: bool, words: str) -> None:
    assert windows_in_words(Rules(1, 2, 1, 2, 3, 4), secret=secret) == words
