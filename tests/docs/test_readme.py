"""What the README and the other pages say is what the code says."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.gas import with_table
from colearn_ledger.core.protocol import RoundRecord, RoundState, WeightsRef
from colearn_ledger.founding.names import Names
from colearn_ledger.history import Choice, Round, Transaction, Vote
from colearn_ledger.report.rounds import RoundsTable
from colearn_ledger.report.table import Table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GAS = ("gas.json", "gas-geth.json")
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


def gas() -> tuple[dict[str, float], dict[str, float]]:
    """The figures on record: under Osaka's rules, and under later ones."""
    osaka, later = (json.loads((ROOT / "benchmarks" / name).read_text(encoding="utf-8")) for name in GAS)
    assert osaka.keys() == later.keys()
    return osaka, later


def test_gas__every_row__is_on_record() -> None:
    assert len(block_after("benchmarks.gas").splitlines()) > 10
    assert with_table(README, *gas()) == README, "run `python -m benchmarks.gas --update`"


def test_gas__a_figure_changes__its_row_is_written_anew() -> None:
    figures, later = gas()
    changed = with_table(README, {**figures, "deployment_5": 4_000_001}, later)
    differing = [pair for pair in zip(README.splitlines(), changed.splitlines(), strict=True) if pair[0] != pair[1]]
    assert [new.split()[:2] for _, new in differing] == [["deployment_5", "4,000,001"]]


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


def test_outputs__of_deployments__are_of_this_contract() -> None:
    of_five = gas()[0]["deployment_5"]
    demo, history = (
        int(re.findall(r"genesis .*?  (\d,\d{3},\d{3})", block_after(name))[0].replace(",", ""))
        for name in ("demo output", "colearn-ledger history")
    )
    assert abs(demo - of_five) < 1_000, "what calldata's zeros make; else run scripts/demo and show what it prints"
    assert 80_000 < of_five - history < 100_000, "three members are two seats less; else run the README's commands"


def test_history__output__is_what_the_command_prints_for_these_rounds() -> None:
    header, genesis, one, *others, last = block_after("colearn-ledger history").splitlines()

    def sent(row: str, number: int) -> Transaction:
        gas, time = re.findall(r"([\d,]+)  (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)$", row)[0]
        seconds = int(datetime.fromisoformat(f"{time}+00:00").timestamp())
        return Transaction(b"", 1, seconds, number, (), "0x", int(gas.replace(",", "")), 1)

    def weights(row: str) -> WeightsRef:
        name, size = re.findall(r"  ([0-9a-f]{8})  (\d+) bytes", row)[0]
        return WeightsRef(bytes.fromhex(name) + bytes(28), bytes(32), int(size))

    called: dict[str, str] = {}

    def proposer(row: str) -> str:
        name, first, last = re.findall(r"(\S+) (0x\w{4})…(\w{4})", row)[0]
        address = str(first + "0" * 32 + last)
        called[address] = name
        return address

    state = RoundState.ACCEPTED
    records = [
        RoundRecord(0, state, "", 0, b"", None, weights(genesis), 1, 3, 0, 0, 0, 0, 0),
        RoundRecord(1, state, proposer(one), 0, b"", bytes(32), weights(one), 1, 3, 0, 6, 0, 0, 2),
        RoundRecord(11, RoundState.PROPOSING, proposer(last), 0, b"", None, None, 1, 3, 1, 0, 0, 0, 0),
    ]
    deployed, decided = sent(genesis, 0), sent(one, 1)
    votes = tuple(Vote(seat, "", Choice.APPROVED) for seat in (1, 2))
    rounds = [
        Round(records[0], transactions=(deployed,)),
        Round(records[1], ("", "", ""), votes, by_clock=False, transactions=(decided,), decided=decided),
        Round(records[2]),
    ]
    table = RoundsTable(rounds, 120, Names(called))
    assert [table.header, *table.lines(rounds)] == [header, genesis, one, last]
    rows = [line for line in others if "accepted" in line or "rejected" in line]
    assert len(rows) == len(others) - 1  # what is left out
    for row in rows:
        votes_by_seat, decision = row.split()[3:5]
        assert len(row) == len(one) and (votes_by_seat.count("+") > 1) == (decision == "accepted")


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
