"""Sets of images in the forms that users have, and what is wrong with them."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import pickle
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.errors import DataError
from colearn_ledger.tasks import cifar10, fashion
from colearn_ledger.tasks.cifar10 import load_cifar10
from colearn_ledger.tasks.fashion import load_fashion
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.xray import load_xrays

from ..kit.tasks_data import DATA, tiles, write_cifar, write_photographs, xrays

FASHION = DATA / "fashion"


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache of Keras and without Debian's package; gives the cache's folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The tiles as the published archive has its batches."""
    path = tmp_path / "web" / cifar10.ARCHIVE
    write_cifar(tmp_path / "made" / "cifar-10-batches-bin")
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "made" / "cifar-10-batches-bin", "cifar-10-batches-bin")
    return path


def is_tiles(x: np.ndarray, y: np.ndarray) -> bool:
    want_x, want_y = tiles()
    order = np.r_[: len(want_x) : 2, 1 : len(want_x) : 2]
    return np.array_equal(x, want_x[order]) and np.array_equal(y, want_y[order])


# --- idx and npz -----------------------------------------------------------------------------------------------------


def test_load_fashion__idx_files__all_of_it() -> None:
    images = load_fashion(FASHION)
    assert images.x.shape == (400, 28, 28)
    assert np.bincount(images.y, minlength=10).min() > 20
    assert "400 images" in images.source and str(FASHION) in images.source


