"""The store that a user names: which one it is, and what opening it does."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from colearn_ledger.errors import StoreError, UsageError
from colearn_ledger.stores.local import LocalStore
from colearn_ledger.stores.spec import StoreSpec


def test_open__a_folder__is_made_then_and_not_before(tmp_path: Path) -> None:
    spec = pickle.loads(pickle.dumps(StoreSpec(folder=tmp_path / "weights")))
    assert not (tmp_path / "weights").exists()
    store = spec.open()
    assert isinstance(store, LocalStore) and store.folder == tmp_path / "weights"
    assert (tmp_path / "weights").is_dir()


def test_open__folder_and_daemon__is_the_folder(tmp_path: Path) -> None:
    assert isinstance(StoreSpec("/ip4/127.0.0.1/tcp/1", tmp_path).open(), LocalStore)


def test_open__no_daemon_there__is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        StoreSpec("/ip4/127.0.0.1/tcp/1").open()


def test_open__a_daemon_elsewhere__is_asked_only_where_that_is_allowed() -> None:
    with pytest.raises(UsageError):
        StoreSpec("/dns4/nobody.invalid/tcp/5001").open()
    with pytest.raises(StoreError):
        StoreSpec("/dns4/nobody.invalid/tcp/5001", allow_remote=True).open()


def test_str__password_in_the_address__is_not_shown() -> None:
    spec = StoreSpec("http://me:secret@127.0.0.1:5001")
    assert "secret" not in f"{spec} {spec!r}" and "127.0.0.1:5001" in str(spec)
    with pytest.raises(UsageError) as error:
        StoreSpec("http://me:secret@127.0.0.1:5001/else").open()
    assert "secret" not in str(error.value)
    with pytest.raises(UsageError, match="isn't on this machine") as error:
        StoreSpec("http://me:secret@10.0.0.1:5001").open()
    assert "secret" not in str(error.value)


def test_str__says_where_for_people(tmp_path: Path) -> None:
    assert str(StoreSpec("/ip4/127.0.0.1/tcp/5001")) == "the IPFS daemon at /ip4/127.0.0.1/tcp/5001"
    assert str(StoreSpec(folder=tmp_path)) == f"the folder {tmp_path}"
