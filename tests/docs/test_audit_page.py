"""docs/audit.md shows what the command prints."""

from __future__ import annotations

import re
from pathlib import Path

from colearn_ledger.audit.findings import TOPICS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_audit_page__what_it_shows__are_the_topics_as_they_are() -> None:
    [shown] = re.findall(r"<!-- colearn-ledger audit -->\n```\n(.*?)```", PAGE, re.DOTALL)
    lines = re.findall(r"^(\w+) +ok +[\d,]+  (.+)$", shown, re.MULTILINE)
    assert len(lines) > 10
    assert all(TOPICS[topic] == about for topic, about in lines)
