"""A learner around any compiled Keras model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.learner import ProposedWeights, Weights
from ..core.roles import Roles
from ..errors import LearnerError, UsageError, how_to_install
from .batch import SETTLING_SAMPLES
from .hugging_face import columns_of
from .memory import SMALLER_MODEL, first_words, memory_told, smaller_batches
from .onnx_files import exporting
from .parts import count, in_parts, is_several, joined, mapped, numbered, rows_of
from .saved import SavedFile, write_safetensors
from .sets import Data
from .sharing import SharingLearner, SharingOptions, Variable
from .voting.criteria import Criterion, criterion_of, is_criterion, told_direction
from .voting.policy import Evaluation

try:
    import keras

    from .keras_data import Batch, BatchSource, Column, source_of
    from .keras_device import KerasDevice
    from .keras_metrics import KerasGuesses, compiled_metrics, is_higher_better, part_of
    from .keras_schedule import Schedule
    from .keras_training import read_training, write_training
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


class KerasLearner(SharingLearner):
    """Trains, tests and votes with any compiled Keras model.

    The weights are the list of arrays that ``model.get_weights()`` gives; with ``share``, by the paths of variables,
    some of them (:class:`~colearn_ledger.learners.sharing.SharingLearner`): of the others those of layers that aren't
    trainable are the frozen base. Batches, dropout and other randomness depend on the seed and the round alone.

    Parameters
    ----------
    model: compiled, for this learner alone. One that isn't built is built on the first sample.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported; each an array, or a list, tuple or dict of arrays, as the model takes them; and
        perhaps, as the third, each sample's weight. Or each a ``tf.data.Dataset``, ``PyDataset`` or, for training, a
        generator of batches of these (docs/learners.md).
    criterion: what to vote by: ``"loss"`` or a compiled metric by its name, or in scikit-learn's words ``"roc_auc"``, a
        scorer, or a function of targets and outputs; by default the first compiled metric, or the loss if the model has
        none.
    higher_is_better: whether more of the criterion is better; it must be told of a metric or function that is neither
        Keras's nor scikit-learn's. Scores are reported such that higher is better: a criterion of which less is better
        has its sign changed.
    classes: every label there is, the same for every learner, where the targets are labels: they become their places in
        sorted order.
    class_weight: the weight of each class's samples in the training, by its number, as Keras's ``fit`` takes it.
    callbacks: Keras's, for the trainings. Each training is an epoch, numbered by the round, from 0.
    steps: another name of ``steps_per_round``.
    device: where the model was made and computes: ``"cpu"``, ``"gpu"``, ``"gpu:1"``; by default wherever Keras has made
        it. Elsewhere than on the CPU the same training gives other bytes each time, and :attr:`reproducible` is False,
        unless ``deterministic`` is asked for.
    deterministic: have Keras's backend take algorithms alone that give the same bytes on the same device; for the whole
        process, and slower.
    options: see :class:`~colearn_ledger.learners.batch.BatchLearner`; ``batch_size`` is 32 if not given. For
        differential privacy see :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.

    Raises UsageError where there is no such device or ``share`` names nothing of the model, and OutOfMemory, here and
    in all methods, where the device has too little memory.
    """

    takes_several = True
    takes_sample_weight = True

    def __init__(
        self,
        model: keras.Model,
        train: Data,
        vote: Data,
        test: Data,
        *,
        criterion: str | Callable[..., Any] | None = None,
        higher_is_better: bool | None = None,
        classes: Any = None,
        class_weight: Mapping[int, float] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        steps: int | None = None,
        device: str | None = None,
        deterministic: bool = False,
        **options: Unpack[SharingOptions],
    ) -> None:
        if not getattr(model, "compiled", False):
            raise LearnerError(
                "the Keras model is not compiled",
                expected="a model after model.compile(optimizer, loss, metrics)",
                fix="compile it, with the metric to vote by among its metrics",
            )
        if steps is not None:
            options["steps_per_round"] = steps
        size = options.get("batch_size") or self.DEFAULT_BATCH_SIZE or 1
        named = {"train": train, "vote": vote, "test": test}
        given = {name: columns_of(name, data, size) for name, data in named.items()}
        sets = [source_of(name, data, options.get("steps_per_round")) or data for name, data in given.items()]
        _check_source(sets[0], options)
        super().__init__(*sets, **options)
        self.train_set, self.vote_set, self.test_set = (
            data if isinstance(data[0], Column) else (data[0], numbered(name, data[1], classes), *data[2:])
            for name, data in {"train": self.train_set, "vote": self.vote_set, "test": self.test_set}.items()
        )
        self._class_weight = class_weight
        if class_weight is not None:
            _weighted(next(self._batches_of(self.train_set)), class_weight)  # says what is wrong with it
        _check_private(self.privacy is not None, self.train_set, class_weight)
        self._model = model
        _build(model, rows_of(next(self._batches_of(self.vote_set))[0], slice(0, 1)))
        self._on = KerasDevice(model, device, deterministic)
        self._wanted, self._higher_is_better = criterion, higher_is_better
        self._criterion: str | Criterion | None = None  # found at the first evaluation, which builds the metrics
        self._up = True
        self._calls = keras.callbacks.CallbackList([*callbacks], model=model) if callbacks else None
        self._logs: dict[str, float] = {}  # of the last step, for callbacks
        self._schedule = Schedule(model)
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
        self.divide()
        self.start()

    @property
    def model(self) -> keras.Model:
        """The Keras model with the current weights: the learner's own, so don't train or change it, but a copy."""
        return self._model

    def start(self) -> None:
        """The model is ready, and what it holds are the first weights."""
        with self._memory("testing weights", SMALLER_MODEL):
            super().start()

    def predict(self, x: Any) -> Any:
        """What the model's own prediction gives; of several outputs, in the model's own list or dict."""
        x = in_parts(x, None)
        with self._memory("predicting", SMALLER_MODEL):
            parts = [self._model.predict_on_batch(rows_of(x, rows)) for rows in _pieces(count(x))]
        return joined([mapped(keras.ops.convert_to_numpy, part) for part in parts], np.concatenate)

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """Keras's own file, and the weights by the paths of the model's variables; nothing of the optimizer's state."""
        kept = [np.copy(keras.ops.convert_to_numpy(v)) for v in self._model.optimizer.variables]
        self.reset_optimizer()  # a training's momenta tell of its data, and nobody asked for them
        try:
            with self._schedule.as_given():
                self._model.save(folder / "model.keras")
        finally:
            for variable, value in zip(self._model.optimizer.variables, kept, strict=True):
                variable.assign(value)
        paths = [v.path for v in self._model.weights]
        names = paths if len(set(paths)) == len(paths) else [f"{i}/{path}" for i, path in enumerate(paths)]
        write_safetensors(folder / "model.safetensors", dict(zip(names, self._model.get_weights(), strict=True)))
        return (
            SavedFile("model.keras", 'import keras; model = keras.saving.load_model("{path}")'),
            SavedFile("model.safetensors", 'from safetensors.numpy import load_file; arrays = load_file("{path}")'),
        )

    def write_onnx(self, path: Path) -> None:
        """The model's forward pass, by Keras's own exporter."""
        backend = keras.backend.backend()
        needs = ("tf2onnx",) if backend == "tensorflow" else ("onnx", "onnxscript")
        with exporting(type(self).__name__, path, needs), self._memory("writing ONNX", SMALLER_MODEL):
            self._model.predict_on_batch(rows_of(next(self._batches_of(self.vote_set))[0], slice(0, 1)))
            self._model.export(str(path), format="onnx", verbose=False)

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
        source = _source(self.train_set)
        return super().reproducible and self._on.reproducible and (source is None or source.ordered)

    def batches(self, rng: np.random.Generator) -> Iterator[Any]:
        """Row numbers, or the batches themselves where the training set gives them."""
        source = _source(self.train_set)
        if source is None:
            return super().batches(rng)
        return self._drawn_of(source, rng) if source.ordered else source.next(len(self._to_draw()), rng)

    def _drawn_of(self, source: BatchSource, rng: np.random.Generator) -> Iterator[Batch]:
        """Batches in an order drawn by ``rng``."""
        for _ in self._to_draw():
            if not len(self._order):
                self._order = rng.permutation(source.batches or 1)
            number, self._order = int(self._order[-1]), self._order[:-1]
            yield self._drew(source.at(number), rng)

    def read_training(self) -> dict[str, Any]:
        return read_training(self._model)

    def write_training(self, state: Mapping[str, Any]) -> None:
        with self._derived_anew():
            write_training(self._model, state)

    @property
    def training_settings(self) -> dict[str, Any]:
        return {**super().training_settings, "optimizer": type(self._model.optimizer).__name__}

    @property
    def why_no_checkpoint(self) -> str:
        """Callbacks of Keras's have states of their own."""
        return "its callbacks may have a state that nobody knows" if self._calls else super().why_no_checkpoint

    @staticmethod
    def _batches_of(data: Data) -> Iterator[tuple[Any, ...]]:
        """A whole set, in pieces."""
        source = _source(data)
        if source is not None:
            yield from (batch.parts for batch in source.whole())
            return
        for rows in _pieces(count(data[0])):
            yield tuple(rows_of(part, rows) for part in data)

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
        rounds = max(0, self._round - 1) if self.optimizer_state == "reset" else 0
        self._schedule.begin(rounds * self.steps)

    def reset_optimizer(self) -> None:
        for variable, value in zip(self._model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)

    def train(self, rng: np.random.Generator) -> Iterator[int]:
        if self._calls is None:
            yield from super().train(rng)
            return
        self.begin_training(rng)
        if self.optimizer_state == "reset":
            self.reset_optimizer()
        epoch, done = max(0, self._round - 1), 0
        means: dict[str, float] = {}
        self._logs = {}
        self._model.stop_training = False
        self._calls.on_train_begin()
        self._calls.on_epoch_begin(epoch)
        try:
            for step, rows in enumerate(self.batches(rng)):
                self._calls.on_train_batch_begin(step)
                self.train_batch(rows)
                self._calls.on_train_batch_end(step, self._logs)
                done += len(rows)
                for name, value in self._logs.items():
                    means[name] = means.get(name, 0.0) + (value - means.get(name, 0.0)) * len(rows) / done
                yield len(rows)
                if self._model.stop_training:
                    break
            self._calls.on_epoch_end(epoch, means)
        finally:
            self._calls.on_train_end(means)

    def train_batch(self, rows: Array | Batch) -> None:
        parts = rows.parts if isinstance(rows, Batch) else tuple(rows_of(part, rows) for part in self.train_set)
        x, y, *weight = parts if self._class_weight is None else _weighted(parts, self._class_weight)
        if self._private_step is not None and self.noise is not None:
            self._private_step(x, y, self.noise)
        elif self._calls is None:
            self._model.train_on_batch(x, y, *weight)
        else:
            self._model.reset_metrics()
            found = self._model.train_on_batch(x, y, *weight, return_dict=True)
            self._logs = {name: float(value) for name, value in found.items()}

    def settle(self, rng: np.random.Generator) -> None:
        """Batch normalization's means and variances, as they are on the training set with the weights as trained."""
        layers = [layer for layer in _layers(self._model) if isinstance(layer, keras.layers.BatchNormalization)]
        layers = [layer for layer in layers if layer.trainable]
        if not layers:
            return
        before = [layer.momentum for layer in layers]
        try:
            for i, x in enumerate(self._settling_inputs(rng)):
                for layer in layers:
                    layer.momentum = i / (i + 1)  # so that all batches count alike, and nothing before them
                self._model(x, training=True)
        finally:
            for layer, momentum in zip(layers, before, strict=True):
                layer.momentum = momentum

    def _settling_inputs(self, rng: np.random.Generator) -> Iterator[Any]:
        source = _source(self.train_set)
        if source is None:
            return (rows_of(self.train_set[0], rows) for rows in self.settling_batches(rng))
        number = max(1, min(SETTLING_SAMPLES, count(self.train_set[0])) // self.batch_size)
        return (batch.parts[0] for batch in source.next(number, rng))

    @property
    def leaf_roles(self) -> Roles:
        """The states of layers' generators, which each training sets, and what a Normalization layer counted."""
        unread = {v.path for layer in _layers(self._model) for v in _unread(layer)}
        if self.parts is not None:  # what nobody reads is in no part
            return {}
        return {f"/{i}": "local" for i, v in enumerate(self._model.weights) if v.path in unread}

    def _keyed(self) -> dict[str, Any]:
        """The model's variables by their numbers: a path has names that Keras counts up in each process."""
        return {f"{i}.{v.name}": v for i, v in enumerate(self._model.weights)}

    def variables(self) -> Sequence[Variable]:
        trained = {id(v) for v in self._model.trainable_variables}
        unread = {id(v) for layer in _layers(self._model) for v in _unread(layer)}
        fixed = {id(v) for layer in _layers(self._model) if not layer.trainable for v in layer.weights}
        read = ((key, v) for key, v in self._keyed().items() if id(v) not in unread)
        within = f"{self._model.name}/"
        return [Variable(key, v.path.removeprefix(within), v, id(v) in trained, id(v) in fixed) for key, v in read]

    def buffer_of(self, key: str) -> tuple[str, Sequence[int], Any]:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(self._keyed()[key]))
        return str(array.dtype), array.shape, array.reshape(-1).view(np.uint8)

    def read_named(self, keys: Sequence[str]) -> dict[str, Any]:
        keyed = self._keyed()
        return {key: np.array(keras.ops.convert_to_numpy(keyed[key]), copy=True) for key in keys}

    def write_named(self, values: Mapping[str, Any]) -> None:
        keyed = self._keyed()
        with self._derived_anew():
            for key, value in values.items():
                keyed[key].assign(value)

    def read_weights(self) -> Any:
        return [np.array(w, copy=True) for w in self._model.get_weights()] if self.parts is None else self.read_shared()

    def write_weights(self, weights: Any) -> None:
        if self.parts is not None:
            self.write_shared(weights)
            return
        with self._derived_anew():
            self._model.set_weights(weights)

    @contextlib.contextmanager
    def _derived_anew(self) -> Iterator[None]:
        """What layers compute from weights that change in here follows them."""
        layers = [layer for layer in _layers(self._model) if isinstance(layer, keras.layers.Normalization)]
        before = [layer.get_weights() for layer in layers]
        yield
        for layer, old in zip(layers, before, strict=True):
            if any(not np.array_equal(a, b) for a, b in zip(old, layer.get_weights(), strict=True)):
                # It predicts by what it computed from its weights, and what was compiled has that as a constant.
                layer.finalize_state()
                for make in ("make_train_function", "make_test_function", "make_predict_function"):
                    getattr(self._model, make)(force=True)

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        n = count(data[0])
        self._model.reset_metrics()
        logs: dict[str, Any]
        if _source(data) is None and n <= SCORE_BATCH:
            logs = self._model.test_on_batch(*data, return_dict=True)
        else:  # test_on_batch begins its metrics anew each time
            seen: list[int] = []
            source = _source(data)
            steps = math.ceil(n / SCORE_BATCH) if source is None else source.batches
            batches = _counted(self._batches_of(data), seen)
            logs = self._model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
            if sum(seen) != n:
                raise LearnerError(
                    f"a set gave {sum(seen)} samples, and {n} when the learner was made",
                    expected="the same samples each time it is read",
                    fix="vote and test with what doesn't change",
                )
        if self._criterion is None:
            self._criterion = self._found_criterion(logs)
        loss = float(logs["loss"])
        if isinstance(self._criterion, Criterion):
            return Evaluation(self._judged(self._criterion, data), self._criterion.name, n, loss=loss)
        value = float(logs[self._criterion])
        parts = self._outcomes(data) if outcomes else None
        return Evaluation(value if self._up else -value, self._criterion, n, parts, loss)

    def _found_criterion(self, logs: dict[str, Any]) -> str | Criterion:
        """What the votes are by, once the model's metrics are there."""
        wanted = self._wanted
        if wanted is None:
            wanted = next(iter(compiled_metrics(self._model)), None) or next((n for n in logs if n != "loss"), "loss")
        if isinstance(wanted, str) and wanted in logs:
            known = is_higher_better(self._model, wanted)
            told = self._higher_is_better
            self._up = told if told is not None else known if known is not None else told_direction(wanted, None)
            return wanted
        if not is_criterion(wanted):
            raise LearnerError(
                f"the criterion is {wanted!r}",
                expected=f"one of {', '.join(sorted(logs))}, or one of scikit-learn's",
                fix="name a metric that the model was compiled with",
            )
        return criterion_of(wanted, higher_is_better=self._higher_is_better)

    def _judged(self, criterion: Criterion, data: Data) -> float:
        pieces = [(*batch[:2], self.predict(batch[0])) for batch in self._batches_of(data)]
        x, y, outputs = (joined([piece[i] for piece in pieces], np.concatenate) for i in range(3))
        if criterion.function is None or criterion.wants == "outputs":
            return criterion.of(self._model, x, y, outputs, None)
        guesses = KerasGuesses(self._model, outputs)
        return criterion.of(self._model, x, guesses.targets(y), outputs, guesses)

    def _outcomes(self, data: Data) -> Array | None:
        """Each sample's part of the criterion; None if it isn't a mean of such parts."""
        assert isinstance(self._criterion, str)
        part = part_of(self._model, self._criterion)
        found: list[Array] = []
        for x, y, *weight in self._batches_of(data):
            if part is None or is_several(y) or weight:
                return None
            guess = self._model.predict_on_batch(x)
            found.append(keras.ops.convert_to_numpy(part(y, guess)).astype(np.float64))
        values: Array = np.concatenate(found).reshape(count(data[0]), -1).mean(axis=1)
        if self._up and np.isin(values, (0.0, 1.0)).all():
            values = values.astype(np.bool_)
        return values if self._up else -values


