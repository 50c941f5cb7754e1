"""The contract's own tests (unit, fuzz, invariants), run once by forge and reported one by one."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from colearn_ledger.chain.artifact import load_artifact

from ..kit.foundry import ROOT, require_binary

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


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, str]:
    """By test: empty if it passed, else what forge says. Workers of one run share one run of forge."""
    forge = require_binary("forge")
    if worker_id == "master":
        return run_forge(forge)
    import fcntl

    shared = tmp_path_factory.getbasetemp().parent / "forge.json"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.is_file():
            shared.write_text(json.dumps(run_forge(forge)), encoding="utf-8")
    return json.loads(shared.read_text(encoding="utf-8"))


def run_forge(forge: Path) -> dict[str, str]:
    done = subprocess.run([forge, "test", "--junit"], cwd=ROOT, capture_output=True, text=True, timeout=600)
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


@pytest.mark.parametrize("name", NAMES)
def test_forge(results: dict[str, str], name: str) -> None:
    assert name in results, "forge didn't run it"
    assert not results[name], results[name]


def test_forge__ran__what_the_sources_name_and_nothing_else(results: dict[str, str]) -> None:
    assert sorted(results) == NAMES


def test_forge__tested_code__is_the_shipped_artifact(results: dict[str, str]) -> None:
    built = json.loads((ROOT / "out/CollectiveLearning.sol/CollectiveLearning.json").read_text(encoding="utf-8"))
    assert bytes.fromhex(built["bytecode"]["object"][2:]) == load_artifact().bytecode
    assert bytes.fromhex(built["deployedBytecode"]["object"][2:]) == load_artifact().deployed_bytecode
