#!/usr/bin/env python3
"""Plant faults in the Python code, one at a time, and see whether the tests of its module notice.

    scripts/mutate_python.py                    up to 16 faults a module (fewer where scripts/python_fault_tables.py
                                                says so), drawn by a seed; goes on where it was stopped; writes
                                                docs/python-mutants.md
    scripts/mutate_python.py core node/health   only what begins so; prints, writes no page
    scripts/mutate_python.py --each 1000 core/decide     all faults of one module

A fault is planted when the module is imported: no file is changed. Third-party packages are imported once, then each
fault has a process of its own, forked from there, that runs the module's tests until one fails: those that reach the
fault's line first, the quickest of them first. What became of each is kept in .python-mutants/ and holds while the
module (for what survived: and its tests) stays the same. Exit code 0: every fault that survived has its reason in
scripts/python_fault_tables.py; 1: one has none; 2: wrong use, or tests fail without any fault.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = Path(os.environ.get("COLEARN_FAULT_ROOT", HERE.parent))  # the tests of this command name a small project
sys.path[:0] = [str(ROOT / "scripts"), str(HERE)]

import python_fault_tables as tables  # noqa: E402
from python_faults import Fault, digest, faults_of, install, install_lines  # noqa: E402

RECORD = ROOT / ".python-mutants" / "record.jsonl"
REPORT = ROOT / "docs" / "python-mutants.md"
EACH = 16
SEED = 1
# Not in the very words of the quick run, which tries fewer examples.
MARKS = "not slow and not long"
PROCESS = "PYTHON_FAULT_PROCESS"  # in the environment of all that a fault's process starts
# A test may take this many times as long as without a fault, and some seconds, before it is called stuck.
PATIENCE, LEAST_PATIENCE_S = 10.0, 15.0
# Of a process: a fault may make a loop that never stops filling a list.
MOST_BYTES = 6 << 30


@dataclass(frozen=True)
class Module:
    """A module that gets faults, and the tests that are to see them."""

    path: Path  # from ROOT
    source: str  # as it was when the command began, whatever is edited meanwhile
    tests: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        return self.short.split("/")[0]

    @property
    def short(self) -> str:
        """core/decide, node/worker/main"""
        parts = self.path.with_suffix("").parts[1:]
        return "/".join(("node", *parts[1:]) if parts[0] == "colearn_node" else parts)

    @property
    def name(self) -> str:
        """As it is imported."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[1:] if parts[0] == "node" else parts)

    @property
    def digest(self) -> str:
        return digest(self.source.encode())


@dataclass(frozen=True)
class Outcome:
    """What became of a fault. ``killer`` is the test that saw it, empty if none did."""

    module: str
    source: str  # digests
    tests: str
    key: str
    killer: str
    seconds: float


