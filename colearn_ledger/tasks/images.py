"""Reading sets of small images: numpy archives, and the idx files that MNIST was published as."""

from __future__ import annotations

import contextlib
import gzip
import math
import os
import socket
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

__all__ = ["Images", "Kind", "downloaded", "keras_datasets", "read_folder", "read_idx", "read_npz"]

Array = np.ndarray[Any, Any]
# What reading a broken archive can raise.
BROKEN = (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error)
# Seconds without a byte before a download is given up: without a net the demo must not stand still.
PATIENCE = 4.0


@dataclass(frozen=True)
class Images:
    """Images (n, height, width) or (n, height, width, 3) of uint8, labels (n,) from 0, and where they are from."""

    x: Array
    y: Array
    source: str


@dataclass(frozen=True)
class Kind:
    """What a set of images should be.

    Parameters
    ----------
    name: for people.
    file: its numpy archive, with x_train, y_train, x_test, y_test (or train_images, train_labels, ...); x_val and y_val
        are taken if they are there.
    shape: of an image; None for a side of any length.
    classes: labels go from 0 to one less.
    fix: what to do about a wrong file.
    """

    name: str
    file: str
    shape: tuple[int | None, ...]
    classes: int
    fix: str

    def check(self, path: Path, part: str, x: Array, y: Array) -> None:
        """DataError if the images and labels of a part of the set aren't what they should be."""
        shape = x.ndim == 1 + len(self.shape) and all(
            w in (None, s) for w, s in zip(self.shape, x.shape[1:], strict=True)
        )
        good = shape and x.dtype == np.uint8 and y.shape == (len(x),) and len(x) > 0
        if not good or y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= self.classes:
            sides = ", ".join("any" if side is None else str(side) for side in self.shape)
            raise DataError(
                f"{path} is not {self.name}: its {part} images are {x.dtype} {x.shape}, its labels {y.dtype} {y.shape}",
                expected=f"images uint8 (n, {sides}) and n whole labels from 0 to {self.classes - 1}",
                fix=self.fix,
            )

    def collect(self, path: Path, source: str, parts: dict[str, tuple[Array, Array]]) -> Images:
        """All parts in one, checked."""
        flat = {part: (x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y) for part, (x, y) in parts.items()}
        for part, (x, y) in flat.items():
            self.check(path, part, x, y)
        x = np.concatenate([x for x, _ in flat.values()])
        y = np.concatenate([y for _, y in flat.values()]).astype(np.int64)
        return Images(x, y, f"{self.name}, {len(x):,} images from {source}")


def read_npz(path: Path, source: str, kind: Kind) -> Images:
    """Read and check a numpy archive; nothing in it is unpickled."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = ("{}_images", "{}_labels") if "train_images" in archive.files else ("x_{}", "y_{}")
            of = {part: tuple(name.format(part) for name in names) for part in ("train", "val", "test")}
            if not set(of["val"]) & set(archive.files):
                del of["val"]
            missing = [name for pair in of.values() for name in pair if name not in archive.files]
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(missing)}", expected="x_train, y_train, x_test, y_test", fix=kind.fix
                )
            parts = {part: (archive[x], archive[y]) for part, (x, y) in of.items()}
    except DataError:
        raise
    except FileNotFoundError:
        raise no_file(path.parent, path.name, kind) from None
    except BROKEN as error:
        raise DataError(f"{path} can't be read: {error}", expected="a numpy archive (.npz)", fix=kind.fix) from None
    return kind.collect(path, source, parts)


def read_idx(folder: Path, source: str, kind: Kind) -> Images:
    """Read and check the four idx files, compressed or not."""
    parts = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        x, y = (_read_idx(folder, f"{name}-{what}-ubyte", kind) for what in ("images-idx3", "labels-idx1"))
        parts[part] = (x, y)
    return kind.collect(folder, source, parts)


def _read_idx(folder: Path, name: str, kind: Kind) -> Array:
    path = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
    if path is None:
        raise no_file(folder, name, kind)
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except BROKEN as error:
        raise DataError(f"{path} can't be read: {error}", expected="the published file", fix=kind.fix) from None
    # two zeros, the type (8 is uint8), the number of dimensions; then each dimension, and the values
    dimensions = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    shape = tuple(
        int(n) for n in np.frombuffer(data[4 : 4 + 4 * dimensions], ">u4", len(data[4 : 4 + 4 * dimensions]) // 4)
    )
    if dimensions == 0 or len(data) != 4 + 4 * dimensions + math.prod(shape):
        raise DataError(f"{path} can't be read: no idx file, or cut short", expected="the published file", fix=kind.fix)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_folder(folder: Path, kind: Kind) -> Images:
    """The set in a folder of the user's: as a numpy archive, or else as idx files."""
    path = folder / kind.file
    if not path.is_file() and any(folder.glob("train-images-idx3-ubyte*")):
        return read_idx(folder, str(folder), kind)
    return read_npz(path, str(path), kind)


def no_file(folder: Path, name: str, kind: Kind) -> DataError:
    """The error for a file that isn't there."""
    what = f"there is no {name} in {folder}" if folder.is_dir() else f"there is no folder {folder}"
    return DataError(what, expected=f"a folder with {kind.name}", fix=kind.fix)


def keras_datasets() -> Path:
    """The folder where Keras keeps what it has downloaded."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def downloaded(fetch: Callable[[], object]) -> bool:
    """Whether a download through Keras worked; a short attempt, whose failure only means another source."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            fetch()
        return True
    except Exception:  # no net, a proxy, a full disk, a bad hash: Keras wraps them in various ways
        return False
    finally:
        socket.setdefaulttimeout(before)
