"""A learner around any PyTorch module."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.learner import ProposedWeights, Weights
from ..core.roles import Roles
from ..core.tensors import like, plain
from ..core.tree import child_path
from ..errors import InvalidWeights, LearnerError, OutOfMemory, UsageError, how_to_install
from .memory import SMALLER_MODEL, is_out_of_memory, smaller_batches
from .privacy.learner import PrivateLearner, PrivateOptions
from .saved import SavedFile, write_safetensors
from .template import SETTLING_SAMPLES, Data, copied
from .voting.policy import Evaluation

try:
    import torch

    from .torch_data import TensorSet, tensor_of
    from .torch_datasets import Batch, DatasetSet, StreamSet, batch_size_of, set_of, tensor_set
    from .torch_device import Precision, TorchDevice
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


def accuracy(output: Any, target: Any) -> Any:
    """Whether each sample's guess is right: the largest of its outputs, or the sign of its only one."""
    if output.ndim > 1 and output.shape[-1] > 1:
        return output.argmax(-1) == target
    return (output.reshape(target.shape) > 0) == (target > 0.5)


class TorchLearner(PrivateLearner):
    """Trains, tests and votes with a ``torch.nn.Module``: on the CPU in one thread, or on another device.

    The weights are ``model.state_dict()`` as arrays by name: parameters, and buffers such as the running statistics of
    batch normalization. Batches, dropout and other randomness depend on the seed and the round alone; the program's own
    random state is left as it was.

    Parameters
    ----------
    model: for this learner alone; it is moved to the device.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported; arrays or tensors, or each a ``Dataset`` or ``DataLoader`` of such pairs
        (docs/learners.md). Of a loader its dataset, ``collate_fn``, size of batches and worker processes are used.
    loss: ``loss(output, target)``, the mean over a batch; cross entropy by default.
    optimizer: ``optimizer(parameters)`` makes one; Adam with its defaults if not given.
    metric: ``metric(output, target)`` of a whole set gives one number for each sample, or one for all (with which a
        paired vote policy can't do anything), such that higher is better; by default :func:`accuracy`. None scores by
        the loss, with its sign changed.
    criterion: what to call the score; by default the metric's name.
    device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, or ``"auto"`` for the best that is there. Elsewhere than on
        the CPU the same training gives other bytes each time, and :attr:`reproducible` is False, unless
        ``deterministic`` is asked for.
    precision: ``"float32"``, or ``"bf16"`` or ``"fp16"`` for mixed precision, in training and in scoring.
    threads: of the CPU; with more than one, trainings on the CPU aren't reproducible.
    deterministic: have PyTorch take algorithms alone that give the same bytes on the same device; they may be slower,
        and some layers have none.
    options: see :class:`~colearn_ledger.learners.template.BatchLearner`; ``batch_size`` is 32 if not given. For
        differential privacy see :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.

    Raises UsageError where there is no such device, and OutOfMemory, here and in all methods, where it has too little
    memory.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        train: Data | Dataset[Any] | DataLoader[Any],
        vote: Data | Dataset[Any] | DataLoader[Any],
        test: Data | Dataset[Any] | DataLoader[Any],
        *,
        loss: Callable[[Any, Any], Any] = torch.nn.functional.cross_entropy,
        optimizer: Callable[[Any], torch.optim.Optimizer] = torch.optim.Adam,
        metric: Callable[[Any, Any], Any] | None = accuracy,
        criterion: str | None = None,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        threads: int = 1,
        deterministic: bool = False,
        **options: Unpack[PrivateOptions],
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
        if self.privacy is not None and precision != "float32":
            raise UsageError(
                f"differential privacy in the precision {precision!r}",
                expected="'float32': the clipped gradients are what the accounting is for",
                fix="leave precision out",
            )
        self._on = TorchDevice(device, precision, threads, deterministic)
        with self._on.memory("moving the model", SMALLER_MODEL):
            self._model = model.to(self._on.device)
        self._score_batch = SCORE_BATCH
        self._loss, self._metric = loss, metric
        self._criterion: str = criterion or ("loss" if metric is None else str(getattr(metric, "__name__", "metric")))
        self._make_optimizer = optimizer
        self._sets = [
            (data, tensor_set(data, self._on.device)) for data in (self.train_set, self.vote_set, self.test_set)
        ]
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
        self.start()

    @property
    def model(self) -> torch.nn.Module:
        """The module with the current weights: the learner's own, so don't train or change it, but a copy."""
        return self._model

    def predict(self, x: Any) -> Array:
        """The module's outputs, in evaluation mode."""
        self._model.eval()
        inputs = tensor_of(_array(x))
        with torch.no_grad(), self._on.computing():
            output: Array = self._in_pieces(
                lambda size: torch.cat([self._model(part.to(self._on.device)).cpu() for part in inputs.split(size)])
            ).numpy()
        return output

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
        if isinstance(data, StreamSet):
            return data.next(self.steps)
        drawn = super().batches(rng)  # a private training's steps draw from the same randomness: nothing ahead of them
        return drawn if self.privacy is not None else data.ahead(drawn)

    def train_batch(self, rows: Array | Batch) -> None:
        x, y = self._set_of(self.train_set).take(rows)
        if not self._model.training:  # it walks through all modules
            self._model.train()
        if self._step is not None and self.noise is not None:
            self._step(self._optimizer, self._loss, x, y, self.noise)
            return
        self._optimizer.zero_grad()
        with self._on.autocast():
            loss = self._loss(self._model(x), y)
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
        inputs = (data.take(rows)[0] for rows in batches)
        with self._on.autocast(), _counting_on_the_cpu(self._model):
            torch.optim.swa_utils.update_bn(inputs, self._model)

    @property
    def leaf_roles(self) -> Roles:
        """What batch normalization counted, which nothing reads once it is estimated anew."""
        return {
            child_path("", f"{name}.num_batches_tracked".lstrip(".")): "local"
            for name, module in self._model.named_modules()
            if isinstance(module, BATCH_NORM) and module.num_batches_tracked is not None
        }

    def read_weights(self) -> Any:
        arrays = plain(dict(self._model.state_dict()))
        return copied(arrays) if self._on.device.type == "cpu" else arrays  # they were copied from the device

    def write_weights(self, weights: Any) -> None:
        kinds = {name: torch.empty(0, dtype=t.dtype) for name, t in self._model.state_dict().items()}
        try:  # it copies, one by one, and keeps nothing of what it is given
            self._model.load_state_dict(like(weights, kinds))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise InvalidWeights(f"the PyTorch model doesn't take the weights: {error}") from None

    def hold(self) -> Callable[[], None]:
        held = {name: tensor.detach().clone() for name, tensor in self._model.state_dict().items()}
        put_back = self._on.random_state()

        def go_on() -> None:
            self._model.load_state_dict(held)
            put_back()

        return go_on

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        self._model.eval()
        with torch.no_grad(), self._on.computing():
            output, y = self._in_pieces(functools.partial(self._outputs, self._set_of(data)))
            loss = float(self._loss(output, y))
            if self._metric is None:
                score = -loss
                pairs = zip(output.split(1), y.split(1), strict=True) if outcomes else ()
                parts: Array | None = -np.array([float(self._loss(o, t)) for o, t in pairs]) if outcomes else None
            else:
                values = torch.as_tensor(self._metric(output, y)).cpu().numpy()
                score = float(values.mean(dtype=np.float64))
                parts = values.reshape(len(y), -1) if values.size >= len(y) > 1 else None
                if parts is not None:
                    parts = parts[:, 0] if parts.shape[1] == 1 else parts.mean(axis=1)
        return Evaluation(score, self._criterion, len(y), parts if outcomes else None, loss)

    def _outputs(self, data: AnySet, size: int) -> tuple[Any, Any]:
        """The model's outputs for a whole set, in pieces of ``size``, and the targets."""
        outputs, targets = [], []
        for x, y in data.pieces(size):
            with self._on.autocast():
                output = self._model(x)
            half = output.dtype in (torch.bfloat16, torch.float16)
            outputs.append(output.float() if half else output)
            targets.append(y)
        return torch.cat(outputs), torch.cat(targets)

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
        return tensor_set(data, self._on.device)


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


def _pair(name: str, data: Any, batch_size: int | None, steps: int | None) -> Data:
    """Inputs and targets of a set, whatever it is given as."""
    pair = set_of(name, data, batch_size, steps)
    if pair is None:
        x, y = data
        pair = _array(x), _array(y)
    return pair


def _is_stream(data: Data) -> bool:
    return isinstance(getattr(data[0], "source", None), StreamSet)


def _array(values: Any) -> Any:
    """What the template can count, of tensors too."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