@dataclass
class Baseline:
    """How the module's tests go without a fault: each one's seconds, and the module's lines that it runs."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[int]] = field(default_factory=dict)  # "" is what importing runs
    failed: str = ""


def all_modules() -> list[Module]:
    found = []
    for folder in tables.FOLDERS:
        where = ROOT / folder
        for path in [where] if where.is_file() else sorted(where.rglob("*.py")):
            module = Module(path.relative_to(ROOT), path.read_text(encoding="utf-8"))
            tests = [*_own_tests(module), *tables.TESTS.get(module.short, ())]
            found.append(replace(module, tests=tuple(dict.fromkeys(tests))))
    return [module for module in found if faults_of(module.source)]


def _own_tests(module: Module) -> list[str]:
    room, _, rest = module.short.partition("/")
    names = [f"tests/{room}/test_{rest.replace('/', '_')}.py"]
    *folders, last = rest.split("/")
    names.append("/".join(["tests", room, *folders, f"test_{last}.py"]))
    return [name for name in dict.fromkeys(names) if (ROOT / name).is_file()]


def most(module: Module) -> int:
    """How many faults the module gets if nobody says."""
    return tables.FEWER.get(module.room, EACH)


def drawn(module: Module, each: int, seed: int) -> list[Fault]:
    """Up to ``each`` of the module's faults. Which ones depends on their own texts alone, so that the draw stays when
    other lines change."""

    def lot(fault: Fault) -> str:
        return digest(str(seed).encode(), module.short.encode(), fault.key.encode())

    chosen = sorted(faults_of(module.source), key=lot)[:each]
    return sorted(chosen, key=lambda fault: fault.number)


def tests_digest(module: Module) -> str:
    kit = sorted((ROOT / "tests" / "kit").glob("*.py"))
    files = [*(ROOT / test.partition("::")[0] for test in module.tests), ROOT / "tests" / "conftest.py", *kit]
    return digest(*(file.read_bytes() for file in files))


# ---- the process that runs tests


class _Reporting:
    """A pytest plugin that writes down the pipe what happens, and puts the tests into an order."""

    def __init__(self, send: Callable[[dict[str, Any]], None], order: Callable[[str], Any]) -> None:
        self.send, self.order = send, order
        self.running = ""
        self.lines: dict[str, set[int]] = {}

    def line(self, number: int) -> None:
        self.lines.setdefault(self.running, set()).add(number)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: self.order(item.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running = nodeid
        self.started = time.monotonic()
        self.send({"start": nodeid})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.send({"end": nodeid, "seconds": time.monotonic() - self.started})

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.send({"failed": report.nodeid})

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.send({"failed": f"{report.nodeid} (when it is imported)"})

    def pytest_sessionfinish(self) -> None:
        for test, lines in self.lines.items():
            self.send({"test": test, "lines": sorted(lines)})


def _fork(module: Module, fault: int | None, order: Callable[[str], Any]) -> tuple[int, int]:
    """A process that runs the module's tests (without a fault: and tells the lines they run); its number, its pipe."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        return pid, reading
    code = 70
    try:
        os.setsid()
        os.close(reading)
        os.set_inheritable(writing, False)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        temporary = Path(tempfile.mkdtemp(prefix=f"fault-{os.getpid()}-", dir=os.environ["COLEARN_FAULT_FOLDER"]))
        with open(temporary / "said", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.environ[PROCESS] = str(os.getpid())
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(temporary / "hypothesis")
        sys.path.insert(0, str(ROOT))
        pipe = os.fdopen(writing, "w", buffering=1)

        def send(fact: dict[str, Any]) -> None:
            pipe.write(json.dumps(fact) + "\n")

        import pytest

        plugin = _Reporting(send, order)
        if fault is None:
            install_lines(module.name, ROOT / module.path, module.source, plugin.line)
        else:
            install(module.name, ROOT / module.path, module.source, fault)
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(temporary / "t")]
        arguments += ["-m", tables.MARKS.get(module.short, MARKS), "-k", tables.NAMES, *module.tests]
        code = int(pytest.main(arguments, [plugin]))
        send({"code": code})
    finally:
        os._exit(code)


@dataclass
class _Running:
    pid: int
    reading: int
    patience: Callable[[str], float]
    told: Callable[[list[dict[str, Any]], str], None]  # facts, and the test that was stuck
    facts: list[dict[str, Any]] = field(default_factory=list)
    buffer: bytes = b""
    current: str = ""
    deadline: float = 0.0

    def heard(self, line: bytes) -> None:
        fact = json.loads(line)
        self.facts.append(fact)
        if "start" in fact:
            self.current = fact["start"]
        self.deadline = time.monotonic() + self.patience(self.current)


