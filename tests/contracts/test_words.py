"""The packed words are types of their own: one can't be given for another, nor a plain number for one."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import build_contract  # noqa: E402

WORDS = sorted(path.stem for path in (ROOT / "contracts" / "types").glob("*.sol") if path.stem != "Bits")
Pair = tuple[str, str]


def source(imports: list[str], names: list[str]) -> tuple[str, dict[int, Pair]]:
    """A source that returns each of these types as each of them, and which line has which pair."""
    lines = ["// SPDX-License-Identifier: Apache-2.0", "pragma solidity ^0.8.30;", *imports]
    where = {}
    for given, wanted in product(names, repeat=2):
        where[len(lines)] = given, wanted
        lines.append(f"function f{len(lines)}({given} word) pure returns ({wanted}) {{ return word; }}")
    return "\n".join(lines), where


def an_import(word: str, name: str) -> str:
    return f'import {{{word} as {name}}} from "contracts/types/{word}.sol";'


@pytest.fixture(scope="module")
def refused(require_tool: Callable[..., Path]) -> dict[str, list[Pair]]:
    """By source, the pairs that the compiler refuses; it is started once, and names every line."""
    require_tool("node", "node_modules/solc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import solcx
        from solcx.exceptions import SolcError
    sources = {
        "Words.sol": source([an_import(word, word) for word in WORDS], [*WORDS, "uint256"]),
        "Alias.sol": source([an_import("Seat", "Seat"), an_import("Seat", "Head")], ["Seat", "Head", "uint256"]),
    }
    given = build_contract.standard_input()
    given["sources"] |= {name: {"content": text} for name, (text, _) in sources.items()}
    given["settings"]["outputSelection"] = {name: {"": ["ast"]} for name in sources}
    with pytest.raises(SolcError) as caught:
        solcx.compile_standard(given, solc_binary=build_contract.find_compiler())
    found: dict[str, list[Pair]] = {name: [] for name in sources}
    for error in json.loads(caught.value.stdout_data)["errors"]:
        assert "is not implicitly convertible to expected type" in error["message"], error["formattedMessage"]
        place = error["sourceLocation"]
        text, where = sources[place["file"]]
        found[place["file"]].append(where[text.encode()[: place["start"]].count(b"\n")])
    return found


@pytest.mark.slow
def test_word__given_for_another_or_for_a_number__does_not_compile(refused: dict[str, list[Pair]]) -> None:
    assert len(WORDS) > 8
    assert sorted(refused["Words.sol"]) == sorted(permutations([*WORDS, "uint256"], 2))


@pytest.mark.slow
def test_word__that_is_another_by_another_name__is_not_among_the_refused(refused: dict[str, list[Pair]]) -> None:
    everything = set(permutations(["Seat", "Head", "uint256"], 2))
    assert everything - set(refused["Alias.sol"]) == {("Seat", "Head"), ("Head", "Seat")}
