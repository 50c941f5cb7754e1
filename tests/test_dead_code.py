"""Code that nothing calls is deleted, or stands in a list with the reason why it stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import vulture

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("colearn_ledger", "node", "scripts", "benchmarks")
LIST = ROOT / "scripts" / "lib" / "unused.py"


def unused(*sources: Path) -> dict[str, str]:
    """Names that nothing in the sources uses, and where they are."""
    found = vulture.Vulture()
    found.scavenge([str(source) for source in sources], exclude=[str(LIST)])
    return {item.name: f"{item.filename}:{item.first_lineno}" for item in found.get_unused_code(min_confidence=60)}


def allowed() -> dict[str, str]:
    """The names of the list, and why each stays."""
    lines = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line.startswith("_.")]
    return dict(re.fullmatch(r"_\.(\w+)  # (.+)", line).groups() for line in lines)  # type: ignore[union-attr,misc]


@pytest.mark.slow
def test_code__that_nothing_uses__is_in_the_list_and_the_list_holds_nothing_else() -> None:
    found = unused(*(ROOT / folder for folder in FOLDERS))
    dead = {name: where for name, where in found.items() if name not in allowed()}
    assert not dead, "delete it, or say in scripts/lib/unused.py why it stays"
    assert not allowed().keys() - found.keys(), "these are used, or gone: take them out of scripts/lib/unused.py"


@pytest.mark.parametrize("source", ["def lonely() -> None: ...", "class A:\n    lonely = 1"])
def test_unused__a_name_that_nothing_reads__is_found(source: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(source)
    assert "lonely" in unused(file)