def run_all(jobs: Iterator[Callable[[], _Running]], at_a_time: int) -> None:
    """Start the processes, so many at a time, hear what they say, and end those that stand still."""
    selector = selectors.DefaultSelector()
    running: dict[int, _Running] = {}
    try:
        more = True
        while more or running:
            while more and len(running) < at_a_time:
                if (start := next(jobs, None)) is None:
                    more = False
                    break
                one = start()
                one.deadline = time.monotonic() + 120
                running[one.reading] = one
                selector.register(one.reading, selectors.EVENT_READ)
            for key, _ in selector.select(timeout=0.5):
                one = running[int(key.fd)]
                data = os.read(one.reading, 1 << 16)
                *lines, one.buffer = (one.buffer + data).split(b"\n")
                for line in lines:
                    one.heard(line)
                if not data or any("failed" in fact for fact in one.facts[-len(lines) :]):
                    _finish(one, selector, running, "")
            for one in [one for one in running.values() if time.monotonic() > one.deadline]:
                _finish(one, selector, running, one.current or "before the first test")
    finally:
        for one in running.values():
            _end(one.pid)


def _finish(one: _Running, selector: selectors.BaseSelector, running: dict[int, _Running], stuck: str) -> None:
    selector.unregister(one.reading)
    del running[one.reading]
    os.close(one.reading)
    _end(one.pid)
    one.told(one.facts, stuck)


def _end(pid: int) -> None:
    """The process and all that it started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):  # it has no group yet
            os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for stray in _strays(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(stray, signal.SIGKILL)
    for folder in Path(os.environ["COLEARN_FAULT_FOLDER"]).glob(f"fault-{pid}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _strays(pid: int) -> Iterator[int]:
    """What it started in sessions of their own, and a fault may have kept from ending. Linux tells; others don't."""
    mark = f"{PROCESS}={pid}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if mark in environment.read_bytes().split(b"\0"):
                yield int(environment.parent.name)


def _ready() -> None:
    """What each process would import again: everything but the project. And what processes are to inherit."""
    os.chdir(ROOT)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # no threads before the fork
    os.environ["COLEARN_TEST_SEED"] = "1"
    os.environ.pop("CI", None)
    hook = Path(os.environ["COLEARN_FAULT_FOLDER"]) / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        f"import sys\nsys.path.append({str(HERE)!r})\nimport python_faults\npython_faults.install_from_environment()\n",
        encoding="utf-8",
    )
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(hook), os.environ.get("PYTHONPATH"))))
    for name in tables.IMPORTED_ONCE:
        __import__(name)
    assert not any(name.partition(".")[0] in {"colearn_ledger", "colearn_node", "tests"} for name in sys.modules)


# ---- modules


