"""Saved states of a chain: whole or the one before, whatever is done to the files. No chain is needed for that."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from colearn_ledger.network.saver import BEFORE, SAVED, Damaged, load, pause_after, write

FIRST, SECOND = b'{"block": 1}' * 50, b'{"block": 2}' * 50


def two_saves(folder: Path) -> None:
    write(folder, gzip.compress(FIRST))
    write(folder, gzip.compress(SECOND))


def test_load__nothing_was_saved__none(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def test_load__two_saves__the_newer_one_and_nothing_to_say(tmp_path: Path) -> None:
    two_saves(tmp_path)
    assert load(tmp_path) == (SECOND, "")
    assert sorted(os.listdir(tmp_path)) == [BEFORE, SAVED], "nothing else is left"


def test_load__newest_cut_at_any_byte__the_one_before_and_says_so(tmp_path: Path) -> None:
    two_saves(tmp_path)
    whole = (tmp_path / SAVED).read_bytes()
    for size in range(len(whole)):
        (tmp_path / SAVED).write_bytes(whole[:size])
        found = load(tmp_path)
        assert found is not None and found[0] == FIRST and BEFORE in found[1], size


@pytest.mark.parametrize("content", [b"\0" * 100, b"not compressed"])
def test_load__newest_overwritten__the_one_before(tmp_path: Path, content: bytes) -> None:
    two_saves(tmp_path)
    (tmp_path / SAVED).write_bytes(content)
    found = load(tmp_path)
    assert found is not None and found[0] == FIRST


def test_load__killed_between_the_two_renames__the_one_before(tmp_path: Path) -> None:
    write(tmp_path, gzip.compress(FIRST))
    os.replace(tmp_path / SAVED, tmp_path / BEFORE)
    found = load(tmp_path)
    assert found is not None and found[0] == FIRST and "missing" in found[1]


def test_write__after_a_damaged_one_was_found__the_good_one_stays(tmp_path: Path) -> None:
    two_saves(tmp_path)
    (tmp_path / SAVED).write_bytes(b"torn")
    load(tmp_path)
    write(tmp_path, gzip.compress(SECOND))
    assert gzip.decompress((tmp_path / BEFORE).read_bytes()) == FIRST


@pytest.mark.parametrize("names", [(SAVED,), (BEFORE,), (SAVED, BEFORE)])
def test_load__all_damaged__refuses_to_begin_anew(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(Damaged, match="and so is the one before"):
        load(tmp_path)
    with pytest.raises(Damaged):
        load(tmp_path)


def test_pause__however_long_a_save_takes__saving_is_a_twentieth_of_the_time_at_most() -> None:
    assert pause_after(0.001) == 1.0
    assert pause_after(0.2) == pytest.approx(4.0) and pause_after(30.0) == pytest.approx(600.0)
