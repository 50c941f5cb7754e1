"""What founding members are called: which names can be, and how they are shown."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.errors import ConfigError
from colearn_ledger.founding.names import MOST_BYTES, Names, why_no_name, why_no_names
from colearn_ledger.founding.record import load_deployment, save_deployment

from .test_record import RECORD

ALICE, BOB = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.mark.parametrize(
    "name", ["a", "Hôpital Nord", "病院", "x" * MOST_BYTES, "a=b", "$\\frac{", "<b>", "=1+1", "_a"]
)
def test_why_no_name__printable_and_short__can_be(name: str) -> None:
    assert why_no_name(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " a",
            "a ",
            "x" * (MOST_BYTES + 1),
            "病" * 11,
            "a\nb",
            "a\x1b[31m",
            "a\u202eb",
            "a\u200bb",
            "\u3164",
            "\u0301a",
        ),
        *("\ud800", "a\u00a0b", ALICE, "0xabc", "a\u2028b", "a\tb"),
    ],
)
def test_why_no_name__unseen_long_or_like_an_address__says_why(name: str) -> None:
    said = why_no_name(name)
    assert said.startswith("the name ") and said.isprintable()
    with pytest.raises(ValueError, match="the name"):
        Names({ALICE: name})


@pytest.mark.parametrize("one, other", [("a", "a"), ("Clinic", "clinic"), ("caf\u00e9", "cafe\u0301"), ("a", "\uff41")])
def test_why_no_names__two_that_look_alike__are_refused(one: str, other: str) -> None:
    assert "are alike" in why_no_names([one, "b", other])
    assert why_no_names([one, "b"]) == ""


def test_names__shown__always_with_the_address() -> None:
    names = Names({ALICE: "Hospital of the North", BOB: "bob"})
    assert names.short(ALICE) == "Hospital of t… 0x5FbD…0aa3" and names.full(BOB) == f"{BOB} (bob)"
    assert names.short("0x" + "12" * 20) == "0x1212…1212" and names.full("0x12") == "0x12"


def test_record__with_names__is_read_as_it_was_written(tmp_path: Path) -> None:
    record = dataclasses.replace(RECORD, names=Names({ALICE: "Hôpital", BOB: "bob"}))
    save_deployment(record, tmp_path / "d.json")
    assert load_deployment(tmp_path / "d.json") == record
    assert "names" not in RECORD.to_json(), "a collective without names has none"


@pytest.mark.parametrize(
    "names",
    [[], "a", {ALICE.lower(): "a"}, {ALICE: 1}, {ALICE: ""}, {ALICE: "a\u202eb"}, {ALICE: "a", BOB: "A"}, {"x": "a"}],
)
def test_record__with_names_that_cannot_be__is_refused(names: Any, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps({**RECORD.to_json(), "names": names}))
    with pytest.raises(ConfigError, match="wrong names"):
        load_deployment(tmp_path / "d.json")
