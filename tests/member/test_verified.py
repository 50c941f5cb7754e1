"""The last verified weights: a file that nobody else can name, and one slot."""

from __future__ import annotations

import contextlib
import gc
import os
import weakref
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.weights import decode, encode, weights_ref
from colearn_ledger.member.verified import Verified

DATA, OTHER = encode(np.arange(1000.0)), encode(np.arange(1000.0) + 1)
REF, OTHER_REF = weights_ref(DATA), weights_ref(OTHER)


def test_verified__kept__is_taken_as_often_as_one_likes() -> None:
    verified = Verified()
    verified.keep(REF, DATA)
    for _ in range(2):
        taken = verified.take(REF)
        assert taken is not None and bytes(taken) == DATA
    assert verified.take(OTHER_REF) is None


def test_verified__file__has_no_name_and_cannot_be_written_to(tmp_path: Path) -> None:
    verified = Verified(tmp_path)
    verified.keep(REF, DATA)
    assert list(tmp_path.iterdir()) == []
    taken = verified.take(REF)
    assert taken is not None and taken.readonly


@pytest.mark.skipif(not Path("/proc/self/map_files").exists(), reason="it reads Linux's /proc")
def test_verified__bytes__lie_in_a_file_and_not_in_memory(tmp_path: Path) -> None:
    verified = Verified(tmp_path)
    verified.keep(REF, DATA)
    maps = Path("/proc/self/maps").read_text()
    assert f"{tmp_path}/" in maps and "(deleted)" in maps


def test_verified__others_come__the_first_stay_with_whoever_took_them(tmp_path: Path) -> None:
    verified = Verified(tmp_path)
    verified.keep(REF, DATA)
    taken = verified.take(REF)
    verified.keep(OTHER_REF, OTHER)
    assert verified.take(REF) is None
    assert taken is not None and bytes(taken) == DATA


def test_verified__nobody_reads_them_any_more__room_on_disk_is_free() -> None:
    verified = Verified()
    verified.keep(REF, DATA)
    taken = verified.take(REF)
    assert taken is not None
    mapping = weakref.ref(taken.obj)
    del taken
    verified.keep(OTHER_REF, OTHER)
    gc.collect()
    assert mapping() is None


def test_verified__ref__says_what_was_kept_last() -> None:
    verified = Verified()
    assert verified.ref is None
    verified.keep(REF, DATA)
    verified.keep(OTHER_REF, OTHER)
    assert verified.ref == OTHER_REF


def test_verified__no_room_for_them__says_that_it_has_none(tmp_path: Path) -> None:
    verified = Verified(tmp_path / "missing")
    verified.keep(REF, DATA)
    assert verified.take(REF) is None


@pytest.mark.slow
def test_verified__many_sets_of_weights__no_file_stays_open() -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("it reads Linux's /proc")

    def without_a_name() -> int:
        gc.collect()
        found = 0
        for descriptor in descriptors.iterdir():
            with contextlib.suppress(OSError):  # of another thread, and closed meanwhile
                found += os.readlink(descriptor).endswith("(deleted)")
        return found

    verified = Verified()
    before = without_a_name()
    for i in range(20):
        data = encode(np.full(1000, float(i)))
        verified.keep(weights_ref(data), data)
    assert without_a_name() <= before + 2, "the last one's: its mapping's, and the one to map it again by"


def test_decode__verified_bytes__arrays_are_copies() -> None:
    verified = Verified()
    verified.keep(REF, DATA)
    taken = verified.take(REF)
    assert taken is not None
    array = decode(taken, verified=True)
    array += 1
    assert bytes(taken) == DATA
