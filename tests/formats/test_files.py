"""Files that are whole or not there: on a real file system, whatever fails and whoever dies."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.formats.files import write_whole

OLD, NEW = b"old " * 100, b"new " * 100_000
posix = pytest.mark.skipif(os.name != "posix", reason="file permissions and signals of this kind are POSIX's")


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_write__text_or_bytes__are_there_and_nothing_beside_them(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "zwölf\nlines\n")
    write_whole(tmp_path / "bytes", memoryview(NEW))
    assert (tmp_path / "text").read_bytes() == "zwölf\nlines\n".encode()
    assert (tmp_path / "bytes").read_bytes() == NEW
    assert sorted(os.listdir(tmp_path)) == ["bytes", "text"]


@posix
@pytest.mark.parametrize("replace", [True, False])
def test_write__mode__is_the_files_less_the_umask(tmp_path: Path, replace: bool) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "private", "", mode=0o600, replace=replace)
        write_whole(tmp_path / "usual", "", replace=replace)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "usual").stat().st_mode) == 0o640


def test_write__a_file_is_there__is_replaced_or_else_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, OLD)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    with pytest.raises(FileExistsError):
        write_whole(path, OLD, replace=False)
    assert path.read_bytes() == NEW and os.listdir(tmp_path) == ["file"]


@posix
def test_write__a_link_to_nothing_has_the_name__is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_whole(path, NEW, replace=False)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW and not path.is_symlink() and os.listdir(tmp_path) == ["link"]


def test_write__the_folder_is_a_file__fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(NotADirectoryError):
        write_whole(tmp_path / "file" / "inner", NEW)
    assert os.listdir(tmp_path) == ["file"]


def test_write__a_folder_has_the_name__fails_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    for replace in (True, False):
        with pytest.raises(IsADirectoryError if replace else FileExistsError):
            write_whole(tmp_path / "name", NEW, replace=replace)
    assert os.listdir(tmp_path) == ["name"]


# The kernel refuses to let the file grow further, as a full disk does, after a part was written.
NO_ROOM = """
import resource, signal, sys
from colearn_ledger.formats.files import write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_whole(sys.argv[1], b"new " * 100_000, replace=sys.argv[2] == "True")
except OSError as error:
    print(error.errno)
"""


@posix
@pytest.mark.parametrize("replace", [True, False])
def test_write__no_room_for_all_of_it__leaves_what_was_there(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "file"
    if replace:
        path.write_bytes(OLD)
    answer = run(NO_ROOM, path, replace)
    assert answer.stdout.split() == [str(errno.EFBIG)], answer.stderr
    assert os.listdir(tmp_path) == (["file"] if replace else [])
    assert not replace or path.read_bytes() == OLD


# Killed hard before each of the calls that make up a write, one after the other; what they do is the real thing.
KILLED = """
import os, signal, sys
from colearn_ledger.formats import files
path, dies_before, replace = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
calls = 0
def watched(call):
    def do(*arguments, **options):
        global calls
        calls += 1
        if calls == dies_before:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return do
for name in ("open", "fsync", "replace", "link", "unlink"):
    setattr(os, name, watched(getattr(os, name)))
files.write_whole(path, b"new " * 100_000, replace=replace)
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("replace", [True, False])
def test_write__killed_anywhere__the_name_has_all_or_what_it_had(tmp_path: Path, replace: bool) -> None:
    seen = []
    for step in range(1, 30):
        folder = tmp_path / str(step)
        folder.mkdir()
        path = folder / "file"
        if replace:
            path.write_bytes(OLD)
        answer = run(KILLED, path, step, replace)
        content = path.read_bytes() if path.exists() else None
        assert content in (NEW, OLD if replace else None)
        seen.append(content == NEW)
        if answer.returncode == 0:
            break
        assert answer.returncode == -signal.SIGKILL, answer.stderr
    assert not seen[0] and seen[-1] and len(seen) >= 5, "it was killed before, between and after"


def test_write__is_on_disk_before_it_has_its_name_and_the_name_is_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut leaves can't be tried; that the calls come in the one right order can."""
    seen: list[str] = []
    sync, move = os.fsync, os.replace

    def watch_sync(handle: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def watch_move(source: Any, target: Any) -> None:
        assert Path(source).read_bytes() == NEW
        seen.append("name")
        move(source, target)

    monkeypatch.setattr(os, "fsync", watch_sync)
    monkeypatch.setattr(os, "replace", watch_move)
    write_whole(tmp_path / "file", NEW)
    assert seen == ["file", "name", "folder"][: 3 if os.name == "posix" else 2]


def test_write__a_file_system_without_links__still_never_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "file", NEW, replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", OLD, replace=False)
    assert (tmp_path / "file").read_bytes() == NEW and os.listdir(tmp_path) == ["file"]
