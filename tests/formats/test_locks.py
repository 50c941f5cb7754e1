"""Locks between real processes: who holds one, who waits, and what a killed one leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.formats.locks import LockHeld, lock_holder, take_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the locks are POSIX's")

HOLD = """
import pathlib, sys
from colearn_ledger.formats.locks import take_lock
with take_lock(pathlib.Path(sys.argv[1]), waiting=lambda: print("waiting", flush=True)):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock until its input ends."""
    process = start(tmp_path / "lock")
    assert said(process) == "mine"
    yield process
    process.kill()
    process.communicate()


def start(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_lock__free__is_taken_says_by_whom_and_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock_holder(path) is None
    for _ in range(2):
        with take_lock(path):
            assert lock_holder(path) == os.getpid()
        assert lock_holder(path) is None


def test_lock__held_by_another__is_refused_with_its_process_id(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(LockHeld, match=str(other.pid)) as error:
        take_lock(tmp_path / "lock")
    assert error.value.holder == other.pid == lock_holder(tmp_path / "lock")


def test_lock__a_shorter_process_id_than_the_last__is_all_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123456789012345\n")
    with take_lock(tmp_path / "lock"):
        assert lock_holder(tmp_path / "lock") == os.getpid()


def test_lock__whoever_holds_it_is_killed__is_free(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert lock_holder(tmp_path / "lock") is None
    take_lock(tmp_path / "lock").close()


def test_lock__somebody_waits__gets_it_when_it_is_free_and_not_before(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    second = start(tmp_path / "lock")
    try:
        assert said(second) == "waiting"
        assert second.poll() is None and lock_holder(tmp_path / "lock") == other.pid
        other.communicate()
        assert said(second) == "mine"
        assert lock_holder(tmp_path / "lock") == second.pid
    finally:
        second.kill()
        second.communicate()


def test_lock__held_by_one_that_has_not_said__has_no_holder(tmp_path: Path) -> None:
    with take_lock(tmp_path / "lock") as lock:
        lock.truncate(0)
        assert lock_holder(tmp_path / "lock") is None
        with pytest.raises(LockHeld, match=r"\?"):
            take_lock(tmp_path / "lock")


def test_lock__in_a_folder_that_is_a_file__cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        take_lock(tmp_path / "file" / "lock")
