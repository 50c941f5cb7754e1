"""Writes the table of settings in docs/configuration.md anew, as `colearn_node.settings.Config` declares them."""

from __future__ import annotations

from pathlib import Path

from colearn_node.template import reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- settings: scripts/configuration_docs.py -->\n", "<!-- end -->"


def with_table(page: str) -> str:
    """The page with its table as it should be."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + begin + reference() + end + after


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
