"""The folder store: the suite of all stores, and what a folder adds (processes, permissions, half-written files)."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.core.cid import CHUNK, cid_text
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.weights import weights_ref
from colearn_ledger.errors import InvalidWeights, StoreError, UnavailableWeights
from colearn_ledger.stores.base import ANYBODY
from colearn_ledger.stores.local import LocalStore
from tests.kit.store_conformance import StoreConformance


def path_of(store: LocalStore, ref: WeightsRef) -> Path:
    return store.folder / cid_text(ref.cid_digest, ref.size)


class TestLocalStoreConforms(StoreConformance):
    def open(self, tmp_path: Path, owner: str = ANYBODY) -> LocalStore:
        return LocalStore(tmp_path / "weights", owner=owner)

    def put_by_others(self, tmp_path: Path, data: bytes) -> WeightsRef:
        ref = weights_ref(data)
        (tmp_path / "weights" / ref.cid).write_bytes(data)
        return ref

    def damage(self, store: Any, ref: WeightsRef, data: bytes) -> bool:
        path_of(store, ref).write_bytes(data)
        return True

    def lose(self, store: Any, ref: WeightsRef) -> None:
        path_of(store, ref).unlink()


@pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
@pytest.mark.parametrize("how", ["flipped", "short", "long"])
def test_get_to__damaged__is_invalid_and_leaves_no_file(tmp_path: Path, size: int, how: str) -> None:
    mine, theirs = (LocalStore(tmp_path / "weights", owner=owner) for owner in ("mine", "theirs"))
    data = bytes(size)
    ref = theirs.put(data)
    path_of(theirs, ref).write_bytes({"flipped": data[:-1] + b"!", "short": data[:-1], "long": data + b"!"}[how])
    with pytest.raises(InvalidWeights):
        mine.get_to(tmp_path / "pulled", ref)
    assert os.listdir(tmp_path) == ["weights"] and not mine.kept()


def test_put__a_file__is_named_by_its_cid_and_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    small, large = store.put(b"abc"), store.put(bytes(CHUNK + 1))
    names = sorted(os.listdir(tmp_path))
    assert names == sorted(cid_text(r.cid_digest, r.size) for r in (small, large))
    assert [name[:4] for name in names] == ["bafk", "bafy"]


def test_put__the_same_bytes_again__leaves_the_file_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    path = path_of(store, store.put(bytes(3 * CHUNK)))
    before = path.stat()
    store.put(bytes(3 * CHUNK))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_put__fails_while_writing__leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk shows itself at fsync; the old content of the name, and nothing else, stays."""
    store = LocalStore(tmp_path)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left") as error:
            store.put(b"abc")
    assert error.value.fix and not isinstance(error.value, UnavailableWeights)
    assert os.listdir(tmp_path) == []
    assert not store.has(weights_ref(b"abc"))


def test_get__a_file_grown_huge__is_refused_before_it_is_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    ref = store.put(b"abc")
    with open(path_of(store, ref), "r+b") as file:
        file.truncate(1 << 33)  # sparse: takes no room
    tracemalloc.start()
    try:
        with pytest.raises(InvalidWeights, match="bytes"):
            store.get(ref)
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_get__a_folder_in_the_files_place__is_unavailable(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    ref = weights_ref(b"abc")
    path_of(store, ref).mkdir()
    with pytest.raises(UnavailableWeights):
        store.get(ref)
    assert not store.has(ref)
    with pytest.raises(StoreError):
        store.put(b"abc")


def test_get__another_cid_than_the_chains_for_these_bytes__is_invalid(tmp_path: Path) -> None:
    """Right sha256, right size, and a CID that leads elsewhere: found by hashing, not by the file's name."""
    store = LocalStore(tmp_path)
    data = bytes(CHUNK + 1)
    ref = store.put(data)
    lie = WeightsRef(ref.sha256, bytes(32), ref.size)
    path_of(store, lie).write_bytes(data)
    with pytest.raises(InvalidWeights, match="CID"):
        store.get(lie)


def test_store__folder_that_cannot_be__says_how_to_fix_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError) as error:
        LocalStore(tmp_path / "file" / "weights")
    assert error.value.expected and error.value.fix and str(tmp_path) in str(error.value)
    with pytest.raises(StoreError):
        LocalStore(tmp_path / "file")