def test_load_fashion__unpacked_or_npz__the_same(tmp_path: Path) -> None:
    want = load_fashion(FASHION)
    for path in FASHION.iterdir():
        (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    assert np.array_equal(load_fashion(tmp_path).x, want.x)
    x, y = want.x, want.y.reshape(-1, 1)
    np.savez(tmp_path / "fashion_mnist.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])
    again = load_fashion(tmp_path)
    assert "npz" in again.source
    assert np.array_equal(again.x, want.x) and np.array_equal(again.y, want.y)


def test_load_mnist__folder_of_idx_files__read() -> None:
    assert load_mnist(FASHION).x.shape == (400, 28, 28)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_load_fashion__idx_file_damaged_or_missing__named(tmp_path: Path, name: str) -> None:
    shutil.copytree(FASHION, tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"{name}.gz"
    whole = path.read_bytes()
    plain = gzip.decompress(whole)
    for content in (
        whole[:50],
        b"",
        gzip.compress(plain[:-1]),
        gzip.compress(plain + b"\0"),
        gzip.compress(b"\0\0\x09" + plain[3:]),
        gzip.compress(plain[:3]),
        gzip.compress(plain[:6]),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.*can't be read"):
            load_fashion(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=f"no .*{name}|no fashion_mnist"):
        load_fashion(tmp_path)


def test_load_fashion__labels_of_other_images__data_error(tmp_path: Path) -> None:
    shutil.copytree(FASHION, tmp_path, dirs_exist_ok=True)
    shutil.copy(FASHION / "t10k-labels-idx1-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match="not Fashion-MNIST: its train images"):
        load_fashion(tmp_path)


def test_load_fashion__no_folder__debian_then_keras_then_a_message(
    nothing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="can't be had") as caught:
        load_fashion(None, download=False)
    assert "dataset-fashion-mnist" in caught.value.fix
    shutil.copytree(FASHION, nothing / "fashion-mnist")
    assert "Keras's cache" in load_fashion(None).source
    monkeypatch.setattr(fashion, "DEBIAN", FASHION)
    assert "Debian's package" in load_fashion(None).source


# --- CIFAR-10 --------------------------------------------------------------------------------------------------------


def test_load_cifar10__binary_archive_or_npz__the_same_pictures(tmp_path: Path, archive: Path) -> None:
    x, y = tiles()
    (tmp_path / "npz").mkdir()
    np.savez(tmp_path / "npz" / "cifar10.npz", x_train=x[::2], y_train=y[::2, None], x_test=x[1::2], y_test=y[1::2])
    made = tmp_path / "made"
    for folder in (made, made / "cifar-10-batches-bin", archive.parent, tmp_path / "npz"):
        images = load_cifar10(folder)
        assert is_tiles(images.x, images.y), folder
        assert images.x.flags.c_contiguous
        assert "520 images" in images.source


def test_load_cifar10__python_version__refused_and_nothing_in_it_runs(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="made of pickles"):
        load_cifar10(tmp_path)
    objects = np.array([Bomb()], object)
    np.savez(tmp_path / "cifar10.npz", x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    with pytest.raises(DataError, match="can't be read"):
        load_cifar10(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_load_cifar10__wrong_files__said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        load_cifar10(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no cifar10\.npz, no cifar-10-binary\.tar\.gz and no data_batch_1\.bin"):
        load_cifar10(tmp_path)
    path = tmp_path / cifar10.ARCHIVE
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="can't be read"):
        load_cifar10(tmp_path)
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(DataError, match="no batch"):
        load_cifar10(tmp_path)
    for content in (b"", b"\0" * 3072):
        (tmp_path / "test_batch.bin").write_bytes(content)
        with pytest.raises(DataError, match=r"test_batch\.bin is no whole number of pictures"):
            load_cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"\x0a" + b"\0" * 3072)
    with pytest.raises(DataError, match="not CIFAR-10"):
        load_cifar10(tmp_path)


@pytest.fixture
def web(archive: Path) -> Iterator[str]:
    """The archive's address on a server of this machine."""
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{archive.name}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_load_cifar10__no_folder__downloaded_once_and_checked(
    nothing: Path, archive: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "ORIGIN", web)
    with pytest.raises(DataError, match="can't be had"):  # it isn't the archive that was published
        load_cifar10(None)
    for left in nothing.iterdir():
        left.unlink()
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    images = load_cifar10(None)
    assert is_tiles(images.x, images.y)
    archive.unlink()
    assert str(nothing) in load_cifar10(None).source
    (nothing / cifar10.ARCHIVE).write_bytes(b"changed")
    with pytest.raises(DataError, match="damaged"):
        load_cifar10(None)


# --- X-rays ----------------------------------------------------------------------------------------------------------


def test_load_xrays__npz__all_parts_in_either_naming(tmp_path: Path) -> None:
    path = DATA / "pneumonia" / "pneumoniamnist.npz"
    want = load_xrays(path.parent)
    assert want.x.shape == (320, 28, 28)
    assert 0.6 < want.y.mean() < 0.9
    with np.load(path) as cut:
        kinds = {"x": "images", "y": "labels"}
        arrays = {f"{n[2:]}_{kinds[n[0]]}": cut[n] if n[0] == "x" else cut[n][:, None] for n in cut.files}
    np.savez(tmp_path / "pneumoniamnist_64.npz", **arrays)
    again = load_xrays(tmp_path)
    assert np.array_equal(again.x, want.x) and np.array_equal(again.y, want.y)


def test_load_xrays__photographs__grey_small_and_labelled_by_folder(tmp_path: Path) -> None:
    images = load_xrays(write_photographs(tmp_path, 40))
    assert images.x.shape == (40, 64, 64)
    x, y = xrays(40)
    for label in (0, 1):
        found, means = ([float(i.mean()) for i in a[b == label]] for a, b in ((images.x, images.y), (x, y)))
        assert sorted(found) == pytest.approx(sorted(means), abs=4)


def test_load_xrays__archive_that_holds_itself__each_image_once(tmp_path: Path) -> None:
    want = load_xrays(write_photographs(tmp_path / "a", 20))
    shutil.copytree(tmp_path / "a" / "chest_xray", tmp_path / "b" / "chest_xray" / "chest_xray")
    shutil.copytree(tmp_path / "a" / "chest_xray", tmp_path / "b" / "chest_xray", dirs_exist_ok=True)
    hidden = tmp_path / "b" / "__MACOSX" / "chest_xray" / "train" / "NORMAL"
    hidden.mkdir(parents=True)
    (hidden / "._person1_bacteria.jpeg").write_bytes(b"no image")
    again = load_xrays(tmp_path / "b")
    assert np.array_equal(again.x, want.x) and np.array_equal(again.y, want.y)


def test_load_xrays__wrong_files__said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        load_xrays(tmp_path / "nowhere")
    with pytest.raises(DataError, match="0 images in folders NORMAL and 0 images in folders PNEUMONIA"):
        load_xrays(tmp_path)
    write_photographs(tmp_path, 12)
    broken = tmp_path / "chest_xray" / "train" / "PNEUMONIA" / "broken.jpeg"
    broken.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.jpeg can't be read"):
        load_xrays(tmp_path)
    for name in ("pneumoniamnist.npz", "pneumoniamnist_64.npz"):
        shutil.copy(DATA / "pneumonia" / "pneumoniamnist.npz", tmp_path / name)
    with pytest.raises(DataError, match=r"holds pneumoniamnist\.npz, pneumoniamnist_64\.npz"):
        load_xrays(tmp_path)