class Bench:
    """Tries faults, and keeps what became of them."""

    def __init__(self, record: Path, jobs: int) -> None:
        self.record, self.jobs = record, jobs
        self.known: dict[tuple[str, str, str], Outcome] = {}
        if record.is_file():
            for line in record.read_text(encoding="utf-8").splitlines():
                try:
                    known = Outcome(**json.loads(line))
                except ValueError:  # it was stopped while it wrote
                    continue
                self.known[known.module, known.source, known.key] = known

    def recorded(self, module: Module, fault: Fault) -> Outcome | None:
        """What became of this fault, if that still holds: what nobody saw, new tests may see."""
        known = self.known.get((module.short, module.digest, fault.key))
        return known if known and (known.killer or known.tests == tests_digest(module)) else None

    def keep(self, outcome: Outcome) -> None:
        self.known[outcome.module, outcome.source, outcome.key] = outcome
        self.record.parent.mkdir(parents=True, exist_ok=True)
        with self.record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")

    def baselines(self, modules: Sequence[Module]) -> dict[str, Baseline]:
        found = {module.short: Baseline() for module in modules}

        def start(module: Module) -> _Running:
            pid, reading = _fork(module, None, lambda test: 0)

            def told(facts: list[dict[str, Any]], stuck: str) -> None:
                baseline = found[module.short]
                codes = [fact["code"] for fact in facts if "code" in fact]
                baseline.failed = stuck or next((fact["failed"] for fact in facts if "failed" in fact), "")
                if not baseline.failed and codes != [0]:
                    baseline.failed = f"pytest ended with {codes}"
                baseline.seconds = {fact["end"]: fact["seconds"] for fact in facts if "end" in fact}
                baseline.lines = {fact["test"]: set(fact["lines"]) for fact in facts if "lines" in fact}

            return _Running(pid, reading, lambda test: 600.0, told)

        run_all((lambda m=m: start(m) for m in modules), self.jobs)  # type: ignore[misc]
        return found

    def try_out(self, module: Module, faults: Iterable[Fault], baseline: Baseline) -> Iterator[Callable[[], _Running]]:
        kills: Counter[str] = Counter()
        source, tests = module.digest, tests_digest(module)

        def keep(fault: Fault, killer: str, seconds: float) -> None:
            kills[killer] += 1
            self.keep(Outcome(module.short, source, tests, fault.key, killer, round(seconds, 2)))
            print(f"{module.short} {fault.key}: {killer or 'SURVIVED'}", flush=True)

        def start(fault: Fault) -> _Running:
            reached = set(range(fault.first_line, fault.last_line + 1))
            reaching = {test for test, lines in baseline.lines.items() if lines & reached}

            def order(test: str) -> tuple[bool, bool, float]:
                return test not in reaching, not kills[test], baseline.seconds.get(test, 0.0)

            begun = time.monotonic()
            pid, reading = _fork(module, fault.number, order)

            def told(facts: list[dict[str, Any]], stuck: str) -> None:
                killer = next((fact["failed"] for fact in facts if "failed" in fact), "")
                codes = [fact["code"] for fact in facts if "code" in fact]
                if stuck:
                    killer = f"{stuck} (stuck)"
                elif not killer and codes != [0]:
                    killer = f"the tests' process ended (pytest: {codes})"
                keep(fault, killer, time.monotonic() - begun)

            def patience(test: str) -> float:
                return LEAST_PATIENCE_S + PATIENCE * baseline.seconds.get(test, 0.0)

            return _Running(pid, reading, patience, told)

        for fault in faults:
            reached = set(range(fault.first_line, fault.last_line + 1))
            if module.short not in tables.IN_OTHER_PROCESSES and not any(
                lines & reached for lines in baseline.lines.values()
            ):
                keep(fault, "", 0.0)  # no test comes there
            else:
                yield lambda fault=fault: start(fault)  # type: ignore[misc]


# ---- the page


def _default() -> str:
    fewer = "".join(f", in {room}/ {count}" for room, count in tables.FEWER.items())
    return f"{EACH}{fewer}"


def render(outcomes: dict[Module, list[Outcome]], each: int | None, seed: int) -> str:
    counted = [o for found in outcomes.values() for o in found]
    lines = [
        "# Do the Python tests see faults?",
        "",
        "Made by `scripts/mutate_python.py`, which plants faults in the modules of the rooms below, one at a time, and",
        "runs the module's own tests (`tests/<room>/test_<module>.py`, and those that `scripts/python_fault_tables.py`",
        "names) until one fails. Comparisons, boundaries, `and`/`or`/`not`, arithmetic, constants, defaults of",
        "parameters and fields, `except` clauses, returned values and whole statements are changed; what only people",
        "read is not.",
        f"Up to {each or _default()} faults a module are drawn by a seed ({seed}); how, and why the tool is ours:",
        "[ADR 9](adr/0009-python-faults-by-a-script-of-ours.md).",
        "",
        f"As of {_commit()}: **{sum(bool(o.killer) for o in counted)} of {len(counted)} faults were seen.**",
        "",
        "| room | planted | seen | |",
        "|---|--:|--:|--:|",
    ]
    for room in dict.fromkeys(module.room for module in outcomes):
        of_room = [o for module, found in outcomes.items() if module.room == room for o in found]
        lines.append(_row(room, of_room))
    lines += ["", "| module | room for | planted | seen | |", "|---|--:|--:|--:|--:|"]
    for module, found in outcomes.items():
        lines.append(_row(f"`{module.short}` | {len(faults_of(module.source))}", found))
    lines += [
        "",
        "## What no test saw",
        "",
        "Why each may live stands in `scripts/python_fault_tables.py`.",
        "",
        "| module | fault | why it may live |",
        "|---|---|---|",
    ]
    for module, found in outcomes.items():
        for outcome in found:
            if not outcome.killer:
                lines.append(f"| `{module.short}` | {outcome.key} | {reason(outcome) or '**nobody has said**'} |")
    return "\n".join(lines) + "\n"


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    seen = sum(bool(o.killer) for o in outcomes)
    return f"| {name} | {len(outcomes)} | {seen} | {100 * seen / len(outcomes):.0f} % |"


