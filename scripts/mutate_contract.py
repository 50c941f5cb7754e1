#!/usr/bin/env python3
"""Plant faults in the contract, one at a time, and see whether its tests notice.

    scripts/mutate_contract.py                  all of scripts/contract_mutants.py; writes docs/mutation.md
    scripts/mutate_contract.py --sample 5       only five, spread evenly; writes nothing
    scripts/mutate_contract.py --only 'tie'     only those whose group or name matches; writes nothing

Each fault is compiled with the shipped settings and meets the Foundry tests in a copy of the project's folder: the
quick suites first, the invariants where those see nothing. Exit code 0: every fault was seen; 1: one survived; 2: wrong
use, or a fault that doesn't apply, doesn't compile or changes no bytecode; 14: forge or the compiler is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from contract_mutants import MUTANTS, Mutant  # noqa: E402

from colearn_ledger.errors import ColearnError, CompilerNotFound, UsageError  # noqa: E402
from tests.foundry import native_binary  # noqa: E402

REPORT = ROOT / "docs" / "mutation.md"
SOURCE = Path("contracts", "CollectiveLearning.sol")
QUICK = ("--no-match-contract", "Invariants")
THOROUGH = ("--match-contract", "Invariants")
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What became of a fault. ``killer`` names the test that saw it, empty if none did; ``trouble`` what was wrong with
    the fault itself."""

    mutant: Mutant
    killer: str = ""
    trouble: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.killer)


def apply(source: str, mutant: Mutant) -> str:
    """The contract with the fault in it. Raises UsageError unless there is exactly one place for it."""
    found = source.count(mutant.old)
    if found != 1 or mutant.old == mutant.new:
        raise UsageError(
            f"the fault {mutant.group}/{mutant.name} has {found} places in {SOURCE}",
            expected="exactly one, and a change",
            fix="adapt scripts/contract_mutants.py to the contract",
        )
    return source.replace(mutant.old, mutant.new)


def fingerprint() -> str:
    """Names what the report is about: the shipped bytecode, the contract's tests, and the faults."""
    parts = [ROOT / "colearn_ledger/artifacts/CollectiveLearning.json", ROOT / "scripts/contract_mutants.py"]
    parts += sorted((ROOT / "tests/contracts").glob("*.sol"))
    digest = hashlib.sha256()
    for path in parts:
        text = path.read_text(encoding="utf-8")
        digest.update((json.loads(text)["bytecode"] if path.suffix == ".json" else text).encode())
    return digest.hexdigest()[:16]


