"""Fashion-MNIST: ten kinds of clothes in the shape of MNIST, and MNIST's small convolutional network."""

from __future__ import annotations

from pathlib import Path

from colearn_ledger.errors import DataError
from colearn_ledger.tasks import KERAS, Options, Prepared, Task
from colearn_ledger.tasks.image_models import as_unit, learners_of_images
from colearn_ledger.tasks.images import Images, Kind, downloaded, keras_datasets, read_folder, read_idx
from colearn_ledger.tasks.keras_mnist import make_model

__all__ = ["TASK", "load_fashion", "make_learners"]

# Where Debian's package dataset-fashion-mnist puts it.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FASHION = Kind(
    "Fashion-MNIST",
    "fashion_mnist.npz",
    (28, 28),
    10,
    "pass a folder with its four -ubyte.gz files (docs/tasks.md says where they can be had), or install "
    "Debian's package dataset-fashion-mnist",
)


def load_fashion(data_dir: Path | None, *, download: bool = True) -> Images:
    """From the folder; or else from Debian's package, from Keras's cache, or by Keras's download."""
    if data_dir is not None:
        return read_folder(data_dir, FASHION)
    cached = keras_datasets() / "fashion-mnist"
    why = []
    for folder, source in ((DEBIAN, "Debian's package"), (cached, f"Keras's cache ({cached})")):
        try:
            return read_idx(folder, source, FASHION)
        except DataError as error:  # none there, or damaged: that is not the user's mistake
            why.append(error.what)
    if download and downloaded(_fetch):
        return read_idx(cached, "Keras's download", FASHION)
    raise DataError(
        f"Fashion-MNIST can't be had: no folder given, {', '.join(why)}, and no download",
        expected="one of these",
        fix=FASHION.fix,
    )


def _fetch() -> None:
    from colearn_ledger.tasks.keras_env import keras

    keras.datasets.fashion_mnist.load_data()


def make_learners(options: Options) -> Prepared:
    """Learners with shares of the clothes."""
    options.say("loading Fashion-MNIST")
    images = load_fashion(options.data_dir)
    return learners_of_images(
        options,
        images,
        lambda: make_model(options.seed, options.learning_rate, options.filters),
        x=as_unit(images),
    )


TASK = Task(
    name="FASHION",
    aliases=("KERAS_FASHION", "FASHION_MNIST"),
    description="kinds of clothes, a small convolutional network",
    framework=KERAS,
    data="a folder, Debian's dataset-fashion-mnist, Keras's cache or download",
    metric="accuracy",
    learning_rate=0.001,
    batch_size=32,
    steps=60,
    filters=(8, 16),
    make=make_learners,
)
