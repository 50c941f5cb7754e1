"""A learner around any PyTorch module."""

from __future__ import annotations

import contextlib
import enum
import functools
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.learner import ProposedWeights, Weights
from ..core.roles import Roles
from ..core.tensors import like, plain
from ..errors import InvalidWeights, LearnerError, OutOfMemory, UsageError, how_to_install
from .batch import SETTLING_SAMPLES
from .memory import SMALLER_MODEL, first_words, is_out_of_memory, smaller_batches
from .onnx_files import exporting
from .parts import count, in_parts, is_several, mapped, numbered, rows_of
from .saved import SavedFile, write_safetensors
from .sets import Data
from .sharing import SharingLearner, SharingOptions, Variable
from .template import copied
from .voting.criteria import Criterion, criterion_of, told_direction
from .voting.policy import Evaluation

try:
    import torch

    from .torch_data import TensorSet, tensor_of
    from .torch_datasets import Batch, Column, DatasetSet, StreamSet, batch_size_of, set_of, tensor_set
    from .torch_device import Precision, TorchDevice
    from .torch_forms import Called, caller_of, floats_of, is_lazy, joined_outputs, mapped_outputs, to_floats
    from .torch_scores import TorchGuesses, accuracy, accuracy_for, direction_of, kind_of, numbers
    from .torch_training import packed_training, unpacked_training
except ModuleNotFoundError as error:
    raise UsageError(
        f"the PyTorch learner needs {error.name}, which is not installed",
        expected="PyTorch",
        fix=f"{how_to_install('torch')}; for a build without CUDA, which is much smaller, first "
        "pip install torch --index-url https://download.pytorch.org/whl/cpu",
    ) from error

if TYPE_CHECKING:
    from torch.utils.data import DataLoader, Dataset
    from typing_extensions import Unpack

    AnySet = TensorSet | DatasetSet | StreamSet

__all__ = ["TorchLearner", "accuracy"]

Array = np.ndarray[Any, Any]


def _without_triton() -> None:
    """Keep PyTorch from loading Triton, for which there is no use on a CPU, where TensorFlow is loaded already.

    Optimizers load it, with a compiler that nobody has asked for; its LLVM after TensorFlow's aborts the process. The
    other order is harmless.
    """
    if "tensorflow" in sys.modules:
        sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


_without_triton()

BATCH_NORM = torch.nn.modules.batchnorm._BatchNorm

# Scoring runs whole sets through the model in pieces of this size: one call for a usual set, and bounded memory. Where
# that is too much for the device they are halved, down to a batch of the training.
SCORE_BATCH = 2048


class Default(enum.Enum):
    """What is meant where no metric is given: an accuracy, for the outputs that the loss takes."""

    ACCURACY = enum.auto()


