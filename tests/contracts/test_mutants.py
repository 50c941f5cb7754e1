"""The contract's tests see faults: a few, drawn by lot, each time; all of them are in docs/contract-mutants.md."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colearn_ledger.errors import UsageError

from ..conftest import SEED
from .test_forge import named_tests

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import mutate_contract  # noqa: E402
from contract_mutants import MUTANTS, Mutant  # noqa: E402
from mutate_contract import REPORT, Outcome, fingerprint  # noqa: E402

# The same rule in other words: nobody can see it.
UNSEEN = Mutant(
    "none",
    "nothing is broken",
    "return present.closed || present.missed != 0;",
    "return present.missed != 0 || present.closed;",
)


@pytest.mark.slow
@pytest.mark.long
def test_faults__drawn_by_lot__are_seen_and_an_invisible_one_survives(
    require_tool: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("node", "node_modules/solc", "node_modules/@foundry-rs")
    with mutate_contract.benches(1) as [bench]:
        for mutant in random.Random(int(os.environ[SEED])).sample(MUTANTS, 6):
            outcome = bench.try_out(mutant)
            assert outcome.killed and not outcome.trouble, outcome
        # The quick suite will do to see that nothing is seen.
        monkeypatch.setattr(mutate_contract, "SUITES", mutate_contract.SUITES[:1])
        assert bench.try_out(UNSEEN) == Outcome(UNSEEN)
        broken = UNSEEN._replace(new="return present.closd;")
        assert "doesn't compile" in bench.try_out(broken).trouble


class OneCode:
    """A compiler to which everything is the same."""

    def compile(self, sources: mutate_contract.Sources) -> str:
        return "0x00"


@pytest.mark.parametrize(
    ("mutant", "trouble"),
    [
        (UNSEEN, "changes no bytecode"),
        (UNSEEN._replace(old="no such text"), "has 0 places"),
        (UNSEEN._replace(new=UNSEEN.old), "has 1 places"),
        (UNSEEN._replace(file="parts/Rounds.sol"), "has 0 places in parts/Rounds.sol"),
    ],
)
def test_fault__that_is_none__is_unusable(mutant: Mutant, trouble: str) -> None:
    bench = mutate_contract.Bench(OneCode(), None)  # type: ignore[arg-type]
    assert trouble in bench.try_out(mutant).trouble


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for forge")
@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ("exit 0", ""),
        ("echo 'Ran 2 tests for tests/contracts/X.t.sol:X'; echo '[FAIL: no] test_y() (gas: 1)'; exit 1", "X.test_y"),
        ("kill -9 $$", None),
        ("echo 'no such option'; exit 2", None),
    ],
    ids=["passes", "fails", "is killed", "can't be run"],
)
def test_forge__how_it_ends__only_a_failing_test_sees_a_fault(tmp_path: Path, script: str, ends: str | None) -> None:
    forge = tmp_path / "forge"
    forge.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    forge.chmod(0o755)
    shop = mutate_contract.Workshop(tmp_path, forge)
    if ends is None:
        with pytest.raises(UsageError, match="forge ended with"):
            shop.first_failure(mutate_contract.SUITES[0])
    else:
        assert shop.first_failure(mutate_contract.SUITES[0]) == ends


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (Outcome(UNSEEN, killer="RoundsTest.test_x"), 0, "1 faults in 0 s: 1 killed"),
        (Outcome(UNSEEN), 1, "none: nothing is broken: SURVIVED"),
        (Outcome(UNSEEN, trouble="changes no bytecode"), 2, "none: nothing is broken: UNUSABLE, changes no bytecode"),
    ],
)
def test_command__exit_code__says_whether_a_fault_survived(
    outcome: Outcome,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(mutate_contract, "try_all", lambda mutants, jobs: [outcome])
    monkeypatch.setattr(mutate_contract, "REPORT", tmp_path / "none.md")
    assert mutate_contract.main([], [UNSEEN]) == code
    assert said in capsys.readouterr().out


def test_faults__each__has_one_place_and_a_name_of_its_own() -> None:
    sources = mutate_contract.read_sources()
    for mutant in MUTANTS:
        mutate_contract.apply(sources, mutant)
    names = [(m.group, m.name) for m in MUTANTS]
    assert len(set(names)) == len(names) >= 200


def test_report__some_tried_again__their_rows_are_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(mutate_contract, "REPORT", page)
    again = [m for m in MUTANTS if m.name == "a tie accepts"]
    arguments = ["--only", "a tie accepts"]
    monkeypatch.setattr(mutate_contract, "try_all", lambda mutants, jobs: [Outcome(m, "A.test_new") for m in mutants])
    assert mutate_contract.main(arguments) == 0
    assert not page.exists()  # one row is no page
    page.write_text(mutate_contract.render([Outcome(m, "A.test_old") for m in MUTANTS]), encoding="utf-8")
    assert mutate_contract.main(arguments) == 0
    text = page.read_text(encoding="utf-8")
    assert text == mutate_contract.render([Outcome(m, "A.test_new" if m in again else "A.test_old") for m in MUTANTS])
    old = text.replace(fingerprint(), "0" * 16)  # of another contract
    page.write_text(old, encoding="utf-8")
    assert mutate_contract.main(arguments) == 0
    assert page.read_text(encoding="utf-8") == old
    assert mutate_contract.main([*arguments, "--carry"]) == 0
    text = page.read_text(encoding="utf-8")
    carried = [Outcome(m, "A.test_new") if m in again else Outcome(m, "A.test_old", earlier=True) for m in MUTANTS]
    assert text == mutate_contract.render(carried) and f"Of these {len(MUTANTS) - len(again)} were seen in an" in text
    assert mutate_contract.recorded(text) == {o.mutant: o for o in carried}


def test_report__is_about_the_contract_and_the_faults_there_are() -> None:
    report = REPORT.read_text(encoding="utf-8")
    assert f"`{fingerprint()}`" in report, "run scripts/mutate_contract.py"
    assert f"**{len(MUTANTS)} of {len(MUTANTS)} faults were seen.**" in report
    there = {".".join(name.split(":")[1:]) for name in named_tests()}
    gone = {outcome.killer for outcome in mutate_contract.recorded(report).values()} - there
    assert not gone, "run scripts/mutate_contract.py --only ... for the faults that these tests saw"
