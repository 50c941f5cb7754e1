#!/usr/bin/env python3
"""Plant faults in the contract, one at a time, and see whether its tests notice.

    scripts/mutate_contract.py                  all of scripts/contract_mutants.py; writes docs/contract-mutants.md
    scripts/mutate_contract.py --resume         the same, but for what a run that was stopped has seen
    scripts/mutate_contract.py --sample 6       only six, drawn by lot (--seed repeats a draw); writes nothing
    scripts/mutate_contract.py --only 'tie'     only those whose group or name matches; writes their rows of the page
                                                anew, if it is about the same contract and faults, or with --carry,
                                                which leaves the others as they were and says so

Each fault is compiled (with little of the optimizer, which halves the time) and meets the Foundry tests in a copy of
the project's folder: the types' own tests if it is in a type, examples, fuzz tests where those see nothing, then the
invariants. Exit code 0: every fault
was seen; 1: one survived; 2: wrong use, or a fault that doesn't apply, doesn't compile or changes no
bytecode; 14: forge or the compiler is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from build_contract import CONTRACT, find_compiler, source_names, standard_input  # noqa: E402
from contract_mutants import MUTANTS, Mutant  # noqa: E402

from colearn_ledger.errors import ArtifactError, ColearnError, CompilerNotFound, UsageError  # noqa: E402
from tests.kit.foundry import native_binary  # noqa: E402

REPORT = ROOT / "docs" / "contract-mutants.md"
TYPES = "contracts/types/"
BUILT = Path("out", "CollectiveLearning.sol", "CollectiveLearning.json")
# From quick to thorough, so that most faults cost a fraction of a second: examples, fuzz tests, invariants. What tests
# say about gas holds for the shipped code alone.
_WHOLE = ("--no-match-path", "tests/contracts/types/*")
SUITES = (
    (*_WHOLE, "--no-match-contract", "Invariants", "--no-match-test", "testFuzz|test_gas"),
    (*_WHOLE, "--no-match-contract", "Invariants", "--match-test", "testFuzz"),
    (*_WHOLE, "--match-contract", "Invariants"),
)
# Tests of the types alone: they have the types compiled in, so only a fault in a type can meet them.
TYPES_SUITE = ("--match-path", "tests/contracts/types/*")
LONGEST_SECONDS = 600
# Enough of the optimizer that the code generator doesn't run out of stack. Its code is twice as long as the shipped one
# and says the same; that the shipped one passes the tests, tests/contracts/test_forge.py shows.
OPTIMIZER = {
    "enabled": False,
    "details": {
        "peephole": True,
        "jumpdestRemover": True,
        "yul": True,
        "yulDetails": {"stackAllocation": True, "optimizerSteps": "dhfoDgvulcTUn"},
    },
}
TOO_DEEP = "too deep in the stack"


@dataclass(frozen=True)
class Outcome:
    """What became of a fault. ``killer`` names the test that saw it, empty if none did; ``trouble`` what was wrong with
    the fault itself; ``earlier``: it was seen in an earlier contract, and hasn't been tried since."""

    mutant: Mutant
    killer: str = ""
    trouble: str = ""
    earlier: bool = False

    @property
    def killed(self) -> bool:
        return bool(self.killer)


def progress() -> Path:
    """Where it is noted which faults were seen: by this contract, these faults and these tests."""
    tests = sorted((ROOT / "tests/contracts").rglob("*.sol"))
    digest = hashlib.sha256(repr((fingerprint(), [t.read_text(encoding="utf-8") for t in tests])).encode())
    return ROOT / "cache" / f"mutants-{digest.hexdigest()[:16]}.jsonl"


def resumed(mutants: Sequence[Mutant]) -> dict[Mutant, Outcome]:
    """What an earlier run has seen of these."""
    if not progress().is_file():
        return {}
    lines = progress().read_text(encoding="utf-8").splitlines()
    by_fault = {(group, name): killer for group, name, killer in map(json.loads, lines)}
    return {m: Outcome(m, by_fault[m.group, m.name]) for m in mutants if (m.group, m.name) in by_fault}


Sources = dict[str, str]  # text by file


def read_sources() -> Sources:
    """The contract as it is."""
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in source_names()}


def place(sources: Sources, mutant: Mutant) -> str:
    """The file that the fault is in. Raises UsageError unless there is exactly one place for it."""
    among = {n: text for n, text in sources.items() if not mutant.file or n == f"contracts/{mutant.file}"}
    found = {name: text.count(mutant.old) for name, text in among.items() if mutant.old in text}
    if sum(found.values()) != 1 or mutant.old == mutant.new:
        raise UsageError(
            f"the fault {mutant.group}/{mutant.name} has {sum(found.values())} places in {mutant.file or 'contracts'}",
            expected="exactly one, and a change",
            fix="adapt scripts/contract_mutants.py to the contract",
        )
    return next(iter(found))