class TorchLearner(SharingLearner):
    """Trains, tests and votes with a ``torch.nn.Module``: on the CPU in one thread, or on another device.

    The weights are ``model.state_dict()`` as arrays by name: parameters, and buffers such as the running statistics of
    batch normalization; with ``share`` some of them (:class:`~colearn_ledger.learners.sharing.SharingLearner`): of the
    others the parameters without a gradient are the frozen base. Batches, dropout and other randomness depend on the
    seed and the round alone; the program's own random state is left as it was.

    Parameters
    ----------
    model: for this learner alone; it is moved to the device.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported; arrays or tensors, or each a ``Dataset`` or ``DataLoader`` of such pairs
        (docs/learners.md). Of a loader its dataset, ``collate_fn``, size of batches and worker processes are used.
        Inputs and targets may be several, in a tuple, list or dict: the module gets the parts as its arguments, or as
        one if it takes one alone.
    loss: ``loss(output, target)``, the mean over a batch; cross entropy by default.
    optimizer: ``optimizer(parameters)`` makes one; Adam with its defaults if not given.
    schedule: ``schedule(optimizer)`` makes a scheduler of PyTorch's, which takes a step after each batch. With each
        training's new optimizer it goes on where the rounds before have brought it.
    criterion: what to vote by: ``"loss"``, ``"accuracy"``, or in scikit-learn's words ``"roc_auc"``, a scorer, or a
        function of targets and outputs, as arrays; by default an accuracy, which a regression hasn't.
    metric: the same as a function of tensors: ``metric(output, target)`` of a whole set gives one number for each
        sample, or one for all (with which a paired vote policy can't do anything); None is the loss. ``criterion`` is
        then its name.
    higher_is_better: must be told of a metric or function that is neither PyTorch's nor scikit-learn's. Scores are
        such that higher is better: of losses the sign is changed.
    classes: every label there is, the same for every learner, where the targets are labels: they become their places
        in sorted order.
    device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, or ``"auto"`` for the best that is there. Elsewhere than on
        the CPU the same training gives other bytes each time, and :attr:`reproducible` is False, unless
        ``deterministic`` is asked for.
    precision: ``"float32"``, or ``"bf16"`` or ``"fp16"`` for mixed precision, in training and in scoring.
    threads: of the CPU; with more than one, trainings on the CPU aren't reproducible.
    deterministic: have PyTorch take algorithms alone that give the same bytes on the same device; they may be slower,
        and some layers have none.
    options: see :class:`~colearn_ledger.learners.batch.BatchLearner`; ``batch_size`` is 32 if not given. For
        differential privacy see :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.

    Raises UsageError where there is no such device or ``share`` names nothing of the model, and OutOfMemory, here and
    in all methods, where the device has too little memory.
    """

    takes_several = True

    def __init__(
        self,
        model: torch.nn.Module,
        train: Data | Dataset[Any] | DataLoader[Any],
        vote: Data | Dataset[Any] | DataLoader[Any],
        test: Data | Dataset[Any] | DataLoader[Any],
        *,
        loss: Callable[[Any, Any], Any] = torch.nn.functional.cross_entropy,
        optimizer: Callable[[Any], torch.optim.Optimizer] = torch.optim.Adam,
        schedule: Callable[[torch.optim.Optimizer], Any] | None = None,
        metric: Callable[[Any, Any], Any] | Default | None = Default.ACCURACY,
        criterion: str | Callable[..., Any] | None = None,
        higher_is_better: bool | None = None,
        classes: Any = None,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        threads: int = 1,
        deterministic: bool = False,
        **options: Unpack[SharingOptions],
    ) -> None:
        if not isinstance(model, torch.nn.Module):
            raise LearnerError(
                f"the model is a {type(model).__name__}", expected="a torch.nn.Module", fix="give the module itself"
            )
        if not any(p.requires_grad for p in model.parameters()):
            raise LearnerError(
                "the PyTorch model has nothing to train",
                expected="parameters that require a gradient",
                fix="add layers",
            )
        _without_triton()
        size = batch_size_of(train, options.get("batch_size"))
        if size is not None:
            options["batch_size"] = size
        named = {"train": train, "vote": vote, "test": test}
        sets = [_pair(name, data, size, options.get("steps_per_round")) for name, data in named.items()]
        if _is_stream(sets[0]) and options.get("batch_size") is None:
            options["batch_size"] = sets[0][0].source.batch_size
        if options.get("privacy") is not None and _is_stream(sets[0]):
            raise UsageError(
                "differential privacy with a training set that is an IterableDataset",
                expected="a set of which any sample can be drawn",
                fix="give arrays, or a map-style Dataset",
            )
        super().__init__(*sets, **options)
        self.train_set, self.vote_set, self.test_set = (
            (x, y if isinstance(y, Column) else numbered(name, y, classes))
            for name, (x, y) in {"train": self.train_set, "vote": self.vote_set, "test": self.test_set}.items()
        )
        if self.privacy is not None and any(map(is_several, self.train_set)):
            raise UsageError(
                "differential privacy with several inputs or targets",
                expected="one array of inputs and one of targets",
                fix="put the parts side by side",
            )
        if self.privacy is not None and precision != "float32":
            raise UsageError(
                f"differential privacy in the precision {precision!r}",
                expected="'float32': the clipped gradients are what the accounting is for",
                fix="leave precision out",
            )
        self._on = TorchDevice(device, precision, threads, deterministic)
        with self._on.memory("moving the model", SMALLER_MODEL):
            self._model = model.to(self._on.device)
        self._score_batch = self.rows_at_once
        self._loss, self._kind = loss, kind_of(loss)
        self._metric: Callable[[Any, Any], Any] | None
        self._judge: Criterion | None = None
        self._up = True
        self._criterion: str = self._chosen(metric, criterion, higher_is_better)
        self._make_optimizer, self._make_schedule = optimizer, schedule
        self._schedule: Any = None
        self._sets = [
            (data, tensor_set(data, self._on.device, floats_of(model)))
            for data in (self.train_set, self.vote_set, self.test_set)
        ]
        first = next(iter(self._set_of(self.vote_set).pieces(1)))[0]
        self._call, self._several = caller_of(self._model, first), is_several(first)
        if is_lazy(self._model):
            self._materialize(first)
        self._step: Any = None
        if self.privacy is not None:
            from .privacy.torch_step import PrivateStep

            self._step = PrivateStep(
                self._model,
                clip=self.privacy.config.max_grad_norm,
                noise_multiplier=self.privacy.noise_multiplier,
                batch_size=self.batch_size,
            )
        self.reset_optimizer()
        self.divide(self.base_settings())
        self.start()

    def _chosen(self, metric: Any, criterion: Any, higher_is_better: bool | None) -> str:
        """Sets what the votes are by, and returns its name."""
        named = isinstance(criterion, str)
        if metric is not Default.ACCURACY and callable(criterion):
            raise UsageError("both a metric and a criterion", expected="one of them", fix="leave the metric out")
        if metric is Default.ACCURACY and criterion is not None and criterion not in ("loss", "accuracy"):
            self._metric = None
            self._judge = criterion_of(criterion, higher_is_better=higher_is_better)
            return self._judge.name
        if metric is None or (metric is Default.ACCURACY and criterion == "loss"):
            self._metric, self._up = None, False
            return criterion if named else "loss"
        if metric is Default.ACCURACY or metric is accuracy:
            why = "the loss is a regression's" if self._kind == "values" else numbers(self.train_set[1])
            if why:
                raise UsageError(
                    f"the criterion is an accuracy, and {why if self._kind == 'values' else 'the targets are ' + why}",
                    expected="a criterion that fits the targets",
                    fix='metric=None votes by the loss; or criterion="r2"',
                )
            self._metric = accuracy_for(self._kind)
            return criterion if named else "accuracy"
        name = criterion if named else str(getattr(metric, "__name__", type(metric).__name__))
        known = direction_of(metric)
        self._metric = metric
        self._up = told_direction(name, higher_is_better if known is None else known)
        return name

    def _materialize(self, x: Any) -> None:
        """Make the parameters of lazy layers, by one sample's shape."""
        with self._on.own_randomness(), self._on.computing(), torch.no_grad():
            torch.manual_seed(self.seed)
            self._model.eval()
            try:
                self._call(x)
            except Exception as error:  # whatever its layers say
                raise LearnerError(
                    f"the PyTorch model has lazy layers, and can't be made by the first sample: {first_words(error)}",
                    expected="a module that takes the set's inputs",
                    fix="call it once before",
                ) from error

    @property
    def rows_at_once(self) -> int:
        """How many samples are scored at once, where the device has memory for that."""
        return SCORE_BATCH

    @property
    def model(self) -> torch.nn.Module:
        """The module with the current weights: the learner's own, so don't train or change it, but a copy."""
        return self._model

    def predict(self, x: Any) -> Any:
        """The module's outputs, in evaluation mode: an array, or several in the module's own form."""
        self._model.eval()
        x = mapped(functools.partial(tensor_of, kind=floats_of(self._model)), in_parts(x, None))
        with torch.no_grad(), self._on.computing():
            output = self._in_pieces(lambda size: self._joined(self._pieces_of(x, size)))
        return mapped_outputs(lambda tensor: tensor.numpy(), output)

    def _pieces_of(self, x: Any, size: int) -> Iterator[tuple[Any, int]]:
        for start in range(0, count(x), size):
            piece = rows_of(x, slice(start, start + size))
            output = self._call(mapped(lambda tensor: tensor.to(self._on.device), piece))
            yield mapped_outputs(torch.Tensor.cpu, to_floats(output)), count(piece)

    @staticmethod
    def _joined(pieces: Iterator[tuple[Any, int]]) -> Any:
        outputs, sizes = zip(*pieces, strict=True)
        return joined_outputs([*outputs], [*sizes])

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """The module's ``state_dict``: tensors alone, as PyTorch's file and as safetensors."""
        state = {name: tensor.detach().cpu().clone() for name, tensor in self._model.state_dict().items()}
        buffer = io.BytesIO()  # PyTorch's own writer has another error for a full disk
        torch.save(state, buffer)
        (folder / "model.pt").write_bytes(buffer.getbuffer())
        write_safetensors(folder / "model.safetensors", plain(state))
        opens = 'import torch; state = torch.load("{path}", weights_only=True)  # module.load_state_dict(state)'
        return (
            SavedFile("model.pt", opens),
            SavedFile("model.safetensors", 'from safetensors.torch import load_file; state = load_file("{path}")'),
        )

    def write_onnx(self, path: Path) -> None:
        """The module in evaluation mode, by PyTorch's own exporter."""
        with exporting(type(self).__name__, path, ("onnx", "onnxscript")):
            _without_triton()
            from .torch_onnx import write_onnx

            inputs = next(iter(self._set_of(self.vote_set).pieces(1)))[0]
            write_onnx(self._model, functools.partial(caller_of, x=inputs), inputs, path)

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights."""
        if self._on.device.type == "cpu":
            _without_triton()  # TensorFlow may have come since
        doing = f"a training with batches of {self.batch_size}"
        with self._on.own_randomness(), self._on.computing():
            try:
                with self._on.memory(doing, smaller_batches(self.batch_size)):
                    return super().mli_propose_weights()
            finally:  # gradients and momenta take more than the model does, which meanwhile is only tested
                self._optimizer.zero_grad(set_to_none=True)
                if self.optimizer_state == "reset":
                    self.reset_optimizer()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        """Score the weights on this learner's vote and test sets, and vote."""
        with self._on.memory("testing weights", SMALLER_MODEL):
            return super().mli_test_weights(weights)

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        with self._on.memory("adopting weights", SMALLER_MODEL):
            super().mli_accept_weights(weights)

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round alone fix what is proposed, on this device."""
        return super().reproducible and self._on.reproducible and not _is_stream(self.train_set)

    def begin_training(self, rng: np.random.Generator) -> None:
        """Seed dropout, and whatever else draws from PyTorch's generators."""
        torch.manual_seed(int(rng.integers(2**63)))

    def reset_optimizer(self) -> None:
        self._optimizer = self._make_optimizer([p for p in self._model.parameters() if p.requires_grad])
        self._scaler = self._on.scaler()

    def batches(self, rng: np.random.Generator) -> Iterator[Any]:
        data = self._set_of(self.train_set)
        if not self._course.done:
            self._begin_schedule()
        if isinstance(data, StreamSet):
            return data.next(len(self._to_draw()))
        drawn = super().batches(rng)  # a private training's steps draw from the same randomness: nothing ahead of them
        return drawn if self.privacy is not None else data.ahead(drawn)

    def _begin_schedule(self) -> None:
        """The optimizer's rate is where the rounds before have brought it, whoever has trained in them."""
        if self._make_schedule is None or (self._schedule is not None and self.optimizer_state == "keep"):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no step of the optimizer comes before these
            self._schedule = self._make_schedule(self._optimizer)
            for _ in range(max(0, self._round - 1) * self.steps if self.optimizer_state == "reset" else 0):
                self._schedule.step()

    def read_training(self) -> dict[str, Any]:
        fixed = self.parts.base if self.parts is not None else ()
        return {"training": packed_training(self._model, self._stateful, self._on, without=fixed)}

    def write_training(self, state: Mapping[str, Any]) -> None:
        self._begin_schedule()
        self._load(unpacked_training(state["training"], self._stateful, self._on))

    @property
    def _stateful(self) -> dict[str, Any]:
        return {"optimizer": self._optimizer, "scaler": self._scaler, "schedule": self._schedule}

    @property
    def training_settings(self) -> dict[str, Any]:
        optimizer = f"{type(self._optimizer).__name__} {sorted(map(str, self._optimizer.defaults.items()))}"
        return {**super().training_settings, "optimizer": optimizer}

    def train_batch(self, rows: Array | Batch) -> None:
        x, y = self._set_of(self.train_set).take(rows)
        if is_several(x) is not self._several:
            words = ("one", "several")
            raise LearnerError(
                f"the train set's inputs are {words[is_several(x)]}, and the vote set's are {words[self._several]}",
                expected="sets of one form",
                fix="have all three sets give the inputs as the module takes them",
            )
        if not self._model.training:  # it walks through all modules
            self._model.train()
        if self._step is not None and self.noise is not None:
            self._step(self._optimizer, self._loss, x, y, self.noise)
        else:
            self._step_on(x, y)
        if self._schedule is not None:
            self._schedule.step()

    def _step_on(self, x: Any, y: Any) -> None:
        self._optimizer.zero_grad()
        with self._on.autocast():
            loss = self._loss(self._call(x), y)
        if self._scaler is None:
            loss.backward()
            self._optimizer.step()
        else:
            self._scaler.scale(loss).backward()
            self._scaler.step(self._optimizer)
            self._scaler.update()

    def settle(self, rng: np.random.Generator) -> None:
        """Batch normalization's means and variances, as they are on the training set with the weights as trained."""
        if not any(module.track_running_stats for module in self._model.modules() if isinstance(module, BATCH_NORM)):
            return
        data = self._set_of(self.train_set)
        batches: Any = data.settling(SETTLING_SAMPLES) if isinstance(data, StreamSet) else self.settling_batches(rng)
        # The function takes the first of several inputs: they are given to it as one.
        inputs: Any = (functools.partial(_itself, data.take(rows)[0]) for rows in batches)
        with self._on.autocast(), _counting_on_the_cpu(self._model):
            torch.optim.swa_utils.update_bn(inputs, Called(self._model, self._call))

    @property
    def leaf_roles(self) -> Roles:
        """What batch normalization counted, which nothing reads once it is estimated anew."""
        counts = (
            f"{name}.num_batches_tracked".lstrip(".")
            for name, module in self._model.named_modules()
            if isinstance(module, BATCH_NORM) and module.num_batches_tracked is not None
        )
        return {self.place_of(name): "local" for name in counts if self.parts is None or name in self.parts.shared}

    def base_settings(self) -> str:
        """What must be alike at every member beside the frozen parameters, where there are any."""
        return ""

    def variables(self) -> Sequence[Variable]:
        found = []
        for name, tensor in self._model.state_dict(keep_vars=True).items():
            parameter = isinstance(tensor, torch.nn.Parameter)
            trained = parameter and tensor.requires_grad
            found.append(Variable(name, name, tensor, trained, parameter and not trained))
        return found

    def buffer_of(self, key: str) -> tuple[str, Sequence[int], Any]:
        tensor = self._model.state_dict()[key].detach().cpu().contiguous()
        return str(tensor.dtype), tensor.shape, tensor.reshape(-1).view(torch.uint8).numpy()

    def read_weights(self) -> Any:
        return self.read_named(tuple(self._model.state_dict())) if self.parts is None else self.read_shared()

    def read_named(self, keys: Sequence[str]) -> dict[str, Any]:
        state = self._model.state_dict()
        arrays: dict[str, Any] = plain({key: state[key] for key in keys})
        return copied(arrays) if self._on.device.type == "cpu" else arrays  # they were copied from the device

    def write_weights(self, weights: Any) -> None:
        self.write_named(weights) if self.parts is None else self.write_shared(weights)

    def write_named(self, values: Mapping[str, Any]) -> None:
        state = self._model.state_dict()
        kinds = {name: torch.empty(0, dtype=state[name].dtype) for name in values}
        try:  # it copies, one by one, and keeps nothing of what it is given
            self._load(like(dict(values), kinds))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise InvalidWeights(f"the PyTorch model doesn't take the weights: {error}") from None

    def _load(self, state: Mapping[str, Any]) -> None:
        if self.parts is None:
            self._model.load_state_dict(state)
        else:
            self._model.load_state_dict(state, strict=False)

    def hold(self) -> Callable[[], None]:
        fixed = self.parts.base if self.parts is not None else ()
        state = self._model.state_dict()
        held = {name: tensor.detach().clone() for name, tensor in state.items() if name not in fixed}
        put_back = self._on.random_state()

        def go_on() -> None:
            self._load(held)
            put_back()

        return go_on

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        self._model.eval()
        with torch.no_grad(), self._on.computing():
            output, y = self._in_pieces(functools.partial(self._outputs, self._set_of(data)))
            n, loss = count(data[0]), float(self._loss(output, y))
            if self._judge is not None:
                return Evaluation(self._judged(self._judge, data, output, y), self._judge.name, n, loss=loss)
            if self._metric is None:
                parts = self._losses(output, y) if outcomes else None
                return Evaluation(-loss, self._criterion, n, parts, loss)
            values = torch.as_tensor(self._metric(output, y)).cpu().numpy()
            values = values if self._up else -values
            found: Array | None = values.reshape(n, -1) if values.size >= n > 1 else None
            if found is not None:
                found = found[:, 0] if found.shape[1] == 1 else np.asarray(found.mean(axis=1))
        score = float(values.mean(dtype=np.float64))
        return Evaluation(score, self._criterion, n, found if outcomes else None, loss)

    def _losses(self, output: Any, y: Any) -> Array | None:
        """Each sample's loss, with its sign changed; None where outputs or targets are several."""
        if not isinstance(output, torch.Tensor) or not isinstance(y, torch.Tensor):
            return None
        return -np.array([float(self._loss(o, t)) for o, t in zip(output.split(1), y.split(1), strict=True)])

    def _judged(self, judge: Criterion, data: Data, output: Any, y: Any) -> float:
        targets = mapped_outputs(lambda tensor: tensor.cpu().numpy(), y)
        outputs = mapped_outputs(lambda tensor: tensor.cpu().numpy(), output)
        if judge.function is None or judge.wants == "outputs":
            return judge.of(self._model, data[0], targets, outputs, None)
        guesses = TorchGuesses(self._kind, output)
        return judge.of(self._model, data[0], guesses.targets(targets), outputs, guesses)

    def _outputs(self, data: AnySet, size: int) -> tuple[Any, Any]:
        """The model's outputs for a whole set, in pieces of ``size``, and the targets."""
        outputs, targets, sizes = [], [], []
        for x, y in data.pieces(size):
            with self._on.autocast():
                output = self._call(x)
            outputs.append(to_floats(output))
            targets.append(to_floats(y))
            sizes.append(count(x))
        return joined_outputs(outputs, sizes), joined_outputs(targets, sizes)

    def _in_pieces(self, compute: Callable[[int], Any]) -> Any:
        """What ``compute`` gives of a whole set, in smaller pieces where the device has no memory for large ones."""
        while True:
            try:
                with self._on.memory(f"scoring in pieces of {self._score_batch}", SMALLER_MODEL):
                    return compute(self._score_batch)
            except OutOfMemory:
                if self._score_batch // 2 < self.batch_size:
                    raise
            self._score_batch //= 2

    def _set_of(self, data: Data) -> AnySet:
        """The set as tensors, made once for the learner's own."""
        for known, tensors in self._sets:
            if known is data:
                return tensors
        return tensor_set(data, self._on.device, floats_of(self._model))


def _itself(value: Any) -> Any:
    return value


@contextlib.contextmanager
def _counting_on_the_cpu(model: torch.nn.Module) -> Iterator[None]:
    """Batch normalization's counts are there meanwhile: each layer reads its own at each batch, and waits for it."""
    layers = [m for m in model.modules() if isinstance(m, BATCH_NORM) and m.num_batches_tracked is not None]
    places = [layer.num_batches_tracked.device for layer in layers]
    for layer in layers:
        layer.num_batches_tracked = layer.num_batches_tracked.cpu()
    try:
        yield
    finally:
        for layer, place in zip(layers, places, strict=True):
            layer.num_batches_tracked = layer.num_batches_tracked.to(place)


def _pair(name: str, data: Any, batch_size: int | None, steps: int | None) -> Any:
    """Inputs and targets of a set, whatever it is given as."""
    pair = set_of(name, data, batch_size, steps)
    return data if pair is None else pair


def _is_stream(data: Any) -> bool:
    return isinstance(data, tuple | list) and bool(data) and isinstance(getattr(data[0], "source", None), StreamSet)
