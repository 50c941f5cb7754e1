"""A learner around Hugging Face's ``Trainer``: its own loop trains, its own evaluation is what votes are by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LearnerError, UsageError, how_to_install
from .flower_client import numbers_of

try:
    import transformers

    from .torch_loop import LoopLearner, length_of
except ModuleNotFoundError as error:
    raise UsageError(
        f"the learner around a Trainer needs {error.name}, which is not installed",
        expected="PyTorch, transformers and accelerate",
        fix=how_to_install("trainer"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .sharing import SharingOptions

__all__ = ["TrainerLearner"]

LOSS = "eval_loss"
_TIMES = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_model_preparation_time", "epoch")


class TrainerLearner(LoopLearner):
    """Trains, tests and votes with a model of transformers, by a ``Trainer`` that the user has made.

    The weights are the model's ``state_dict()``; with ``share="trainable"``, or another part of it, only that travels.
    Each training has a new optimizer and schedule. It neither evaluates, logs nor saves on its way, whatever the
    Trainer's arguments say of that.

    Parameters
    ----------
    trainer: with model, ``train_dataset`` and ``eval_dataset``, which is what votes are decided on; for this learner
        alone.
    test: a set that is only reported; the vote set if none is given.
    criterion, higher_is_better: which of the Trainer's metrics votes are by (``"eval_accuracy"``, if its
        ``compute_metrics`` gives an accuracy), and its direction; ``"eval_loss"`` if none is named.
    options: ``steps_per_round`` or ``epochs``, ``vote_policy``, ``seed`` and ``share``, as for
        :class:`~colearn_ledger.learners.torch.TorchLearner`. The size of batches is the Trainer's.

    Raises UsageError where the Trainer has no set to train on or to vote on, one without length, or a criterion that
    isn't among its metrics.
    """

    whose = "the Trainer's"

    def __init__(
        self,
        trainer: Any,
        test: Any = None,
        *,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        **options: Unpack[SharingOptions],
    ) -> None:
        if not isinstance(trainer, transformers.Trainer):
            raise LearnerError(
                f"the trainer is a {type(trainer).__name__}", expected="a transformers.Trainer", fix="give it itself"
            )
        if "batch_size" in options:
            raise UsageError(
                "batch_size for a TrainerLearner", expected="none", fix="the Trainer's per_device_train_batch_size"
            )
        named = {"train": trainer.train_dataset, "vote": trainer.eval_dataset}
        for name, argument in {"train": "train_dataset", "vote": "eval_dataset"}.items():
            if named[name] is None or isinstance(named[name], dict):
                raise UsageError(
                    f"the Trainer has no {argument}" + (" but several" if named[name] else ""),
                    expected=f"one set to {name} on",
                    fix=f"Trainer(..., {argument}=...)",
                )
        self._trainer, arguments = trainer, trainer.args
        options["batch_size"] = arguments.train_batch_size * arguments.gradient_accumulation_steps
        arguments.save_strategy = arguments.eval_strategy = arguments.logging_strategy = "no"
        arguments.load_best_model_at_end, arguments.disable_tqdm, arguments.report_to = False, True, []
        for callback in (transformers.PrinterCallback, transformers.ProgressCallback):
            trainer.remove_callback(callback)
        named["test"] = named["vote"] if test is None else test
        steps = options.get("steps_per_round")
        sets = {name: (data, length_of(name, data, steps=steps)) for name, data in named.items()}
        self.begin(trainer.model, sets, criterion=criterion, higher_is_better=higher_is_better, loss=LOSS, **options)

    def fit(self, data: Any, steps: int) -> None:
        trainer = self._trainer
        trainer.optimizer = trainer.lr_scheduler = None  # it makes them anew
        trainer.args.seed = trainer.args.data_seed = int(np.random.randint(2**31))  # which the round has fixed
        trainer.args.max_steps = steps
        trainer.train()

    def measure(self, data: Any) -> Mapping[str, float]:
        found = numbers_of(self._trainer.evaluate(data))
        return {name: value for name, value in found.items() if name not in _TIMES}
