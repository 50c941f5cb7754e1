"""Blocks of large arrays: all of them, in order; and what was passed of a mapped file doesn't stay in memory."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.blocks import blocks, let_go, pieces

SIZE = 24 << 20
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it reads Linux's /proc")


def of_files() -> int:
    """Bytes of mapped files that are in this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssFile:")).split()[1])


def grown(work: Callable[[], object]) -> int:
    before = of_files()
    work()
    return of_files() - before


@pytest.fixture
def data(tmp_path: Path) -> memoryview:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 24])
def test_blocks__any_length__each_element_once_in_order(length: int) -> None:
    array = np.arange(length)
    found = [array[here] for here in blocks(length, 8, array)]
    assert np.concatenate([*found, array[:0]]).tolist() == array.tolist()
    assert [len(part) for part in found[:-1]] == [8] * (len(found) - 1) and all(len(part) for part in found)


@pytest.mark.parametrize("size", [0, 1, 1000, 1001])
def test_pieces__bytes_in_memory__the_same(size: int) -> None:
    given = bytes(range(250)) * 5
    assert b"".join(pieces(given[:size], 100)) == given[:size]
    assert b"".join(pieces(bytearray(given[:size]), 100)) == given[:size]


@linux
def test_pieces__of_a_mapped_file__little_of_it_is_in_memory(data: memoryview) -> None:
    most = 0

    def read() -> None:
        nonlocal most
        before, total = of_files(), 0
        for piece in pieces(data[3:], 1 << 20):
            total += sum(piece[:: 1 << 12])
            most = max(most, of_files() - before)
        assert total == 3 * len(range(3, SIZE, 1 << 12))

    assert grown(read) < 6 << 20
    assert most < 8 << 20


@linux
def test_blocks__of_arrays_in_mapped_files__little_of_them_is_in_memory(data: memoryview) -> None:
    array = np.frombuffer(data, np.uint32, (SIZE - 8) // 4, 8)
    total = 0

    def read() -> None:
        nonlocal total
        total = sum(int(array[here].sum(dtype=np.uint64)) for here in blocks(len(array), 1 << 16, array, array))

    assert grown(read) < 6 << 20
    assert grown(lambda: array.sum()) > SIZE / 2, "this is how it would be"
    assert total == int(array.sum(dtype=np.uint64))


@linux
def test_let_go__read_again__the_same_bytes_from_the_file(data: memoryview) -> None:
    array = np.frombuffer(data, np.uint8)
    before = array.sum(dtype=np.uint64)
    assert grown(lambda: let_go(array)) < -SIZE / 2
    assert array.sum(dtype=np.uint64) == before


def test_let_go__what_was_written_to_a_private_mapping__stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 16))
    with open(path, "rb") as file:
        mapping = mmap.mmap(file.fileno(), 1 << 16, access=mmap.ACCESS_COPY)
    array = np.frombuffer(mapping, np.uint8)
    array[:] = 7
    let_go(array)
    shown = array.view()
    shown.flags.writeable = False
    let_go(shown)
    assert (array == 7).all()


def test_let_go__arrays_in_memory__stay() -> None:
    for array in (np.arange(10), np.frombuffer(b"1234", np.uint8), np.empty(0)):
        before = array.tolist()
        let_go(array)
        assert array.tolist() == before
