"""CIFAR-10: small colour pictures of ten kinds of things, and a convolutional network.

Its "python version" is made of pickles, which can run anything that their author likes, so it is never read: neither in
a user's folder nor where Keras's own loader leaves it. The binary version holds the same pictures.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colearn_ledger.errors import DataError
from colearn_ledger.tasks import KERAS, Options, Prepared, Task
from colearn_ledger.tasks.image_models import classifier, learners_of_images
from colearn_ledger.tasks.images import Images, Kind, downloaded, keras_datasets, no_file, read_npz

if TYPE_CHECKING:
    import keras

__all__ = ["TASK", "load_cifar10", "make_learners", "make_model"]

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE = "cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
# A record is a label and the picture: its red values row by row, then the green ones and the blue ones.
RECORD = 1 + 3 * 32 * 32
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
CIFAR10 = Kind(
    "CIFAR-10",
    "cifar10.npz",
    (32, 32, 3),
    10,
    f"pass a folder with {ARCHIVE}, with its .bin files, or with cifar10.npz; docs/tasks.md says where they can be had",
)


def load_cifar10(data_dir: Path | None, *, download: bool = True) -> Images:
    """From the folder; or else from Keras's cache, or by a download into it."""
    if data_dir is not None:
        return _read_folder(data_dir)
    cached = keras_datasets() / ARCHIVE
    if not cached.is_file() and not (download and downloaded(_fetch)):
        raise DataError(
            "CIFAR-10 can't be had: no folder given, and neither in Keras's cache nor to download",
            expected="one of these",
            fix=CIFAR10.fix,
        )
    if hashlib.md5(cached.read_bytes(), usedforsecurity=False).hexdigest() != MD5:
        raise DataError(f"{cached} is damaged", expected=f"a file of the MD5 {MD5}", fix="delete it")
    return _read_archive(cached)


def _fetch() -> None:
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.get_file(ARCHIVE, ORIGIN, file_hash=MD5, hash_algorithm="md5", cache_dir=str(keras_datasets().parent))


def _read_folder(folder: Path) -> Images:
    for place in (folder, folder / "cifar-10-batches-bin"):
        if any((place / name).is_file() for name in FILES):
            found = [place / name for name in FILES if (place / name).is_file()]
            return _decode({path.name: path.read_bytes() for path in found}, place)
    if (folder / ARCHIVE).is_file():
        return _read_archive(folder / ARCHIVE)
    if not (folder / CIFAR10.file).is_file():
        if any((place / "data_batch_1").is_file() for place in (folder, folder / "cifar-10-batches-py")):
            raise DataError(
                f"{folder} holds the python version of CIFAR-10, which is made of pickles",
                expected="the binary version, or cifar10.npz: to read a pickle is to run what its author wants",
                fix=CIFAR10.fix,
            )
        raise no_file(folder, f"{CIFAR10.file}, no {ARCHIVE} and no {FILES[0]}", CIFAR10)
    return read_npz(folder / CIFAR10.file, str(folder / CIFAR10.file), CIFAR10)


def _read_archive(path: Path) -> Images:
    """Read out of the archive, so that no name in it becomes a file."""
    batches = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                opened = archive.extractfile(member) if name in FILES and member.isfile() else None
                if opened is not None:
                    batches[name] = opened.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path} can't be read: {error}", expected=f"{ARCHIVE}, whole", fix=CIFAR10.fix) from None
    return _decode(batches, path)


def _decode(batches: dict[str, bytes], path: Path) -> Images:
    wrong = [name for name, data in batches.items() if len(data) % RECORD or not data]
    if wrong or not batches:
        raise DataError(
            f"{path}: {wrong[0] if wrong else 'no batch'} is no whole number of pictures",
            expected=f"{RECORD} bytes for each",
            fix=CIFAR10.fix,
        )
    records = np.concatenate([np.frombuffer(batches[name], np.uint8).reshape(-1, RECORD) for name in sorted(batches)])
    x = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return CIFAR10.collect(path, str(path), {"batches": (np.ascontiguousarray(x), records[:, 0])})


def make_model(seed: int, learning_rate: float, filters: tuple[int, ...]) -> keras.Model:
    """A network of about 122,000 weights with 32, 64 and 64 filters."""
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.Input((32, 32, 3), dtype="uint8"), keras.layers.Rescaling(1 / 255)]
    for count in filters:
        layers += [keras.layers.Conv2D(count, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    return classifier(layers, learning_rate)


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the pictures, which stay whole numbers from 0 to 255: a quarter of the memory."""
    options.say("loading CIFAR-10")
    images = load_cifar10(options.data_dir)
    return learners_of_images(options, images, lambda: make_model(options.seed, options.learning_rate, options.filters))


TASK = Task(
    name="CIFAR10",
    aliases=("KERAS_CIFAR10", "CIFAR"),
    description="pictures of ten kinds of things, a convolutional network",
    framework=KERAS,
    data="a folder (binary version or npz), or a download",
    metric="accuracy",
    learning_rate=0.001,
    batch_size=32,
    steps=60,
    filters=(32, 64, 64),
    make=make_learners,
)
