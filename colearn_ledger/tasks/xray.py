"""Pneumonia or not, by an X-ray of the chest: a small convolutional network, scored by the area under its curve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colearn_ledger.errors import DataError
from colearn_ledger.tasks import KERAS, Options, Prepared, Task
from colearn_ledger.tasks.image_models import compiled, learners_of_images
from colearn_ledger.tasks.images import Images, Kind, read_npz

if TYPE_CHECKING:
    import keras

__all__ = ["TASK", "load_xrays", "make_learners", "make_model"]

# Images of each label in each part of each share: without any there is no curve.
EACH = 5
# Photographs of any size are made this large, in pixels a side.
SIDE = 64
LABELS = ("NORMAL", "PNEUMONIA")
SUFFIXES = (".jpeg", ".jpg", ".png")
PNEUMONIA = Kind(
    "PneumoniaMNIST",
    "pneumoniamnist.npz",
    (None, None),
    2,
    "pass a folder with pneumoniamnist.npz, or with folders NORMAL and PNEUMONIA of images in it, at any depth; "
    "docs/tasks.md says where they can be had",
)


def load_xrays(folder: Path) -> Images:
    """PneumoniaMNIST, of any size that it comes in; or photographs, by the names of their folders."""
    archives = sorted(path for path in folder.glob("pneumonia*mnist*.npz") if path.is_file())
    if len(archives) > 1:
        raise DataError(
            f"{folder} holds {', '.join(path.name for path in archives)}", expected="one of them", fix="move the others"
        )
    if archives:
        return read_npz(archives[0], str(archives[0]), PNEUMONIA)
    files = _photographs(folder)
    by_label = [sum(parent == label for (_, parent, _) in files) for label in LABELS]
    if not all(by_label):
        found = " and ".join(f"{n} images in folders {label}" for n, label in zip(by_label, LABELS, strict=True))
        raise DataError(
            f"there is no folder {folder}" if not folder.is_dir() else f"{folder} has no {PNEUMONIA.file}, {found}",
            expected="images of both",
            fix=PNEUMONIA.fix,
        )
    x = np.stack([_read(path) for path in files.values()])
    y = np.array([LABELS.index(parent) for (_, parent, _) in files])
    return Images(x, y, f"chest X-rays, {len(x):,} images from {folder}, {y.mean():.0%} with pneumonia")


def _photographs(folder: Path) -> dict[tuple[str, str, str], Path]:
    """Each image once, by the names of its two folders and its own: the archive on Kaggle has its images twice.

    In the order of the names, which is the same wherever the folder is.
    """
    found: dict[tuple[str, str, str], Path] = {}
    for path in sorted(folder.rglob("*")):
        label = path.parent.name.upper()
        if label in LABELS and path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            found.setdefault((path.parent.parent.name, label, path.name), path)
    return dict(sorted(found.items()))


def _read(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The image in grey, SIDE pixels wide and high."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("L", (2 * SIDE, 2 * SIDE))  # a JPEG is decoded no larger than needed, in a tenth of the time
            return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} can't be read: {error}", expected="an image", fix="copy it again, or delete it"
        ) from None


def make_model(size: tuple[int, int], seed: int, learning_rate: float, filters: tuple[int, ...]) -> keras.Model:
    """A network; with 16, 32 and 32 filters of 31,000 weights for images of 28 pixels a side, and 80,000 for 64."""
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.Input((*size, 1), dtype="uint8"), keras.layers.Rescaling(1 / 255)]
    for count in filters:
        layers.append(keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu"))
    layers += [keras.layers.Flatten(), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
    return compiled(
        layers,
        learning_rate,
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        # three of four images show pneumonia, and to say so of every image mustn't pass for knowledge
        metric=keras.metrics.AUC(from_logits=True, name="AUC"),
    )


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the X-rays that the folder holds."""
    assert options.data_dir is not None, "the task says that it must have a folder"
    options.say("loading the X-rays")
    images = load_xrays(options.data_dir)
    return learners_of_images(
        options,
        images,
        lambda: make_model(images.x.shape[1:3], options.seed, options.learning_rate, options.filters),
        x=images.x[..., None],
        each_class=EACH,
    )


TASK = Task(
    name="XRAY",
    aliases=("KERAS_XRAY", "PNEUMONIA"),
    description="pneumonia in X-rays of the chest, a small convolutional network",
    framework=KERAS,
    data="a folder (images as on Kaggle, or PneumoniaMNIST)",
    metric="AUC",
    learning_rate=0.001,
    batch_size=32,
    steps=60,
    filters=(16, 32, 32),
    folder="must",
    make=make_learners,
)
