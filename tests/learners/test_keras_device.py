"""The Keras learner's device and memory, as far as a machine without a GPU can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from colearn_ledger.core.weights import encode
from colearn_ledger.errors import OutOfMemory, UsageError
from tests.kit.later import Later

if TYPE_CHECKING:
    import keras

    from colearn_ledger.learners.keras import KerasLearner
else:
    keras = Later("colearn_ledger.tasks.keras_env", "keras")
    KerasLearner = Later("colearn_ledger.learners.keras", "KerasLearner")

pytestmark = pytest.mark.tensorflow


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (256, 6)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


def make(*layers: Any, **options: Any) -> KerasLearner:
    keras.utils.set_random_seed(7)
    net = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(2, "softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False, run_eagerly=True)
    return KerasLearner(net, data(), data(), data(), **{"steps_per_round": 2, **options})


def test_device__the_cpu__is_what_it_takes_by_itself_with_the_same_bytes() -> None:
    named, plain = make(device="cpu"), make()
    assert encode(named.mli_propose_weights().weights) == encode(plain.mli_propose_weights().weights)
    assert named.reproducible and plain.reproducible


@pytest.mark.parametrize("device", ["gpu", "gpu:7", "cuda:0", "nonsense"])
def test_device__that_keras_doesnt_find__is_refused_in_one_message(device: str) -> None:
    if keras.distribution.list_devices("gpu"):
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match=f"there is no device '{device}' for Keras here") as error:
        make(device=device)
    assert "\n" not in error.value.what


def test_memory__too_little_to_train__names_the_batch_size_to_try_and_leaves_the_weights() -> None:
    class Hungry(keras.layers.Layer):  # type: ignore[misc]
        most = 4096

        def call(self, x: Any, training: bool = False) -> Any:
            if training and (x.shape[0] or 0) > self.most:
                import tensorflow

                raise tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]")
            return x

    layer = Hungry()
    learner = make(layer, batch_size=64)
    before = encode(learner.mli_get_current_weights().weights)
    layer.most = 63
    with pytest.raises(OutOfMemory, match="a training with batches of 64 found too little memory on cpu") as error:
        learner.mli_propose_weights()
    assert "batch_size=32" in error.value.fix
    assert encode(learner.mli_get_current_weights().weights) == before == encode(learner.read_weights())
    layer.most = 64
    assert encode(learner.mli_propose_weights().weights) != before
