"""A learner around a PyTorch Lightning module: Lightning's own Trainer trains and validates it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import LearnerError, UsageError, how_to_install
from .flower_client import numbers_of
from .memory import first_words, is_out_of_memory

try:
    import lightning.pytorch

    from .torch_loop import LoopLearner, length_of
except ModuleNotFoundError as error:
    raise UsageError(
        f"the Lightning learner needs {error.name}, which is not installed",
        expected="PyTorch and Lightning",
        fix=how_to_install("lightning"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .sharing import SharingOptions

__all__ = ["LightningLearner"]

# What a training of a round leaves out; each may be given otherwise.
_QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}
_OURS = ("max_steps", "max_epochs", "max_time")


class LightningLearner(LoopLearner):
    """Trains, tests and votes with a ``LightningModule``, by Lightning's ``Trainer``.

    The weights are the module's ``state_dict()``. Each training has a new Trainer, and new optimizers and schedulers of
    the module's ``configure_optimizers``; votes are by what its ``validation_step`` logs.

    Parameters
    ----------
    module: of ``lightning`` or ``pytorch_lightning``, for this learner alone.
    train, vote, test: ``DataLoader`` objects, as the module's steps take their batches.
    loss: the logged metric that is a loss: less of it is better, and it tells models of one score apart.
    criterion, higher_is_better: what votes are by, if not the loss: a logged metric's name, and its direction.
    trainer: further arguments of Lightning's Trainer, such as ``{"gradient_clip_val": 1.0}`` or
        ``{"accelerator": "gpu"}``; by default it computes on the CPU, and logs and keeps nothing.
    options: ``steps_per_round`` or ``epochs``, ``vote_policy``, ``seed`` and ``share``, as for
        :class:`~colearn_ledger.learners.torch.TorchLearner`.

    Raises LearnerError for what is no Lightning module, one without a validation step, and whatever fails in its code;
    UsageError for a set without length, and a criterion that nobody logs or whose direction wasn't told.
    """

    whose = "the Lightning module's"

    def __init__(
        self,
        module: Any,
        train: Any,
        vote: Any,
        test: Any,
        *,
        loss: str | None = None,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        trainer: Mapping[str, Any] | None = None,
        **options: Unpack[SharingOptions],
    ) -> None:
        self._library = _library_of(module)
        for name in _OURS:
            if name in (trainer or {}):
                raise UsageError(
                    f"{name} among the arguments of Lightning's Trainer",
                    expected="steps_per_round or epochs, which say how much a round trains",
                    fix="leave it out",
                )
        self._arguments = {**_QUIET, **(trainer or {})}
        steps = options.get("steps_per_round")
        sets = {
            name: (data, length_of(name, data, steps=steps))
            for name, data in {"train": train, "vote": vote, "test": test}.items()
        }
        size = getattr(train, "batch_size", None)
        if size is not None:
            options.setdefault("batch_size", size)
        self.begin(module, sets, criterion=criterion, higher_is_better=higher_is_better, loss=loss, **options)

    def fit(self, data: Any, steps: int) -> None:
        with _quiet("training"):
            trainer = self._library.Trainer(**self._arguments, max_steps=steps, max_epochs=-1, limit_val_batches=0)
            trainer.fit(self._model, train_dataloaders=data)

    def measure(self, data: Any) -> Mapping[str, float]:
        if not _overrides(self._model, "validation_step"):
            raise LearnerError(
                f"the Lightning module {type(self._model).__name__} has no validation_step",
                expected="one that logs what votes are by",
                fix='validation_step with self.log("val_loss", loss)',
            )
        with _quiet("validation"):
            trainer = self._library.Trainer(**self._arguments)
            (found,) = trainer.validate(self._model, dataloaders=data, verbose=False)
        return numbers_of(found)


def _library_of(module: Any) -> Any:
    """Lightning under the name by which the module's class knows it: its two packages take each their own modules."""
    names = {base.__module__.partition(".")[0] for base in type(module).__mro__ if base.__name__ == "LightningModule"}
    if "lightning" in names:
        return lightning.pytorch
    if "pytorch_lightning" in names:
        return importlib.import_module("pytorch_lightning")
    raise LearnerError(
        f"the module is a {type(module).__name__}",
        expected="a LightningModule",
        fix="give the module itself; TorchLearner is for a torch.nn.Module",
    )


def _overrides(module: Any, method: str) -> bool:
    owner = next(base for base in type(module).__mro__ if method in vars(base))
    return owner.__module__.partition(".")[0] not in ("lightning", "pytorch_lightning")


@contextlib.contextmanager
def _quiet(doing: str) -> Iterator[None]:
    """Lightning says a dozen lines each time; what fails in the module's code is told with what was done."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "pytorch_lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning\.pytorch|pytorch_lightning)\.")
            yield
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise LearnerError(
            f"Lightning's {doing} fails: {type(error).__name__}: {first_words(error)}",
            expected="a module and loaders that go together",
            fix="run Lightning's Trainer on them by itself to see where it fails",
        ) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