def reason(outcome: Outcome) -> str:
    return tables.MAY_LIVE.get(f"{outcome.module}: {outcome.key}", "")


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--", *tables.FOLDERS, "tests")
    return f"commit `{git('rev-parse', '--short=10', 'HEAD')}` of {git('log', '-1', '--format=%cs')}" + (
        " and what had changed since" if changed else ""
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n", 1)[0],
        epilog=(__doc__ or "").split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("modules", nargs="*", help="room, or room/module, or what it begins with (default: all)")
    parser.add_argument("--each", type=int, help=f"most faults a module (default: {_default()})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"which faults are drawn (default: {SEED})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time (default: one a processor)")
    parser.add_argument("--list", action="store_true", help="name the faults, and try none")
    parser.add_argument("--again", action="store_true", help="try those that were seen before, too")
    options = parser.parse_args(arguments)
    chosen = [m for m in all_modules() if any(m.short.startswith(p) for p in options.modules or [""])]
    if not chosen or (options.each is not None and options.each < 1) or options.jobs < 1:
        parser.error("no module begins so" if not chosen else "--each and --jobs are at least 1")
    planned = {module: drawn(module, options.each or most(module), options.seed) for module in chosen}
    if options.list:
        for module, faults in planned.items():
            print("\n".join(f"{module.short}: {fault.key}" for fault in faults))
        return 0
    with tempfile.TemporaryDirectory(prefix="colearn-faults-") as folder:
        os.environ["COLEARN_FAULT_FOLDER"] = folder
        try:
            outcomes = _try_all(planned, options)
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return 130
    if outcomes is None:
        return 2
    survived = [o for found in outcomes.values() for o in found if not o.killer]
    count = sum(map(len, outcomes.values()))
    print(f"\n{count} faults: {count - len(survived)} seen")
    for outcome in survived:
        print(f"{outcome.module}: {outcome.key}: SURVIVED{', ' + reason(outcome) if reason(outcome) else ''}")
    if not options.modules:
        REPORT.write_text(render(outcomes, options.each, options.seed), encoding="utf-8")
        print(f"written: {REPORT}")
    return 1 if any(not reason(o) for o in survived) else 0


def _try_all(planned: dict[Module, list[Fault]], options: argparse.Namespace) -> dict[Module, list[Outcome]] | None:
    """None if the tests of a module fail without any fault."""
    bench = Bench(RECORD, options.jobs)
    open_ = {m: [f for f in faults if options.again or not bench.recorded(m, f)] for m, faults in planned.items()}
    open_ = {module: faults for module, faults in open_.items() if faults}
    print(f"{sum(map(len, planned.values()))} faults, {sum(map(len, open_.values()))} of them to try", flush=True)
    if open_:
        _ready()
        tested = [module for module in open_ if module.tests]
        baselines = bench.baselines(tested)
        if failed := {short: b.failed for short, b in baselines.items() if b.failed}:
            for short, test in failed.items():
                print(f"error: without any fault {test} fails ({short})", file=sys.stderr)
            return None
        run_all(
            (
                job
                for m, faults in open_.items()
                for job in bench.try_out(m, faults, baselines.get(m.short, Baseline()))
            ),
            options.jobs,
        )
    return {
        module: [bench.known[module.short, module.digest, fault.key] for fault in faults]
        for module, faults in planned.items()
    }


if __name__ == "__main__":
    sys.exit(main())
