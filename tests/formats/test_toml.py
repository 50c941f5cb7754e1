"""TOML: what is written is read back as it was, by the parser of the standard library."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from colearn_ledger.errors import ConfigError, UsageError
from colearn_ledger.formats.toml import read_toml, toml_entry, toml_text, toml_value

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib  # type: ignore[import-not-found,no-redef,unused-ignore]

TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES = (
    TEXTS
    | some.booleans()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats(allow_nan=False)
    | some.dates()
    | some.datetimes()
)
VALUES = some.recursive(
    LEAVES, lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3)
)


@pytest.mark.slow
@given(some.dictionaries(TEXTS, VALUES, max_size=4))
def test_text__any_settings__are_read_back_as_they_were(settings: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(settings)) == settings


@given(TEXTS, VALUES)
def test_entry__any_value__is_one_line_that_is_read_back(name: str, value: Any) -> None:
    line = toml_entry(name, value)
    assert "\n" not in line and "\r" not in line
    assert tomllib.loads(line) == {name: value}


def test_text__tables_and_names__are_written_as_people_write_them() -> None:
    settings = {"rpc": ("http://a", "http://b"), "store": {"keep": "all"}, "learner": {"options": {"a b": 1, "c-d": 2}}}
    assert toml_text(settings).splitlines() == [
        'rpc = ["http://a", "http://b"]',
        "",
        "[store]",
        'keep = "all"',
        "",
        "[learner]",
        "",
        "[learner.options]",
        '"a b" = 1',
        "c-d = 2",
    ]


def test_value__what_only_toml_or_only_json_has() -> None:
    assert [toml_value(v) for v in (math.inf, -math.inf, math.nan)] == ["inf", "-inf", "nan"]
    assert toml_value(datetime.time(7, 30)) == "07:30:00"
    with pytest.raises(UsageError, match="null"):
        toml_value({"a": [None]})
    with pytest.raises(UsageError, match="bytes"):
        toml_value(b"")


def test_read__what_cannot_be_read__is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    with pytest.raises(ConfigError, match="there is no file"):
        read_toml(path, "settings", "write it")
    for content, said in ((b"a = ", "isn't TOML"), (b"\xff", "isn't TOML"), (b"a = " + b"[" * 10**5, "nested|TOML")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            read_toml(path, "settings", "write it")
    with pytest.raises(ConfigError, match="can't be read"):
        read_toml(tmp_path, "settings", "write it")
    path.write_text(toml_text({"a": {"b": [1]}}))
    assert read_toml(path, "settings", "write it") == {"a": {"b": [1]}}


def test_read_toml__begins_with_a_mark_as_some_editors_leave_it__is_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert read_toml(path, "settings", "write it") == {"a": 1}
