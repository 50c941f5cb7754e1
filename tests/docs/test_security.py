"""SECURITY.md: each test that it names is there, and it names one for all that it says is stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split(" | ") for line in TEXT.splitlines() if line.startswith("| ")]
CLAIMS = [cells for cells in ROWS if cells[1].strip() not in ("What stops it", "What bounds it", "What there is")]
NAMED = sorted(set(re.findall(r"`([\w/.]+::\w+)`", TEXT)))


@pytest.mark.parametrize("name", NAMED)
def test_security__test_that_it_names__exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert re.search(rf"\b(def|function) {test}\(", (ROOT / "tests" / path).read_text(encoding="utf-8"))


def test_security__what_is_stopped__is_shown_by_a_test() -> None:
    assert len(CLAIMS) > 30
    for cells in CLAIMS:
        assert len(cells) == 3, cells
        stopped = not re.match(r"nothing:|not stopped", cells[1].strip())
        assert ("::" in cells[2]) == stopped, cells
