"""Rules in words."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.threshold import need
from colearn_ledger.report.rules import WINDOWS, windows_in_words


def test_windows__are_all_of_the_rules_in_their_order() -> None:
    # The one to train is of joint rounds alone, and the pause may be none: both have options of their own.
    others = {"threshold_numerator", "threshold_denominator", "train_window", "pause"}
    names = [field.name for field in fields(Rules) if field.name not in others]
    assert [window.name for window in WINDOWS] == names
    assert WINDOWS[0].flag == "--propose-window"


def test_table__of_members_and_thresholds__is_what_decides() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tutorial-consortium.md").read_text(encoding="utf-8")
    header, _, *rows = page.partition("may be away -->\n")[2].partition("\n\n")[0].splitlines()
    thresholds = [Fraction(cell.strip()) for cell in header.split("|")[2:-1]]
    assert len(rows) > 5 and len(thresholds) == 3
    for row in rows:
        members, *cells = (cell.strip() for cell in row.split("|")[1:-1])
        others = int(members) - 1
        needed = [need(threshold, others) for threshold in thresholds]
        assert cells == [f"{n} / {others - n}" for n in needed]


@pytest.mark.parametrize(
    "secret, words",
    [
        (False, "1s to propose, 2s to vote, 4s for a motion"),
        (True, "1s to propose, 2s to commit, 3s to reveal, 4s for a motion"),
    ],
)
def test_windows__open_and_secret__are_told_by_their_steps(secret: bool, words: str) -> None:
    assert windows_in_words(Rules(1, 2, 1, 2, 3, 4), secret=secret) == words
