"""Bytes in files without a name: nothing is left of them, and a full disk costs memory, not the bytes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, encoded
from colearn_ledger.core.wire import Wire
from colearn_ledger.errors import InvalidWeights
from colearn_ledger.member.mapped import decoded, is_mapped, mapped, spooled
from tests.kit.quick import few

PIECES = [b"one", memoryview(b"two"), bytearray(b"three"), b"", b"f" * 3_000_000]


def test_spooled__pieces__are_one_in_a_file_that_has_no_name(tmp_path: Path) -> None:
    data = spooled(iter(PIECES), tmp_path)
    assert bytes(data) == b"".join(PIECES) and is_mapped(data) and memoryview(data).readonly
    assert list(tmp_path.iterdir()) == []


def test_spooled__nothing__is_nothing(tmp_path: Path) -> None:
    assert bytes(spooled([], tmp_path)) == b""


def test_spooled__no_such_folder__is_in_memory(tmp_path: Path) -> None:
    data = spooled(iter(PIECES), tmp_path / "missing")
    assert data == b"".join(PIECES) and not is_mapped(data)


@pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files")
@few(1, "most", [0, 5, 10, 1 << 20])
def test_spooled__the_disk_is_full_in_the_middle__no_piece_is_lost(tmp_path: Path, most: int) -> None:
    """A limit on the size of files stands for the disk: in a process of its own, as it can't be taken back."""
    program = f"""
import resource, signal, sys
from pathlib import Path
from colearn_ledger.member.mapped import is_mapped, spooled
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
pieces = [b"one", memoryview(b"two"), bytearray(b"three"), b"", b"f" * 3_000_000, b"end"]
made = spooled(iter(pieces), Path(sys.argv[1]))
assert made == b"".join(pieces) and not is_mapped(made)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_mapped__the_file_is_gone__its_bytes_are_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with open(path, "rb") as file:
        data = mapped(file, 3)
    path.unlink()
    assert bytes(data) == b"123" and is_mapped(data) and not is_mapped(b"123")


TREE = {
    "w": np.arange(12, dtype=np.float32).reshape(3, 4),
    "mask": np.array([True, False, True]),
    "none": np.empty((0, 2)),
    "rate": np.float64(0.5),
    "text": b"abc",
    "steps": 7,
}


@pytest.mark.parametrize("wire", [None, "float16"])
@pytest.mark.parametrize("in_file", [True, False])
def test_decoded__whatever_becomes_of_its_arrays__the_bytes_stay_and_the_next_has_them_anew(
    in_file: bool, wire: Wire | None
) -> None:
    schema = Schema.of(TREE, wire=wire)
    data: Any = b"".join(encoded(TREE, schema))
    before = bytes(data)
    if in_file:
        data = spooled([data])
    for verified in (False, True):
        tree = decoded(data, schema, verified=verified)
        assert encode(tree, schema) == before
        tree["w"][:] = -1.0
        tree["mask"][:] = False
        assert bytes(data) == before
    del data
    gc.collect()
    assert tree["w"].sum() == -12.0 and tree["w"].dtype == np.float32 and tree["rate"] == 0.5


def test_decoded__large_and_in_a_file__lies_there_and_takes_no_memory_of_its_own() -> None:
    given = {"w": np.ones(1 << 20, np.float32)}
    schema = Schema.of(given)
    data = spooled(encoded(given, schema))
    tracemalloc.start()
    try:
        tree = decoded(data, schema)
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()
    assert tree["w"].flags.writeable and not tree["w"].flags.owndata


def test_decoded__values_that_are_none_of_a_models__are_refused_in_a_file_too() -> None:
    given = {"w": np.array([1.0, 2.0])}
    data = bytearray(encode(given))
    data[-8:] = np.array([np.nan]).tobytes()
    with pytest.raises(InvalidWeights, match="NaN"):
        decoded(spooled([bytes(data)]), Schema.of(given))
