"""Weights out of a store into a file without a name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.weights import weights_ref
from colearn_ledger.errors import InvalidWeights, UnavailableWeights
from colearn_ledger.member.mapped import is_mapped
from colearn_ledger.member.pulling import pull
from colearn_ledger.stores.local import LocalStore

DATA = bytes(range(256)) * 9000


class Huge(LocalStore):
    """Gets what no disk has room for: it is asked for it in memory."""

    def get(self, ref: WeightsRef, **options: Any) -> bytes:
        return b"in memory"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_pull__weights__in_a_mapped_file_of_which_nothing_is_left(store: LocalStore, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    data = pull(store, store.put(DATA), folder=folder)
    assert is_mapped(data) and bytes(data) == DATA
    assert list(folder.iterdir()) == []


def test_pull__not_there_or_not_those__raises_as_the_store_does(store: LocalStore, tmp_path: Path) -> None:
    ref = weights_ref(DATA)
    with pytest.raises(UnavailableWeights):
        pull(store, ref, folder=tmp_path)
    store.put(DATA)

    def refuse(head: memoryview) -> None:
        raise InvalidWeights(f"begins with {bytes(head[:2])!r}")

    with pytest.raises(InvalidWeights, match="begins with"):
        pull(store, ref, check_head=refuse, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_pull__no_folder_to_write_to__in_memory(store: LocalStore, tmp_path: Path) -> None:
    data = pull(store, store.put(DATA), folder=tmp_path / "missing")
    assert data == DATA and not is_mapped(data)


def test_pull__no_room_on_the_disk__in_memory(tmp_path: Path) -> None:
    ref = WeightsRef(bytes(32), bytes(32), shutil.disk_usage(tmp_path).total)
    assert pull(Huge(tmp_path), ref, folder=tmp_path) == b"in memory"