class Workshop:
    """A copy of the project in which contracts are broken and tested."""

    def __init__(self, folder: Path, forge: Path) -> None:
        self.folder, self.forge = folder, forge
        self.source = (folder / SOURCE).read_text(encoding="utf-8")
        # Searching for the shortest way to a failure takes long, and only that there is one matters.
        self.environment = {**os.environ, "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0"}

    @classmethod
    def make(cls, folder: Path, forge: Path) -> Workshop:
        folder.mkdir()
        for name in ("contracts", "tests/contracts"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "scripts").mkdir()
        shutil.copy2(ROOT / "scripts/solc-wrapper", folder / "scripts/solc-wrapper")
        shutil.copy2(ROOT / "foundry.toml", folder)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        return cls(folder, forge)

    def copy(self, folder: Path) -> Workshop:
        """Another one, with what is compiled already."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workshop(folder, self.forge)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.forge, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )

    def bytecode(self) -> str:
        path = self.folder / "out/CollectiveLearning.sol/CollectiveLearning.json"
        return str(json.loads(path.read_text(encoding="utf-8"))["bytecode"]["object"])

    def first_failure(self) -> str:
        """The test that fails, or empty when all pass."""
        for suites in (QUICK, THOROUGH):
            # forge would start with the failures that it remembers of other faults.
            for remembered in ("fuzz", "invariant", "test-failures"):
                path = self.folder / "cache" / remembered
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            try:
                done = self.run("test", "--fail-fast", *suites)
            except subprocess.TimeoutExpired:
                return "(tests ran into the time limit)"
            if done.returncode != 0:
                return _killer(done.stdout) or f"(forge: {(done.stdout + done.stderr).strip()[-200:]})"
        return ""

    def try_out(self, mutant: Mutant, sound: str) -> Outcome:
        """Plant the fault and test. ``sound`` is the bytecode without it."""
        try:
            broken = apply(self.source, mutant)
        except UsageError as e:
            return Outcome(mutant, trouble=e.what)
        (self.folder / SOURCE).write_text(broken, encoding="utf-8")
        built = self.run("build")
        if built.returncode != 0:
            return Outcome(mutant, trouble="doesn't compile: " + (built.stdout + built.stderr)[-600:])
        if self.bytecode() == sound:
            return Outcome(mutant, trouble="changes no bytecode")
        return Outcome(mutant, killer=self.first_failure())


def _killer(output: str) -> str:
    suite = ""
    for line in output.splitlines():
        if found := re.match(r"Ran \d+ tests? for .*:(\w+)$", line):
            suite = found[1]
        # After an invariant's counterexample its name comes on a line of its own.
        if found := re.search(r"\b((?:test|invariant)\w*)\(", line):
            name = found[1]
            if line.startswith("[FAIL") or (line.lstrip().startswith(("test", "invariant")) and "FAIL" in output):
                return f"{suite}.{name}"
    return ""


@contextmanager
def workshops(jobs: int) -> Iterator[list[Workshop]]:
    """``jobs`` of them, ready to go; the contract as it is has passed its tests. Gone afterwards."""
    forge = native_binary("forge")
    if forge is None or shutil.which("node") is None:
        raise CompilerNotFound(
            "forge or Node.js is missing", expected="Node.js and the packages of package.json", fix="run `npm ci`"
        )
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        first = Workshop.make(Path(folder, "0"), forge)
        built = first.run("build")
        failure = first.first_failure() if built.returncode == 0 else built.stdout + built.stderr
        if failure:
            raise UsageError(
                f"without any fault the tests fail: {failure}", expected="green tests", fix="mend the contract first"
            )
        yield [first, *(first.copy(Path(folder, str(i))) for i in range(1, jobs))]


def try_all(mutants: Sequence[Mutant], jobs: int) -> list[Outcome]:
    """Outcomes in the order of ``mutants``; a line each as they come."""
    waiting: queue.Queue[int] = queue.Queue()
    for i in range(len(mutants)):
        waiting.put(i)
    outcomes: dict[int, Outcome] = {}
    failures: list[BaseException] = []

    def work(shop: Workshop, sound: str) -> None:
        try:
            while not failures:
                i = waiting.get_nowait()
                outcomes[i] = shop.try_out(mutants[i], sound)
                print(f"[{len(outcomes)}/{len(mutants)}] {_line(outcomes[i])}", flush=True)
        except queue.Empty:
            pass
        except BaseException as e:
            failures.append(e)

    with workshops(jobs) as shops:
        sound = shops[0].bytecode()
        threads = [threading.Thread(target=work, args=(shop, sound), daemon=True) for shop in shops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return [outcomes[i] for i in range(len(mutants))]


def _line(outcome: Outcome) -> str:
    name = f"{outcome.mutant.group}: {outcome.mutant.name}"
    if outcome.trouble:
        return f"{name}: UNUSABLE, {outcome.trouble}"
    return f"{name}: " + (f"killed by {outcome.killer}" if outcome.killed else "SURVIVED")


def render(outcomes: Sequence[Outcome]) -> str:
    """The report."""
    killed = sum(o.killed for o in outcomes)
    lines = [
        "# Do the contract's tests see faults?",
        "",
        "Made by `scripts/mutate_contract.py`, which plants the faults of `scripts/contract_mutants.py` one at a time,",
        "compiles each with the shipped settings, and runs the Foundry tests on it. A fault that no test sees would be",
        "called *survived*, and the command would end with exit code 1. `--sample 5` tries five of them.",
        "",
        f"**{killed} of {len(outcomes)} faults were seen.** Contract, tests and faults: `{fingerprint()}`.",
    ]
    for group in dict.fromkeys(o.mutant.group for o in outcomes):
        lines += ["", f"## {group[0].upper()}{group[1:]}", "", "| fault | | seen first by |", "|---|---|---|"]
        for o in outcomes:
            if o.mutant.group == group:
                lines.append(f"| {o.mutant.name} | {'killed' if o.killed else '**survived**'} | {o.killer} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: see above."""
    parser = argparse.ArgumentParser(description="Plant faults in the contract; see whether its tests notice.")
    parser.add_argument("--sample", type=int, metavar="N", help="only N faults, spread evenly over all")
    parser.add_argument("--only", metavar="REGEX", help="only faults whose group or name matches")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time (default: one a processor)")
    parser.add_argument("--list", action="store_true", help="name the faults, and try none")
    options = parser.parse_args(arguments)
    try:
        chosen = [m for m in MUTANTS if re.search(options.only or "", f"{m.group}: {m.name}")]
        if options.sample is not None:
            if not 0 < options.sample <= len(chosen):
                raise UsageError(f"--sample {options.sample} of {len(chosen)} faults", expected=f"1 to {len(chosen)}")
            chosen = [chosen[i * len(chosen) // options.sample] for i in range(options.sample)]
        if not chosen:
            raise UsageError(f"no fault matches {options.only!r}", fix="see --list")
        if options.jobs < 1:
            raise UsageError(f"--jobs {options.jobs}", expected="at least 1")
        if options.list:
            print("\n".join(f"{m.group}: {m.name}" for m in chosen))
            return 0
        begun = time.monotonic()
        outcomes = try_all(chosen, min(options.jobs, len(chosen)))
    except ColearnError as e:
        print(f"error: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    survived = [o for o in outcomes if not o.killed and not o.trouble]
    unusable = [o for o in outcomes if o.trouble]
    print(f"\n{len(outcomes)} faults in {time.monotonic() - begun:.0f} s: {sum(o.killed for o in outcomes)} killed")
    for o in survived + unusable:
        print(_line(o))
    if not unusable and len(chosen) == len(MUTANTS):
        REPORT.write_text(render(outcomes), encoding="utf-8")
        print(f"written: {REPORT.relative_to(ROOT)}")
    return 2 if unusable else 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
