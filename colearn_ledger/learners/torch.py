"""A learner around any PyTorch module."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.learner import Weights
from ..core.roles import Roles
from ..core.tensors import like, plain
from ..core.tree import child_path
from ..errors import InvalidWeights, LearnerError, UsageError
from .privacy.learner import PrivateLearner, PrivateOptions
from .saved import SavedFile, write_safetensors
from .template import Data, copied
from .voting.policy import Evaluation

try:
    import torch
except ModuleNotFoundError as error:
    raise UsageError(
        f"the PyTorch learner needs {error.name}, which is not installed",
        expected="PyTorch",
        fix='pip install "colearn-ledger[torch]"; for a build without CUDA, which is much smaller, first '
        "pip install torch --index-url https://download.pytorch.org/whl/cpu",
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

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

# Scoring runs whole sets through the model in pieces of this size: one call for a usual set, and bounded memory.
SCORE_BATCH = 2048


def accuracy(output: Any, target: Any) -> Any:
    """Whether each sample's guess is right: the largest of its outputs, or the sign of its only one."""
    if output.ndim > 1 and output.shape[-1] > 1:
        return output.argmax(-1) == target
    return (output.reshape(target.shape) > 0) == (target > 0.5)


class TorchLearner(PrivateLearner):
    """Trains, tests and votes with a ``torch.nn.Module``, on the CPU in one thread.

    The weights are ``model.state_dict()`` as arrays by name: parameters, and buffers such as the running statistics of
    batch normalization. Batches, dropout and other randomness depend on the seed and the round alone; the program's own
    random state is left as it was.

    Parameters
    ----------
    model: for this learner alone; it is moved to the CPU.
    train, vote, test: inputs and targets of the training set, of the fixed set that votes are decided on, and of the
        set that is only reported; arrays or tensors.
    loss: ``loss(output, target)``, the mean over a batch; cross entropy by default.
    optimizer: ``optimizer(parameters)`` makes one; Adam with its defaults if not given.
    metric: ``metric(output, target)`` of a whole set gives one number for each sample, or one for all (with which a
        paired vote policy can't do anything), such that higher is better; by default :func:`accuracy`. None scores by
        the loss, with its sign changed.
    criterion: what to call the score; by default the metric's name.
    options: see :class:`~colearn_ledger.learners.template.BatchLearner`; ``batch_size`` is 32 if not given. For
        differential privacy see :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        train: Data,
        vote: Data,
        test: Data,
        *,
        loss: Callable[[Any, Any], Any] = torch.nn.functional.cross_entropy,
        optimizer: Callable[[Any], torch.optim.Optimizer] = torch.optim.Adam,
        metric: Callable[[Any, Any], Any] | None = accuracy,
        criterion: str | None = None,
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
        sets = [(_array(x), _array(y)) for x, y in (train, vote, test)]
        super().__init__(*sets, **options)
        self._model = model.cpu()
        self._loss, self._metric = loss, metric
        self._criterion: str = criterion or ("loss" if metric is None else str(getattr(metric, "__name__", "metric")))
        self._make_optimizer = optimizer
        self._sets = [
            (data, (_tensor(data[0]), _target(data[1]))) for data in (self.train_set, self.vote_set, self.test_set)
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
        with torch.no_grad(), _one_thread():
            output: Array = torch.cat([self._model(part) for part in _tensor(_array(x)).split(SCORE_BATCH)]).numpy()
        return output

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """The module's ``state_dict``: tensors alone, as PyTorch's file and as safetensors."""
        state = {name: tensor.detach().clone() for name, tensor in self._model.state_dict().items()}
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
        _without_triton()  # TensorFlow may have come since
        with torch.random.fork_rng(devices=[]), _one_thread():
            return super().mli_propose_weights()

    def begin_training(self, rng: np.random.Generator) -> None:
        """Seed dropout, and whatever else draws from PyTorch's generator."""
        torch.manual_seed(int(rng.integers(2**63)))

    def reset_optimizer(self) -> None:
        self._optimizer = self._make_optimizer([p for p in self._model.parameters() if p.requires_grad])

    def train_batch(self, rows: Array) -> None:
        x, y = (part[torch.from_numpy(rows)] for part in self._tensors_of(self.train_set))
        self._model.train()
        if self._step is not None and self.noise is not None:
            self._step(self._optimizer, self._loss, x, y, self.noise)
            return
        self._optimizer.zero_grad()
        self._loss(self._model(x), y).backward()
        self._optimizer.step()

    def settle(self, rng: np.random.Generator) -> None:
        """Batch normalization's means and variances, as they are on the training set with the weights as trained."""
        if not any(module.track_running_stats for module in self._model.modules() if isinstance(module, BATCH_NORM)):
            return
        x, _ = self._tensors_of(self.train_set)
        torch.optim.swa_utils.update_bn((x[torch.from_numpy(rows)] for rows in self.settling_batches(rng)), self._model)

    @property
    def leaf_roles(self) -> Roles:
        """What batch normalization counted, which nothing reads once it is estimated anew."""
        return {
            child_path("", f"{name}.num_batches_tracked".lstrip(".")): "local"
            for name, module in self._model.named_modules()
            if isinstance(module, BATCH_NORM) and module.num_batches_tracked is not None
        }

    def read_weights(self) -> Any:
        return copied(plain(dict(self._model.state_dict())))

    def write_weights(self, weights: Any) -> None:
        try:  # it copies, and keeps nothing of what it is given
            self._model.load_state_dict(like(weights, dict(self._model.state_dict())))
        except RuntimeError as error:
            raise InvalidWeights(f"the PyTorch model doesn't take the weights: {error}") from None

    def hold(self) -> Callable[[], None]:
        put_back, state = super().hold(), torch.get_rng_state()

        def go_on() -> None:
            put_back()
            torch.set_rng_state(state)

        return go_on

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        x, y = self._tensors_of(data)
        self._model.eval()
        with torch.no_grad(), _one_thread():
            output = torch.cat([self._model(part) for part in x.split(SCORE_BATCH)])
            if self._metric is None:
                score = -float(self._loss(output, y))
                pairs = zip(output.split(1), y.split(1), strict=True) if outcomes else ()
                parts: Array | None = -np.array([float(self._loss(o, t)) for o, t in pairs]) if outcomes else None
            else:
                values = torch.as_tensor(self._metric(output, y)).numpy()
                score = float(values.mean(dtype=np.float64))
                parts = values.reshape(len(x), -1) if values.size >= len(x) > 1 else None
                if parts is not None:
                    parts = parts[:, 0] if parts.shape[1] == 1 else parts.mean(axis=1)
            loss = float(self._loss(output, y))
        return Evaluation(score, self._criterion, len(x), parts if outcomes else None, loss)

    def _tensors_of(self, data: Data) -> tuple[Any, Any]:
        """The set as tensors, which share the arrays' memory where they can."""
        for known, tensors in self._sets:
            if known is data:
                return tensors
        return _tensor(data[0]), _target(data[1])


def _array(values: Any) -> Any:
    """What the template can count, of tensors too."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values


def _tensor(values: Any) -> torch.Tensor:
    """In PyTorch's own precision, which a model's parameters have."""
    tensor = torch.as_tensor(np.asarray(values))
    return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor


def _target(values: Any) -> torch.Tensor:
    tensor = _tensor(values)
    return tensor if tensor.is_floating_point() or tensor.dtype is torch.bool else tensor.to(torch.int64)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Several threads add up in another order each time; and several learners share the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
