"""docs/api.md says what the docstrings say, of every public name."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import api_docs  # noqa: E402

PAGE = api_docs.PAGE.read_text(encoding="utf-8")


def test_reference__is_what_the_docstrings_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert api_docs.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.slow
def test_reference__an_old_page__is_refused_then_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "api.md"
    old.write_text(PAGE.replace("how many rounds.", "how often."), encoding="utf-8")
    assert api_docs.main(["--check"], old) == 13
    assert "to fix:   run scripts/api_docs.py" in capsys.readouterr().err
    assert api_docs.main([], old) == 0 and old.read_text(encoding="utf-8") == PAGE
    assert api_docs.main(["--check"], tmp_path / "none.md") == 13


@pytest.mark.parametrize("door", api_docs.DOORS)
def test_public_names__of_each_door__are_those_of_the_package(door: str) -> None:
    package = importlib.import_module(f"colearn_ledger.{door}" if door else "colearn_ledger")
    assert {one.name for one in api_docs.public_names(door)} == set(package.__all__) - {"__version__"}


def test_reference__links_and_anchors__belong_together_and_nothing_is_without_words() -> None:
    anchors = re.findall(r'<a id="([\w-]+)">', PAGE)
    assert len(anchors) == len(set(anchors)) and set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) == set(anchors)
    bare = [block.splitlines()[0] for block in PAGE.split("\n### ")[1:] if len(block.split("\n```\n")[-1].strip()) < 10]
    assert not bare


def test_markdown__roles_sections_and_examples__are_lists_and_blocks() -> None:
    text = (
        "Do it, as :meth:`~x.y.Store.get` and :func:`.run`.\n\nParameters\n----------\na, b: what\n    goes on.\n\n"
        "More.\n\n>>> f(1)\n2"
    )
    assert api_docs.markdown(text) == [
        *("Do it, as `Store.get` and `run`.", "", "", "*Parameters*", "", "- `a`, `b`: what", "  goes on.", ""),
        *("More.", "", "", "```python", ">>> f(1)", "2", "```", ""),
    ]
