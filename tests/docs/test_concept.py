"""The concept's glossary and map name what is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concept.md"
TEXT = PAGE.read_text(encoding="utf-8")
WORDS = re.findall(r"^\| `(\w+)` \| .+ \| `([\w.]+)` \|$", TEXT.partition("<!-- words -->")[2], re.MULTILINE)
ROUNDS, VOTES = "Round RoundRecord RoundResult Result Results", "Vote VoteRecord Verdict Choice"
PROPOSALS = "Proposal ProposedWeights Propose Trained"


@pytest.mark.parametrize(("name", "module"), WORDS)
def test_words__each_type__is_public_in_its_module(name: str, module: str) -> None:
    assert name in importlib.import_module(module).__all__


def test_words__near_synonyms__are_all_told_apart() -> None:
    assert {*ROUNDS.split(), *VOTES.split(), *PROPOSALS.split()} <= {name for name, _ in WORDS}
    rows = TEXT.partition("<!-- words -->")[2].partition("\n\n## ")[0].splitlines()
    assert len(rows) == len(WORDS) + 3, "every row is read"


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)", TEXT))))
def test_page__each_link__leads_somewhere(link: str) -> None:
    assert (PAGE.parent / link).exists()
