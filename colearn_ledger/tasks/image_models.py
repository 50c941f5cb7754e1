"""What the tasks about images have in common: their networks are compiled alike, and each share gets a learner.

The framework is imported by the functions that need it, so that a list of tasks needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .images import Images
from .split import skew
from .task import Options, Prepared

if TYPE_CHECKING:
    import keras

__all__ = ["as_unit", "classifier", "compiled", "learners_of_images"]


def compiled(layers: list[Any], learning_rate: float, *, loss: Any, metric: Any) -> keras.Model:
    """The layers one after the other, to be trained by Adam."""
    from .keras_env import keras

    model = keras.Sequential(layers)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=loss,
        metrics=[metric],
        jit_compile=False,
    )
    return model


def classifier(layers: list[Any], learning_rate: float) -> keras.Model:
    """The same, of layers whose last one has a number for each class, scored by accuracy."""
    from .keras_env import keras

    return compiled(
        layers,
        learning_rate,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metric=keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
    )


def learners_of_images(
    options: Options,
    images: Images,
    make_model: Callable[[], keras.Model],
    *,
    x: npt.NDArray[Any] | None = None,
    each_class: int = 0,
) -> Prepared:
    """A learner for each share of the images, with a model of its own.

    ``x``: the images as the model takes them, where that isn't as they were read. ``each_class``: as for
    :meth:`.Options.deal`.
    """
    from ..learners.keras import KerasLearner

    shares = options.deal(images.x if x is None else x, images.y, each_class=each_class)
    options.say("making the models")
    learners: list[Any] = [
        KerasLearner(make_model(), share.train, share.vote, share.test, **options.for_learner(i))
        for i, share in enumerate(shares)
    ]
    return Prepared(learners, f"{images.source}{skew(shares, options.alpha)}")


def as_unit(images: Images) -> npt.NDArray[np.float32]:
    """Grey images as float32 from 0 to 1, with a channel."""
    scaled: npt.NDArray[np.float32] = images.x[..., None] / np.float32(255)
    return scaled
