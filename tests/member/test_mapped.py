"""Bytes in files without a name: nothing is left of them, and a full disk costs memory, not the bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from colearn_ledger.member.mapped import is_mapped, mapped, spooled
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
