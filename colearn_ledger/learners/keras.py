"""A learner around any compiled Keras model."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.learner import ProposedWeights, Weights
from ..core.roles import Roles
from ..errors import LearnerError, UsageError, how_to_install
from .memory import SMALLER_MODEL, memory_told, smaller_batches
from .privacy.learner import PrivateLearner, PrivateOptions
from .saved import SavedFile, write_safetensors
from .template import Data
from .voting.policy import Evaluation

try:
    import keras

    from .keras_device import KerasDevice
except ModuleNotFoundError as error:
    raise UsageError(
        f"the Keras learner needs {error.name}, which is not installed",
        expected="Keras 3 with TensorFlow",
        fix=how_to_install("keras"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["KerasLearner"]

Array = np.ndarray[Any, Any]

# Scoring runs whole sets through the model in pieces of this size: one call for a usual set, and bounded memory.
SCORE_BATCH = 2048
LESS_IS_BETTER = ("loss", "error", "entropy", "divergence", "hinge", "mae", "mse", "mape", "msle")  # in a metric's name


class KerasLearner(PrivateLearner):
    """Trains, tests and votes with a compiled Keras model.

    The weights are the list of arrays that ``model.get_weights()`` gives. Batches, dropout and other randomness depend
    on the seed and the round alone.

    Parameters
    ----------
    model: compiled and built, for this learner alone.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported.
    criterion: the compiled metric to vote by; by default the first one, or the loss if the model has none.
    higher_is_better: whether more of the criterion is better; by default no for losses and errors, by their names.
        Scores are reported such that higher is better: a criterion of which less is better has its sign changed.
    steps: another name of ``steps_per_round``.
    device: where the model was made and computes: ``"cpu"``, ``"gpu"``, ``"gpu:1"``; by default wherever Keras has made
        it. Elsewhere than on the CPU the same training gives other bytes each time, and :attr:`reproducible` is False,
        unless ``deterministic`` is asked for.
    deterministic: have Keras's backend take algorithms alone that give the same bytes on the same device; for the whole
        process, and slower.
    options: see :class:`~colearn_ledger.learners.template.BatchLearner`; ``batch_size`` is 32 if not given. For
        differential privacy see :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.

    Raises UsageError where there is no such device, and OutOfMemory, here and in all methods, where it has too little
    memory.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Data,
        vote: Data,
        test: Data,
        *,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        steps: int | None = None,
        device: str | None = None,
        deterministic: bool = False,
        **options: Unpack[PrivateOptions],
    ) -> None:
        if not getattr(model, "compiled", False) or not model.built:
            raise LearnerError(
                "the Keras model is not " + ("built" if getattr(model, "compiled", False) else "compiled"),
                expected="a model with an Input layer, after model.compile(optimizer, loss, metrics)",
                fix="compile it, with the metric to vote by among its metrics",
            )
        if steps is not None:
            options["steps_per_round"] = steps
        super().__init__(train, vote, test, **options)
        self._model = model
        self._on = KerasDevice(model, device, deterministic)
        self._criterion = criterion
        self._higher_is_better = higher_is_better
        model.optimizer.build(model.trainable_variables)
        # Assigning saved values resets the optimizer without building a new one, which would trace the graph again.
        self._optimizer_start = [np.copy(keras.ops.convert_to_numpy(v)) for v in model.optimizer.variables]
        self._private_step: Callable[[Any, Any, np.random.Generator], None] | None = None
        if self.privacy is not None:
            from .privacy.keras_step import PrivateStep

            self._private_step = PrivateStep(
                model,
                clip=self.privacy.config.max_grad_norm,
                noise_multiplier=self.privacy.noise_multiplier,
                batch_size=self.batch_size,
            )
        self.start()

    @property
    def model(self) -> keras.Model:
        """The Keras model with the current weights: the learner's own, so don't train or change it, but a copy."""
        return self._model

    def predict(self, x: Any) -> Array:
        with self._memory("predicting", SMALLER_MODEL):
            parts = [self._model.predict_on_batch(x[i : i + SCORE_BATCH]) for i in range(0, len(x), SCORE_BATCH)]
        return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """Keras's own file, and the weights by the paths of the model's variables; nothing of the optimizer's state."""
        kept = [np.copy(keras.ops.convert_to_numpy(v)) for v in self._model.optimizer.variables]
        self.reset_optimizer()  # a training's momenta tell of its data, and nobody asked for them
        try:
            self._model.save(folder / "model.keras")
        finally:
            for variable, value in zip(self._model.optimizer.variables, kept, strict=True):
                variable.assign(value)
        paths = [v.path for v in self._model.weights]
        names = paths if len(set(paths)) == len(paths) else [f"{i}/{path}" for i, path in enumerate(paths)]
        write_safetensors(folder / "model.safetensors", dict(zip(names, self.read_weights(), strict=True)))
        return (
            SavedFile("model.keras", 'import keras; model = keras.saving.load_model("{path}")'),
            SavedFile("model.safetensors", 'from safetensors.numpy import load_file; arrays = load_file("{path}")'),
        )

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights."""
        doing = f"a training with batches of {self.batch_size}"
        with self._memory(doing, smaller_batches(self.batch_size)):
            return super().mli_propose_weights()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's vote and test sets, and vote."""
        with self._memory("testing weights", SMALLER_MODEL):
            return super().mli_test_weights(weights)

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round alone fix what is proposed, on this device."""
        return super().reproducible and self._on.reproducible

    @contextlib.contextmanager
    def _memory(self, doing: str, fix: str) -> Iterator[None]:
        """On the learner's device, where too little memory is told in one message."""
        with self._on.computing(), memory_told(doing, self._on.name, fix):
            yield

    def begin_training(self, rng: np.random.Generator) -> None:
        """Seed everything: dropout, and what a custom layer may draw."""
        keras.utils.set_random_seed(int(rng.integers(2**31)))
        # Layers keep their own generators' states as variables, which a global seed doesn't reach.
        for variable in self._model.non_trainable_variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign(rng.integers(2**32, size=variable.shape, dtype=np.uint32))
        self._model.reset_metrics()

    def reset_optimizer(self) -> None:
        for variable, value in zip(self._model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)

    def train_batch(self, rows: Array) -> None:
        x, y = self.train_set
        if self._private_step is not None and self.noise is not None:
            self._private_step(x[rows], y[rows], self.noise)
        else:
            self._model.train_on_batch(x[rows], y[rows])

    def settle(self, rng: np.random.Generator) -> None:
        """Batch normalization's means and variances, as they are on the training set with the weights as trained."""
        layers = [layer for layer in _layers(self._model) if isinstance(layer, keras.layers.BatchNormalization)]
        layers = [layer for layer in layers if layer.trainable]
        if not layers:
            return
        before = [layer.momentum for layer in layers]
        try:
            for i, rows in enumerate(self.settling_batches(rng)):
                for layer in layers:
                    layer.momentum = i / (i + 1)  # so that all batches count alike, and nothing before them
                self._model(self.train_set[0][rows], training=True)
        finally:
            for layer, momentum in zip(layers, before, strict=True):
                layer.momentum = momentum

    @property
    def leaf_roles(self) -> Roles:
        """The states of layers' generators, which each training sets, and what a Normalization layer counted."""
        unread = {v.path for layer in _layers(self._model) for v in _unread(layer)}
        return {f"/{i}": "local" for i, v in enumerate(self._model.weights) if v.path in unread}

    def read_weights(self) -> list[Array]:
        return [np.array(w, copy=True) for w in self._model.get_weights()]

    def write_weights(self, weights: Any) -> None:
        layers = [layer for layer in _layers(self._model) if isinstance(layer, keras.layers.Normalization)]
        before = [layer.get_weights() for layer in layers]
        self._model.set_weights(weights)
        for layer, old in zip(layers, before, strict=True):
            if any(not np.array_equal(a, b) for a, b in zip(old, layer.get_weights(), strict=True)):
                # It predicts by what it computed from its weights, and what was compiled has that as a constant.
                layer.finalize_state()
                for make in ("make_train_function", "make_test_function", "make_predict_function"):
                    getattr(self._model, make)(force=True)

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        x, y = data
        self._model.reset_metrics()
        logs: dict[str, Any] = {}
        for start in range(0, len(x), SCORE_BATCH):
            # the metrics add up over the calls, so that the last call's are the whole set's
            logs = self._model.test_on_batch(
                x[start : start + SCORE_BATCH], y[start : start + SCORE_BATCH], return_dict=True
            )
        if self._criterion is None:
            self._criterion = next((name for name in logs if name != "loss"), "loss")
        if self._criterion not in logs:
            raise LearnerError(
                f"the criterion is {self._criterion!r}",
                expected=f"one of {', '.join(sorted(logs))}",
                fix="name a metric that the model was compiled with",
            )
        up = self._higher_is_better
        if up is None:
            up = not any(word in self._criterion for word in LESS_IS_BETTER)
        value = float(logs[self._criterion])
        parts = self._outcomes(x, y, up) if outcomes else None
        return Evaluation(value if up else -value, self._criterion, len(x), parts, float(logs["loss"]))

    def _outcomes(self, x: Any, y: Any, up: bool) -> Array | None:
        """Each sample's part of the criterion; None if it isn't a mean of such parts."""
        part = self._part()
        if part is None:
            return None
        found = []
        for start in range(0, len(x), SCORE_BATCH):
            guess = self._model.predict_on_batch(x[start : start + SCORE_BATCH])
            found.append(keras.ops.convert_to_numpy(part(y[start : start + SCORE_BATCH], guess)).astype(np.float64))
        values: Array = np.concatenate(found).reshape(len(x), -1).mean(axis=1)
        if up and np.isin(values, (0.0, 1.0)).all():
            values = values.astype(np.bool_)
        return values if up else -values

    def _part(self) -> Callable[[Any, Any], Any] | None:
        """What gives each sample's part of the criterion from targets and predictions."""
        if self._criterion == "loss":
            loss: Any = keras.losses.get(self._model.loss)
            part: Callable[[Any, Any], Any] = loss.call if isinstance(loss, keras.losses.Loss) else loss
            return part
        for metric in self._model.metrics:
            inner = getattr(metric, "metrics", [metric])  # the compiled ones are inside one that holds them all
            for one in inner:
                if one.name == self._criterion and isinstance(one, keras.metrics.MeanMetricWrapper):
                    return functools.partial(one._fn, **one._fn_kwargs)
        return None


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _unread(layer: Any) -> list[Any]:
    """What of a layer neither a prediction nor a training reads."""
    if isinstance(layer, keras.layers.Normalization):
        return [v for v in layer.weights if v.path.endswith("/count")]
    return [v for v in layer.weights if v.path.endswith("seed_generator_state")]
