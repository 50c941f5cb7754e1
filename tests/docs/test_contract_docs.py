"""The contract's pages say what its sources say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "lib")]

import contract_docs  # noqa: E402
import slither_check  # noqa: E402


@pytest.fixture
def _compiler(require_tool: Callable[..., Path]) -> None:
    require_tool("node", "node_modules/solc")


@pytest.mark.slow
@pytest.mark.usefixtures("_compiler")
def test_reference__is_what_the_sources_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract_docs.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("_compiler")
def test_reference__an_old_page__is_refused_then_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current = contract_docs.PAGE.read_text(encoding="utf-8")
    old = tmp_path / "contract.md"
    old.write_text(current.replace("Reveal a committed vote.", "Reveal."), encoding="utf-8")
    assert contract_docs.main(["--check"], old) == 13
    assert "to fix:   run scripts/contract_docs.py" in capsys.readouterr().err
    assert contract_docs.main([], old) == 0
    assert old.read_text(encoding="utf-8") == current


@pytest.mark.slow
@pytest.mark.usefixtures("_compiler")
def test_reference__every_item__has_its_comment_and_every_error_is_given_somewhere() -> None:
    _, _, reference = contract_docs.PAGE.read_text(encoding="utf-8").partition(contract_docs.MARK)
    interface, _ = contract_docs.parse()
    bare = [n["name"] for n in interface["nodes"] if not contract_docs.natspec(n)[0]]
    assert not bare
    rows = [line for line in reference.splitlines() if line.startswith("|") and "---" not in line and line != "| | | |"]
    assert len(rows) > 80
    assert not [row for row in rows if row.endswith("|  |")]


def test_slither__answers__are_about_functions_of_the_contract() -> None:
    answers = slither_check.answered(slither_check.PAGE.read_text(encoding="utf-8"))
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "contracts").rglob("*.sol"))
    assert answers
    assert not [where for _, where in answers if f"function {where}(" not in source and f"    {where}(" not in source]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (None, 0, "findings"),
        ("more", 1, "not answered in docs/contract-slither.md: reentrancy-eth in vote"),
        ("less", 1, "not found any more: timestamp in _vote"),
    ],
)
def test_slither__findings_and_answers_differ__says_which(
    change: str | None, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = slither_check.answered(slither_check.PAGE.read_text(encoding="utf-8"))
    found = [{"check": c, "where": w, "impact": "Low", "text": "text"} for c, w in answers]
    if change == "more":
        found.append({"check": "reentrancy-eth", "where": "vote", "impact": "High", "text": "text"})
    elif change == "less":
        found = [f for f in found if (f["check"], f["where"]) != ("timestamp", "_vote")]
    monkeypatch.setattr(slither_check, "find", lambda: found)
    assert slither_check.main([]) == code
    assert said in capsys.readouterr().out
