"""The command that plants faults in Python code, on a project of one module."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from python_faults import faults_of, with_fault  # noqa: E402

MODULE = '''
"""Says 1 > 0."""

LIMIT = 3


def is_small(number: int | None, least: int = 0) -> bool:
    """Whether 2 > 1."""
    if number is None:
        raise ValueError(f"the number {1 + 1} is missing")
    return least <= number < LIMIT


def untested(number: int) -> int:
    return number * 2


def in_another_process(number: int) -> int:
    return number + 7
'''
TESTS = """
import subprocess, sys
import pytest
from toy.core.sizes import is_small, untested

@pytest.mark.parametrize(("number", "small"), [(-1, False), (0, True), (2, True), (3, False)])
def test_is_small(number, small):
    assert is_small(number) is small

def test_nothing():
    assert untested(0) == 0

def test_process():
    code = "from toy.core.sizes import in_another_process as f; print(f(1))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "8\\n"
"""
TABLES = """
FOLDERS, TESTS, MARKS, FEWER, IN_OTHER_PROCESSES, IMPORTED_ONCE = ("toy/core",), {}, {}, {}, set(), ("pytest",)
MAY_LIVE, NAMES = {}, "test"
"""


def make_project(folder: Path) -> None:
    for name, text in {
        "toy/__init__.py": "",
        "toy/core/__init__.py": "",
        "toy/core/sizes.py": MODULE,
        "tests/conftest.py": "",
        "tests/core/test_sizes.py": TESTS,
        "scripts/python_fault_tables.py": TABLES,
        "pytest.ini": "[pytest]\nmarkers = slow\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def mutate(folder: Path, *arguments: str) -> tuple[int, dict[str, str], str]:
    """Exit code, what became of each fault, and all that was said."""
    environment = {**os.environ, "COLEARN_FAULT_ROOT": str(folder), "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "mutate_python.py"), "core", "--jobs", "2", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    became = {}
    for line in done.stdout.partition("\n\n")[0].splitlines():
        key, found, killer = line.rpartition(": ")
        if found:
            became[key] = killer
    return done.returncode, became, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_faults__seen_or_not__told_apart_and_not_tried_again(tmp_path: Path) -> None:
    make_project(tmp_path)
    code, became, said = mutate(tmp_path, "--each", "1000")
    assert code == 1, said
    boundary = "core/sizes is_small: `least <= number < LIMIT` -> `least <= number <= LIMIT`"
    assert became[boundary] == "tests/core/test_sizes.py::test_is_small[3-False]", said
    assert became["core/sizes untested: `2` -> `3` in `return number * 2`"] == "SURVIVED"
    default = "core/sizes is_small: `0` -> `1` in `def is_small(number: int \\| None, least: int=0) -> bool:`"
    assert became[default] == "tests/core/test_sizes.py::test_is_small[0-True]"
    assert became["core/sizes module: `3` -> `4` in `LIMIT = 3`"] == "tests/core/test_sizes.py::test_is_small[3-False]"
    assert (tmp_path / "toy/core/sizes.py").read_text(encoding="utf-8") == MODULE

    code, again, said = mutate(tmp_path, "--each", "1000")
    assert (code, again) == (1, {})
    assert f"{len(became)} faults, 0 of them to try" in said

    # A new test is tried on what survived; who had seen the others is known.
    tests = tmp_path / "tests/core/test_sizes.py"
    tests.write_text(TESTS + "\ndef test_untested():\n    assert untested(3) == 6\n", encoding="utf-8")
    code, again, said = mutate(tmp_path, "--each", "1000")
    assert set(again) == {key for key, killer in became.items() if killer == "SURVIVED"}
    assert again["core/sizes untested: `2` -> `3` in `return number * 2`"] == "tests/core/test_sizes.py::test_untested"

    # Another line above changes no fault's name, and all of them are tried on the new source.
    (tmp_path / "toy/core/sizes.py").write_text("# a remark\n" + MODULE, encoding="utf-8")
    tables = tmp_path / "scripts/python_fault_tables.py"
    tables.write_text(TABLES.replace("set()", "{'core/sizes'}"), encoding="utf-8")
    code, again, said = mutate(tmp_path, "--each", "1000")
    assert set(again) == set(became)
    # That module's lines are run by other processes, too.
    other = "core/sizes in_another_process: `number + 7` -> `number - 7` in `return number + 7`"
    assert (became[other], again[other]) == ("SURVIVED", "tests/core/test_sizes.py::test_process")


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_tests__fail_without_a_fault__nothing_is_tried(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "tests/core/test_sizes.py").write_text("def test_x():\n    assert False\n", encoding="utf-8")
    code, became, said = mutate(tmp_path)
    assert (code, became) == (2, {})
    assert "without any fault tests/core/test_sizes.py::test_x fails" in said


def test_faults__of_what_only_people_read__are_none() -> None:
    keys = [fault.key for fault in faults_of(MODULE)]
    assert len(set(keys)) == len(keys)
    read = [key for key in keys if any(text in key for text in ("1 + 1", "1 > 0", "2 > 1", "int | None"))]
    assert read == ["is_small: without `raise ValueError(f'the number {1 + 1} is missing')`"]  # the whole statement


@pytest.mark.slow
def test_fault__each__changes_the_module() -> None:
    core = ROOT / "colearn_ledger" / "core"
    sources = [(core / f"{name}.py").read_text(encoding="utf-8") for name in ("asking", "decide", "threshold")]
    for source in sources:
        sound = ast.unparse(ast.parse(source))
        for fault in faults_of(source)[::5]:
            changed = with_fault(source, fault.number)
            assert ast.unparse(changed) != sound, fault
            compile(changed, "module", "exec")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells whose a process is")
def test_tests__leave_a_process_in_a_session_of_its_own__it_is_ended(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "tests/core/test_sizes.py").write_text(
        "import subprocess, sys\n"
        f"COMMAND = [sys.executable, '-c', 'import signal; signal.pause()', '{tmp_path}/left']\n"
        "def test_leaves():\n"
        "    subprocess.Popen(COMMAND, start_new_session=True)\n"
    )
    _, _, said = mutate(tmp_path, "--each", "1")
    assert "1 faults" in said
    running = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert f"{tmp_path}/left" not in running
