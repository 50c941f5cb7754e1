"""The rows of long rounds in the docs are those of the benchmark."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.large_rounds import RUNS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"


def test_page__rows__are_the_runs_with_their_targets() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("<!-- benchmarks.large_rounds -->\n")[2].partition("\n\n")[0]
    rows = re.findall(
        r"^\| (the demo's|`--filters ([\d,]+)`) \| (\d+) (\w+) \| \d+ \| 0\.\d{4} \| (0\.\d+) \|", text, re.M
    )
    found = [(kind, filters or None, int(number), float(target)) for _, filters, number, kind, target in rows]
    assert found == [(run.rounds, run.filters, run.number, run.target) for run in RUNS]
