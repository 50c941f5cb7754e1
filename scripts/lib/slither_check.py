"""Compare what slither finds in the contract with what docs/contract-slither.md answers, by check and function.

Exit code 0: the same; 1: a finding without an answer, or an answer without a finding; 14: the compiler is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from build_contract import find_compiler, standard_input  # noqa: E402

from colearn_ledger.errors import ColearnError  # noqa: E402

PAGE = ROOT / "docs" / "contract-slither.md"
PYTHON = ROOT / ".venv-slither" / "bin" / "python"
_ROW = re.compile(r"^\| `([\w-]+)` \| `(\w+)` \| (\S.*) \|$", re.MULTILINE)


def answered(page: str) -> dict[tuple[str, str], str]:
    """The page's answers by check and function."""
    return {(check, where): answer for check, where, answer in _ROW.findall(page)}


def find() -> list[dict[str, Any]]:
    """Everything that slither finds."""
    given = {"solc": str(find_compiler()), "input": standard_input()}
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("slither_run.py")], input=json.dumps(given), stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        sys.exit(done.returncode)  # it has said why
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: see above."""
    parser = argparse.ArgumentParser(description="Run slither on the contract; every finding must have its answer.")
    parser.add_argument("--show", action="store_true", help="print every finding in slither's words")
    show = parser.parse_args(arguments).show
    try:
        found = find()
    except ColearnError as e:
        print(f"error: {e}", file=sys.stderr)
        return e.exit_code
    places = {(f["check"], f["where"]) for f in found}
    answers = answered(PAGE.read_text(encoding="utf-8"))
    if show:
        for f in sorted(found, key=lambda f: (f["check"], f["where"], f["text"])):
            print(f"{f['check']} ({f['impact']}) in {f['where']}: {f['text']}\n")
    print(f"slither: {len(found)} findings of {len({c for c, _ in places})} checks in {len(places)} places")
    for check, where in sorted(places - answers.keys()):
        print(f"not answered in {PAGE.relative_to(ROOT)}: {check} in {where}")
    for check, where in sorted(answers.keys() - places):
        print(f"answered in {PAGE.relative_to(ROOT)}, but not found any more: {check} in {where}")
    return int(places != answers.keys())


if __name__ == "__main__":
    sys.exit(main())