def test_store__folder_gone__put_says_so(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "weights")
    ref = store.put(b"abc")
    for path in (tmp_path / "weights").iterdir():
        path.unlink()
    (tmp_path / "weights").rmdir()
    with pytest.raises(StoreError, match="write to"):
        store.put(b"abc")
    with pytest.raises(UnavailableWeights):
        store.get(ref)
    store.discard(ref)


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX's")
def test_store__folder_without_write_permission__says_how_to_fix_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    tmp_path.chmod(0o500)
    root = os.geteuid() == 0
    if root:  # root may write anywhere: be somebody else for a moment
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="Permission denied") as error:
            store.put(b"abc")
        assert "permissions" in error.value.fix
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o700)


OWNER = """
import sys
from colearn_ledger.stores.local import LocalStore
folder, owner = sys.argv[1:]
store = LocalStore(folder, owner=owner)
items = [bytes([i]) * 1000 for i in range(3)]
for _ in range(150):
    for data in items:
        ref = store.put(data)
        assert store.kept() == {ref.cid} and store.get(ref) == data, "taken away"
        store.discard(ref)
"""


@pytest.mark.slow
def test_discard__owners_at_once__nobody_loses_what_it_keeps_and_nothing_is_left(tmp_path: Path) -> None:
    """Each keeps and discards what the others keep and discard, again and again."""
    started = [subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), f"owner {i}"]) for i in range(3)]
    assert [each.wait(timeout=60) for each in started] == [0] * 3
    marks = [path for path in (tmp_path / ".kept").rglob("*") if path.is_file()]
    assert [path for path in marks if path.parent.name != "before"] == []


def test_discard__mark_of_another_and_no_file__is_harmless(tmp_path: Path) -> None:
    mine, theirs = LocalStore(tmp_path, owner="a"), LocalStore(tmp_path, owner="b")
    ref = mine.put(b"abc")
    theirs.put(b"abc")
    path_of(mine, ref).unlink()
    assert mine.kept() == theirs.kept() == frozenset()
    mine.discard(ref)
    assert theirs.put(b"abc") == ref and theirs.kept() == {ref.cid}


def test_store__opened_for_nobody__leaves_what_an_owner_keeps(tmp_path: Path) -> None:
    nobody, owner = LocalStore(tmp_path), LocalStore(tmp_path, owner="a")
    ref = owner.put(b"abc")
    nobody.discard(ref)
    assert nobody.get(ref) == b"abc"
    owner.discard(ref)
    assert not nobody.has(ref)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_get__a_pipe_in_the_files_place__is_unavailable_at_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    ref = weights_ref(b"abc")
    os.mkfifo(path_of(store, ref))
    with pytest.raises(UnavailableWeights, match="isn't a file"):
        store.get(ref)
    assert store.put(b"abc") == ref and store.get(ref) == b"abc"


WORKER = """
import sys
from colearn_ledger.stores.local import LocalStore
store = LocalStore(sys.argv[1])
items = [bytes([i]) * (300_000 + i) for i in range(8)]
for _ in range(4):
    for data in items:
        ref = store.put(data)
        assert store.get(ref) == data
"""


@pytest.mark.slow
def test_put__many_processes_at_once__every_reader_sees_whole_files(tmp_path: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)]) for _ in range(4)]
    assert [worker.wait(timeout=60) for worker in workers] == [0] * 4
    assert len(os.listdir(tmp_path)) == 8
    assert all(name.startswith("bafk") for name in os.listdir(tmp_path))