def apply(sources: Sources, mutant: Mutant) -> Sources:
    """The contract with the fault in it."""
    name = place(sources, mutant)
    return {**sources, name: sources[name].replace(mutant.old, mutant.new)}


def fingerprint() -> str:
    """Names what the report is about: the shipped bytecode and the faults."""
    shipped = json.loads((ROOT / "colearn_ledger/artifacts/CollectiveLearning.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(repr((shipped["bytecode"], MUTANTS)).encode())
    return digest.hexdigest()[:16]


class Compiler:
    """One compiler's process for many compilations, which takes half the time of one each. Use it in a ``with``."""

    def __enter__(self) -> Compiler:
        self._input = standard_input()
        self._shipped = self._input["settings"]["optimizer"]
        self._input["settings"]["outputSelection"] = {CONTRACT: {"CollectiveLearning": ["evm.bytecode.object"]}}
        self._process = subprocess.Popen(
            ["node", find_compiler(), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def compile(self, sources: Sources) -> str:
        """The bytecode (hexadecimal, 0x first) of these texts. Raises UsageError with what is wrong."""
        try:
            return self._compile(sources, OPTIMIZER)
        except UsageError as e:
            if TOO_DEEP not in e.what:
                raise
            return self._compile(sources, self._shipped)  # many times slower

    def _compile(self, sources: Sources, optimizer: dict[str, Any]) -> str:
        self._input["settings"]["optimizer"] = optimizer
        self._input["sources"] = {name: {"content": text} for name, text in sources.items()}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._input) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ArtifactError("the compiler has ended without an answer", fix="run it again")
        output: dict[str, Any] = json.loads(answer)
        errors = [e["formattedMessage"] for e in output.get("errors", []) if e["severity"] == "error"]
        if errors:
            raise UsageError(f"doesn't compile: {errors[0]}")
        return "0x" + str(output["contracts"][CONTRACT]["CollectiveLearning"]["evm"]["bytecode"]["object"])


class Workshop:
    """A copy of the project in which contracts are tested that forge didn't compile.

    forge compiles there once, the tests and a contract of the same name with nothing in it; the tests create the
    contract from its compiled file (`vm.getCode`), so for each fault only the code in that file is exchanged.
    """

    def __init__(self, folder: Path, forge: Path) -> None:
        self.folder, self.forge = folder, forge
        # Searching for the shortest way to a failure takes long, and only that there is one matters. The code is longer
        # than chains take, without most of the optimizer, and creating it costs more gas.
        self.environment = {
            **os.environ,
            "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
            "FOUNDRY_CODE_SIZE_LIMIT": "100000",
            "FOUNDRY_GAS_LIMIT": str(1 << 32),
        }

    @classmethod
    def make(cls, folder: Path, forge: Path) -> Workshop:
        folder.mkdir()
        for name in ("contracts", "tests/contracts"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.rmtree(folder / "contracts/parts")
        (folder / CONTRACT).write_text("pragma solidity ^0.8.30;\n\ncontract CollectiveLearning {}\n", encoding="utf-8")
        (folder / "scripts").mkdir()
        shutil.copy2(ROOT / "scripts/solc-wrapper", folder / "scripts/solc-wrapper")
        shutil.copy2(ROOT / "foundry.toml", folder)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        shop = cls(folder, forge)
        built = shop.run("build")
        if built.returncode != 0:
            raise UsageError(f"the project doesn't compile: {built.stdout + built.stderr}")
        return shop

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

    def use(self, code: str) -> None:
        """Let the tests create the contract from this bytecode."""
        built = json.loads((self.folder / BUILT).read_text(encoding="utf-8"))
        built["bytecode"]["object"] = code
        (self.folder / BUILT).write_text(json.dumps(built), encoding="utf-8")

    @contextmanager
    def changed(self, name: str, text: str) -> Iterator[None]:
        """One of the contract's files has this text meanwhile, for tests that are compiled with it."""
        sound = (self.folder / name).read_text(encoding="utf-8")
        (self.folder / name).write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            (self.folder / name).write_text(sound, encoding="utf-8")

    def first_failure(self, suite: tuple[str, ...]) -> str:
        """The test that fails, or empty when all pass. Raises UsageError if that can't be told."""
        # forge would start with the failures that it remembers of other faults.
        for remembered in ("fuzz", "invariant", "test-failures"):
            path = self.folder / "cache" / remembered
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        try:
            done = self.run("test", "--fail-fast", *suite)
        except subprocess.TimeoutExpired as e:
            raise UsageError(
                f"forge took longer than {e.timeout:.0f} s", fix="run it on a machine that is less busy"
            ) from e
        if done.returncode == 0:
            return ""
        if killer := _killer(done.stdout):
            return killer
        # That forge itself fails, or is killed, says nothing about the contract.
        raise UsageError(f"forge ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}")


class Bench:
    """One worker's compiler and workshop."""

    def __init__(self, compiler: Compiler, shop: Workshop) -> None:
        self.compiler, self.shop = compiler, shop
        self.sources = read_sources()
        self.sound = compiler.compile(self.sources)
        self._passed: set[tuple[str, ...]] = set()  # by the contract as it is

    def first_failure(self, code: str, likely: str = "") -> str:
        """The test that fails with this code, or empty; the ``likely`` one is tried first. A suite that fails without
        any fault proves nothing."""
        contract, _, test = likely.partition(".")
        alone = ("--match-contract", f"^{contract}$", "--match-test", f"^{test}$")
        for suite in (alone, *SUITES) if likely else SUITES:
            if suite not in self._passed:
                self.shop.use(self.sound)
                if failure := self.shop.first_failure(suite):
                    raise UsageError(
                        f"without any fault the tests fail: {failure}",
                        expected="green tests",
                        fix="mend the contract first",
                    )
                self._passed.add(suite)
            self.shop.use(code)
            if failure := self.shop.first_failure(suite):
                return failure
        return ""

    def try_out(self, mutant: Mutant, likely: str = "") -> Outcome:
        """Plant the fault and test, the ``likely`` test first."""
        try:
            name = place(self.sources, mutant)
            sources = apply(self.sources, mutant)
            # Far quicker than the whole contract, and sees most of what is wrong in a type.
            if name.startswith(TYPES) and (killer := self._failure_of_types(name, sources[name])):
                return Outcome(mutant, killer=killer)
            broken = self.compiler.compile(sources)
        except UsageError as e:
            return Outcome(mutant, trouble=e.what)
        if broken == self.sound:
            return Outcome(mutant, trouble="changes no bytecode")
        return Outcome(mutant, killer=self.first_failure(broken, likely))

    def _failure_of_types(self, name: str, text: str) -> str:
        if TYPES_SUITE not in self._passed:
            if failure := self.shop.first_failure(TYPES_SUITE):
                raise UsageError(f"without any fault the tests fail: {failure}", fix="mend the types first")
            self._passed.add(TYPES_SUITE)
        with self.shop.changed(name, text):
            return self.shop.first_failure(TYPES_SUITE)


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
def benches(jobs: int) -> Iterator[list[Bench]]:
    """``jobs`` of them, ready to go; gone afterwards."""
    find_compiler()  # says what is missing, if it is
    forge = native_binary("forge")
    if forge is None:
        raise CompilerNotFound("forge is missing", expected="the packages of package.json", fix="run `npm ci`")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-"))
        first = Workshop.make(Path(folder, "0"), forge)
        shops = [first, *(first.copy(Path(folder, str(i))) for i in range(1, jobs))]
        yield [Bench(stack.enter_context(Compiler()), shop) for shop in shops]


def try_all(mutants: Sequence[Mutant], jobs: int) -> list[Outcome]:
    """Outcomes in the order of ``mutants``; a line each as they come."""
    waiting: queue.Queue[int] = queue.Queue()
    for i in range(len(mutants)):
        waiting.put(i)
    outcomes: dict[int, Outcome] = {}
    failures: list[BaseException] = []
    # Which test saw a fault earlier, in whichever contract, sees it most often again, and alone it is the quickest.
    seen = killers(REPORT.read_text(encoding="utf-8")) if REPORT.is_file() else {}
    notes = progress()
    notes.parent.mkdir(exist_ok=True)

    def work(bench: Bench) -> None:
        try:
            while not failures:
                i = waiting.get_nowait()
                outcomes[i] = bench.try_out(mutants[i], seen.get((mutants[i].group, mutants[i].name), ("", False))[0])
                print(f"[{len(outcomes)}/{len(mutants)}] {_line(outcomes[i])}", flush=True)
                if outcomes[i].killed:
                    with notes.open("a", encoding="utf-8") as f:
                        f.write(json.dumps([mutants[i].group, mutants[i].name, outcomes[i].killer]) + "\n")
        except queue.Empty:
            pass
        except BaseException as e:
            failures.append(e)

    with benches(jobs) as made:
        threads = [threading.Thread(target=work, args=(bench,), daemon=True) for bench in made]
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
        "compiles each, and runs the Foundry tests on it until one fails: the types' own if it is in a type, examples,",
        "fuzz tests, invariants. A fault that no test sees is called *survived*, and the command ends with exit code",
        "1. It takes about 25 minutes on two cores; `scripts/test --all` tries a few of them, drawn by lot.",
        "",
        f"**{killed} of {len(outcomes)} faults were seen.** Contract and faults: `{fingerprint()}`.",
    ]
    earlier = sum(o.earlier for o in outcomes)
    if earlier:
        lines.append(
            f"Of these {earlier} were seen in an earlier contract (*earlier* in their rows), and not tried since;"
            " `scripts/mutate_contract.py --resume` tries all."
        )
    for group in dict.fromkeys(o.mutant.group for o in outcomes):
        lines += ["", f"## {group[0].upper()}{group[1:]}", "", "| fault | | seen first by |", "|---|---|---|"]
        for o in outcomes:
            if o.mutant.group == group:
                how = "*earlier*" if o.earlier else "killed" if o.killed else "**survived**"
                lines.append(f"| {o.mutant.name} | {how} | {o.killer} |")
    return "\n".join(lines) + "\n"


def killers(page: str) -> dict[tuple[str, str], tuple[str, bool]]:
    """What the page says saw each fault, by group and name; empty for nothing; and whether in an earlier contract."""
    by_fault: dict[tuple[str, str], tuple[str, bool]] = {}
    group = ""
    for line in page.splitlines():
        if line.startswith("## "):
            group = line[3].lower() + line[4:]
        elif found := re.match(r"\| (.+) \| (killed|\*earlier\*|\*\*survived\*\*) \| (.*) \|$", line):
            by_fault[group, found[1]] = found[3].strip(), found[2] == "*earlier*"
    return by_fault


def recorded(page: str, *, carry: bool = False) -> dict[Mutant, Outcome]:
    """What the page says became of each fault. If it is about another contract or other faults: nothing, or to be
    carried over what was seen then."""
    other = f"`{fingerprint()}`" not in page
    if other and not carry:
        return {}
    by_fault = killers(page)
    found = {m: by_fault[m.group, m.name] for m in MUTANTS if (m.group, m.name) in by_fault}
    return {m: Outcome(m, killer, earlier=other or earlier) for m, (killer, earlier) in found.items()}


def main(arguments: Sequence[str] | None = None, mutants: Sequence[Mutant] = MUTANTS) -> int:
    """Exit codes: see above."""
    parser = argparse.ArgumentParser(description="Plant faults in the contract; see whether its tests notice.")
    parser.add_argument("--sample", type=int, metavar="N", help="only N faults, drawn by lot")
    parser.add_argument("--seed", type=int, help="for --sample: the draw to repeat (default: a new one)")
    parser.add_argument("--only", metavar="REGEX", help="only faults whose group or name matches")
    parser.add_argument("--resume", action="store_true", help="not those that a run which was stopped has seen")
    parser.add_argument("--carry", action="store_true", help="others: as they were seen in the page's earlier contract")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time (default: one a processor)")
    parser.add_argument("--list", action="store_true", help="name the faults, and try none")
    options = parser.parse_args(arguments)
    try:
        chosen = [m for m in mutants if re.search(options.only or "", f"{m.group}: {m.name}")]
        if options.sample is not None:
            if not 0 < options.sample <= len(chosen):
                raise UsageError(f"--sample {options.sample} of {len(chosen)} faults", expected=f"1 to {len(chosen)}")
            seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
            print(f"a sample of {options.sample} of {len(chosen)} faults: --seed {seed}", flush=True)
            chosen = random.Random(seed).sample(chosen, options.sample)
        if not chosen:
            raise UsageError(f"no fault matches {options.only!r}", fix="see --list")
        if options.jobs < 1:
            raise UsageError(f"--jobs {options.jobs}", expected="at least 1")
        if options.list:
            print("\n".join(f"{m.group}: {m.name}" for m in chosen))
            return 0
        begun = time.monotonic()
        seen = resumed(chosen) if options.resume else {}
        left = [m for m in chosen if m not in seen]
        tried = {o.mutant: o for o in try_all(left, min(options.jobs, len(left)))} if left else {}
        outcomes = [{**seen, **tried}[m] for m in chosen]
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
    if not unusable and options.sample is None:
        page = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else ""
        known = recorded(page, carry=options.carry)
        known.update({o.mutant: o for o in outcomes})
        if all(m in known for m in MUTANTS):
            REPORT.write_text(render([known[m] for m in MUTANTS]), encoding="utf-8")
            print(f"written: {REPORT}")
    return 2 if unusable else 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
