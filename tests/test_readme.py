"""What the README and the other pages say is what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from colearn_ledger.report.table import Table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def block_after(marker: str) -> str:
    """The fenced block that follows a comment in the README."""
    found = re.search(re.escape(f"<!-- {marker} -->") + r"\n```\w*\n(.*?)\n```\n", README, re.DOTALL)
    assert found, f"the README has no block marked {marker}"
    return found[1]


def test_own_learner__the_same_as_the_example_and_short() -> None:
    example = (ROOT / "examples" / "own_learner.py").read_text(encoding="utf-8")
    shown = block_after("examples/own_learner.py")
    assert shown == example.partition("# [learner]\n")[2].partition("# [run]")[0].strip()
    assert len(shown.splitlines()) < 30


def test_gas__every_row__is_on_record() -> None:
    figures = json.loads((ROOT / "benchmarks" / "gas.json").read_text(encoding="utf-8"))
    rows = [line.split() for line in block_after("benchmarks.gas").splitlines()[1:]]
    assert len(rows) > 10
    for name, gas, *_ in rows:
        assert float(gas.replace(",", "")) == figures[name], name


def test_node__figures__are_against_the_targets_that_the_benchmarks_have() -> None:
    from benchmarks import idle, latency, overhead, transfer

    shown = {name: block_after(f"benchmarks.{name}") for name in ("overhead", "latency", "transfer", "idle")}
    first = next(line for line in shown["overhead"].splitlines() if "costs nothing" in line).split()
    assert float(first[-1]) == overhead.TARGET_MS
    assert f"(target: at most {overhead.TARGET_SHARE:.0%}" in shown["overhead"]
    targets = [float(line.split()[-1]) for line in shown["latency"].splitlines()[2:]]
    assert targets == [round(latency.target_s(interval) * 1000) for interval in latency.INTERVALS]
    assert f"(target: at least {transfer.TARGET:.2f})" in shown["transfer"]
    assert f"(targets: at most {idle.TARGET_CPU:.0%}, {idle.TARGET_MB:.0f} MB)" in shown["idle"]


def test_demo__output__has_the_columns_that_the_demo_prints() -> None:
    lines = block_after("demo output").splitlines()
    header = Table([f"learner {i + 1}" for i in range(5)]).header
    assert lines[1] == header
    assert {len(line) for line in lines[2:8]} == {len(header)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links__to_files__lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", t)]
    missing = [t for t in targets if t.partition("#")[0] and not (page.parent / t.partition("#")[0]).exists()]
    assert not missing


def test_paths__named_in_the_table_of_the_readme__are_there() -> None:
    rows = README.partition("## What is where")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w./]+/)`", rows)
    assert len(named) > 8
    assert not [path for path in named if not (ROOT / path).is_dir()]