def _counted(batches: Iterator[tuple[Any, ...]], seen: list[int]) -> Iterator[tuple[Any, ...]]:
    """The same; how many samples each has is put into ``seen``."""
    for batch in batches:
        seen.append(count(batch[0]))
        yield batch


def _pieces(samples: int) -> Iterator[slice]:
    return (slice(start, start + SCORE_BATCH) for start in range(0, samples, SCORE_BATCH))


def _build(model: keras.Model, x: Any) -> None:
    """Build a model that isn't yet, on one sample."""
    if model.built and model.weights:
        return
    try:
        model(x)
    except Exception as error:  # whatever its layers say
        raise LearnerError(
            f"the Keras model is not built, and can't be: {type(error).__name__}: {first_words(error)}",
            expected="a model with an Input layer, or one that takes the training set's inputs",
            fix="call it on a batch of the inputs, to see where it fails",
        ) from error


def _weighted(data: Data, class_weight: Mapping[int, float]) -> Data:
    """The set with each sample's weight times its class's; a class that isn't named weighs 1."""
    x, y, *given = data
    if is_several(y) or not isinstance(class_weight, Mapping):
        raise UsageError(
            "class_weight for targets of several parts" if is_several(y) else f"class_weight is {class_weight!r}",
            expected="the weight of each class by its number, for one output",
            fix="give each sample's weight, as the third part of the training set",
        )
    labels = np.asarray(y)
    labels = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(len(labels))
    weight = np.ones(len(labels), np.float32)
    for label, value in class_weight.items():
        weight[labels == label] = value
    return x, y, weight * np.asarray(given[0], np.float32) if given else weight


def _source(data: Any) -> BatchSource | None:
    """What gives a set's batches; None for arrays."""
    return data[0].source if isinstance(data, tuple) and isinstance(data[0], Column) else None


def _check_source(train: Any, options: SharingOptions) -> None:
    """A training set that gives batches says how large they are."""
    source = _source(train)
    if source is None:
        return
    if options.get("batch_size") not in (None, len(source.first)):
        raise UsageError(
            f"batch_size is {options.get('batch_size')}, and the training set gives batches of {len(source.first)}",
            expected="one size of batches",
            fix="leave batch_size out",
        )
    if options.get("privacy") is not None:
        raise UsageError(
            "differential privacy with a training set that gives batches",
            expected="a set of which any sample can be drawn",
            fix="give arrays",
        )
    options["batch_size"] = len(source.first)


def _check_private(private: bool, train: Data, class_weight: Any) -> None:
    if private and (len(train) > 2 or any(map(is_several, train)) or class_weight is not None):
        raise UsageError(
            "differential privacy with weights of samples or classes, or with several inputs or outputs",
            expected="one array of inputs and one of targets: every sample counts alike in what is accounted for",
            fix="leave the weights out, or put the parts side by side",
        )


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
