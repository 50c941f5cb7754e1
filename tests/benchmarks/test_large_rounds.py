"""The rows of long rounds in the docs are those of the benchmark."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.large_rounds import RUNS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"


def test_page__rows__are_the_runs_with_their_targets() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("<!-- benchmarks.large_rounds -->\n")[2].partition("\n\n")[0]
    row = r"^\| (?:the demo's|`([^`]+)`) \| (\d+) (\w+) \| \d+ \| 0\.\d{4} \| (0\.\d+) \|"
    found = re.findall(row, text, re.MULTILINE)
    assert found == [(run.options, str(run.number), run.rounds, str(run.target)) for run in RUNS]


def test_runs__names__are_different() -> None:
    assert len({run.name for run in RUNS}) == len(RUNS)
