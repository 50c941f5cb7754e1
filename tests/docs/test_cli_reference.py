"""docs/cli.md against the parsers: every command, option, default and exit code is in it, and nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from colearn_node.cli import make_parser as node_parser

from colearn_ledger import errors
from colearn_ledger.cli.main import COMMANDS
from colearn_ledger.cli.main import make_parser as ledger_parser

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of whole commands, such as ``motion propose add``."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for command in action.choices.values():
            yield from leaves(command)


def all_commands() -> dict[str, argparse.ArgumentParser]:
    parsers = [*leaves(node_parser())]
    for name in COMMANDS:
        [chosen] = [
            action.choices[name]
            for action in ledger_parser(name)._actions
            if isinstance(action, argparse._SubParsersAction)
        ]
        parsers += leaves(chosen)
    return {re.sub(r" [A-Z]+\b", "", parser.prog): parser for parser in parsers}


PARSERS = all_commands()


def rows(command: str) -> dict[str, str]:
    """The rows of the command's table, and of the tables that it names, by each option in their first cell."""
    text = SECTIONS[command]
    for shared in ("Where the collective is", "Whose key signs"):
        if f"(#{shared.lower().replace(' ', '-')})" in text:
            text += SECTIONS[shared]
    if "(configuration.md)" in text:
        text += (DOCS / "configuration.md").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        first, _, rest = line.removeprefix("| ").partition(" | ")
        # Where the table is one of settings, the flag is in the last cell.
        names = first if first.startswith("`-") else rest.rpartition("|")[0].rpartition("|")[2]
        for option in re.findall(r"`(--?[a-z][a-z_-]*)", names):
            found[option] = rest
    return found


def test_commands__each_has_a_section_and_no_other_has() -> None:
    sections = {name for name in SECTIONS if name.startswith("colearn-")}
    assert sections == set(PARSERS)


@pytest.mark.parametrize("command", PARSERS)
def test_options__each_is_in_the_table_with_its_default_and_no_other_is(command: str) -> None:
    documented = rows(command)
    taken = set()
    for action in PARSERS[command]._actions:
        if isinstance(action, argparse._HelpAction) or not action.option_strings:
            continue
        taken |= set(action.option_strings)
        for option in action.option_strings:
            assert option in documented, option
        if action.default not in (None, False, []):
            assert str(action.default) in documented[action.option_strings[-1]], action.default
    assert set(documented) == taken


@pytest.mark.parametrize("command", PARSERS)
def test_options__of_every_command__have_dashes(command: str) -> None:
    flags = [flag for action in PARSERS[command]._actions for flag in action.option_strings]
    assert [flag for flag in flags if "_" in flag] == []


def test_links__from_the_overview__lead_to_sections() -> None:
    anchors = {name.lower().replace(" ", "-") for name in SECTIONS}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors


def test_exit_codes__all_of_the_errors_are_listed_and_no_other() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", SECTIONS["Exit codes"], re.MULTILINE)}
    known = [getattr(errors, name) for name in errors.__all__]
    codes = {error.exit_code for error in known if isinstance(error, type) and issubclass(error, errors.ColearnError)}
    assert listed == codes | {0, 1, 130, 141}
