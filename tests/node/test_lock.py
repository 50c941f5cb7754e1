"""One node per key."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from colearn_node.lock import hold, runtime_folder

from colearn_ledger.errors import KeyFileError, KeyInUse

from ..kit.builders import ME, OTHER


def test_hold__key_that_another_node_holds__is_refused_with_its_process_by_whatever_file(tmp_path: Path) -> None:
    key, link, copy = tmp_path / "key.json", tmp_path / "link.json", tmp_path / "elsewhere" / "copy.json"
    copy.parent.mkdir()
    for file in (key, copy):
        file.touch()
    link.symlink_to(key)
    with hold(ME, key, folder=tmp_path):
        for again in (key, link, copy, None):
            refused = rf"the key of {ME} is in use by another node \(process {os.getpid()}\)"
            with pytest.raises(KeyInUse, match=refused), hold(ME.upper().replace("0X", "0x"), again, folder=tmp_path):
                pass
    with hold(ME, link, folder=tmp_path):
        pass


def test_hold__another_runtime_folder__the_lock_beside_the_keystore_tells(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    with hold(ME, key, folder=tmp_path), pytest.raises(KeyInUse), hold(ME, key, folder=tmp_path.parent):
        pass


def test_hold__keys_of_two_members__can_be_held_at_once(tmp_path: Path) -> None:
    with hold(ME, None, folder=tmp_path), hold(OTHER, None, folder=tmp_path):
        assert len(list(tmp_path.iterdir())) == 2


def test_hold__one_key_in_two_collectives__is_held_for_each(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for collective in ("one", "another"):
            stack.enter_context(hold(ME, collective=collective, folder=tmp_path))
        with pytest.raises(KeyInUse):
            stack.enter_context(hold(ME, collective="one", folder=tmp_path))


@contextlib.contextmanager
def not_root() -> Iterator[None]:
    """As somebody whose files' permissions count."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # nobody
    try:
        yield
    finally:
        os.seteuid(me)


def test_hold__keystore_in_a_folder_that_cannot_be_written_to__is_held_all_the_same() -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest's own folders let nobody else in
        folder = Path(made)
        secrets, run = folder / "secrets", folder / "run"
        for path, mode in ((folder, 0o755), (secrets, 0o555), (run, 0o777)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        with not_root():
            with pytest.raises(PermissionError):
                (secrets / "file").touch()
            with contextlib.ExitStack() as stack:
                stack.enter_context(hold(ME, secrets / "key.json", folder=run))
                with pytest.raises(KeyInUse):
                    stack.enter_context(hold(ME, secrets / "k.json", folder=run))
        secrets.chmod(0o755)


def test_hold__no_folder_for_the_lock__says_that_it_can_not_be_made(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyFileError, match=r"\.lock can't be made: No such file"),
        hold(ME, folder=tmp_path / "nowhere"),
    ):
        pass


def test_hold__file_system_without_locks__is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(KeyFileError, match=r"can't be made: No locks available") as raised, hold(ME, folder=tmp_path):
        pass
    assert not isinstance(raised.value, KeyInUse)


def test_hold__keystore_in_a_folder_that_is_gone__is_no_reason_to_do_without(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold(ME, tmp_path / "gone" / "key.json", folder=tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_hold__a_link_that_another_user_has_made__is_not_followed(tmp_path: Path) -> None:
    with hold(ME, folder=tmp_path):
        [name] = [file.name for file in tmp_path.iterdir()]
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(mine)
    with pytest.raises(KeyFileError), hold(ME, folder=tmp_path):
        pass
    assert mine.read_text() == "precious"


def test_runtime_folder__is_the_one_that_is_named_or_one_that_can_be_written_to(tmp_path: Path) -> None:
    assert runtime_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path
    for environ in ({}, {"XDG_RUNTIME_DIR": str(tmp_path / "gone")}):
        assert os.access(runtime_folder(environ), os.W_OK)
