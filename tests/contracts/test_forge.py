"""The contract's own tests, which forge runs (examples and fuzz tests, and invariants), reported one by one."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from colearn_ledger.chain.artifact import load_artifact

from ..kit.foundry import ROOT, require_binary
from ..kit.quick import is_quick

CONTRACTS = ROOT / "tests" / "contracts"
_CONTRACT = re.compile(r"^(abstract )?contract (\w+)(?: is ([\w, ]+))? \{", re.MULTILINE)
_TEST = re.compile(r"function ((?:test|invariant)\w*)\(")


def named_tests() -> Iterator[str]:
    """``file:contract:function`` of every test, inherited ones too, as the sources have them."""
    for file in sorted(CONTRACTS.rglob("*.t.sol")):
        text = file.read_text(encoding="utf-8")
        found = list(_CONTRACT.finditer(text))
        ends = [m.start() for m in found[1:]] + [len(text)]
        functions: dict[str, list[str]] = {}
        for match, end in zip(found, ends, strict=True):
            abstract, contract, parents = match.groups()
            functions[contract] = _TEST.findall(text, match.end(), end)
            for parent in (parents or "").split(", "):
                functions[contract] += functions.get(parent, [])
            if not abstract:
                yield from (f"{file.name}:{contract}:{f}" for f in functions[contract])


NAMES = sorted(named_tests())
# What takes forge as long as all the rest together.
INVARIANTS = [name for name in NAMES if name.split(":")[1].endswith("Invariants")]
EXAMPLES = [name for name in NAMES if name not in INVARIANTS]
QUICK_FUZZ_RUNS = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """This run's, which all its workers see."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="module")
def results(folder: Path, pytestconfig: pytest.Config) -> dict[str, str]:
    """By test: empty if it passed, else what forge says."""
    return shared_run(folder, "--no-match-contract", QUICK_FUZZ_RUNS if is_quick(pytestconfig) else None)


@pytest.fixture(scope="module")
def invariants(folder: Path) -> dict[str, str]:
    """As ``results``, of the invariants."""
    return shared_run(folder, "--match-contract")


def shared_run(folder: Path, which: str, fuzz_runs: int | None = None) -> dict[str, str]:
    """Workers of one run of the tests share one run of forge; two at once would write the same build."""
    import fcntl

    forge = require_binary("forge")
    shared = folder / f"forge{which}.json"
    with (folder / "forge.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.is_file():
            shared.write_text(json.dumps(run_forge(forge, which, "Invariants$", fuzz_runs=fuzz_runs)), encoding="utf-8")
    outcomes: dict[str, str] = json.loads(shared.read_text(encoding="utf-8"))
    return outcomes


def run_forge(forge: Path, *words: str, fuzz_runs: int | None = None) -> dict[str, str]:
    """``fuzz_runs``: how often each fuzz test is run; None: as often as foundry.toml says."""
    command = [forge, "test", "--junit", *words]
    environment = os.environ | ({} if fuzz_runs is None else {"FOUNDRY_FUZZ_RUNS": str(fuzz_runs)})
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    try:
        report = ElementTree.fromstring(done.stdout[done.stdout.index("<?xml") :])
    except (ValueError, ElementTree.ParseError):
        pytest.fail(f"forge gave no report:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    outcomes: dict[str, str] = {}
    for suite in report.iter("testsuite"):
        for case in suite.iter("testcase"):
            name = f"{suite.attrib['name'].rpartition('/')[2]}:{case.attrib['name'].partition('(')[0]}"
            passed = case.find("failure") is None and case.find("skipped") is None
            outcomes[name] = "" if passed else "\n".join(case.itertext()).strip() or "failed"
    # Belt and braces: forge's own verdict must agree with what was read out of its report.
    assert (done.returncode == 0) == (not any(outcomes.values())), done.stdout[-4000:] + done.stderr[-4000:]
    return outcomes


@pytest.mark.parametrize("name", EXAMPLES)
def test_forge(results: dict[str, str], name: str) -> None:
    assert name in results, "forge didn't run it"
    assert not results[name], results[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", INVARIANTS)
def test_forge__invariants(invariants: dict[str, str], name: str) -> None:
    assert name in invariants, "forge didn't run it"
    assert not invariants[name], invariants[name]


def test_forge__ran__what_the_sources_name_and_nothing_else(results: dict[str, str]) -> None:
    assert sorted(results) == EXAMPLES


@pytest.mark.slow
def test_forge__ran__every_invariant_and_nothing_else(invariants: dict[str, str]) -> None:
    assert sorted(invariants) == INVARIANTS and len(INVARIANTS) >= 4


def test_forge__tested_code__is_the_shipped_artifact(results: dict[str, str]) -> None:
    built = json.loads((ROOT / "out/CollectiveLearning.sol/CollectiveLearning.json").read_text(encoding="utf-8"))
    assert bytes.fromhex(built["bytecode"]["object"][2:]) == load_artifact().bytecode
    assert bytes.fromhex(built["deployedBytecode"]["object"][2:]) == load_artifact().deployed_bytecode
