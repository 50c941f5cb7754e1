"""Learners whose training is Lightning's or transformers' own loop, on digits of each member's own."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from colearn_ledger.tasks.split import Share, split


def shares() -> list[Share]:
    x, y = load_digits(return_X_y=True)
    return split(np.float32(x / 16), y, 2, 0.5, seed=1)


def layers() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))


def loaders(index: int) -> list[Any]:
    share = shares()[index]
    sets = [TensorDataset(torch.tensor(x), torch.tensor(y)) for x, y in (share.train, share.vote, share.test)]
    return [DataLoader(data, 32, shuffle=i == 0) for i, data in enumerate(sets)]


def digits_module(library: Any) -> Any:
    """A LightningModule of this library (``lightning.pytorch`` or ``pytorch_lightning``)."""

    class Digits(library.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = layers()

        def training_step(self, batch: Any, index: int) -> Any:
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            output = self.net(batch[0])
            self.log("val_loss", torch.nn.functional.cross_entropy(output, batch[1]))
            self.log("val_acc", (output.argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    return Digits()


def make_lightning(index: int, of: int = 2, **options: Any) -> Any:
    import lightning.pytorch

    from colearn_ledger.learners.lightning import LightningLearner

    given = {"criterion": "val_acc", "higher_is_better": True, "steps_per_round": 30, "seed": index, **options}
    return LightningLearner(digits_module(lightning.pytorch), *loaders(index), loss="val_loss", **given)


class Classifier(torch.nn.Module):
    """As models of transformers are: it takes its inputs by name, and gives its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net = layers()

    def forward(self, x: Any, labels: Any = None) -> Any:
        logits = self.net(x)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def rows(data: Any) -> list[dict[str, Any]]:
    return [{"x": x, "labels": int(y)} for x, y in zip(*data, strict=True)]


def accuracy(found: Any) -> dict[str, float]:
    return {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())}


def make_trainer(index: int, **changes: Any) -> Any:
    """A transformers.Trainer, as its users make one."""
    import transformers

    arguments = transformers.TrainingArguments(
        output_dir=tempfile.gettempdir(), per_device_train_batch_size=32, learning_rate=0.01, use_cpu=True, report_to=[]
    )
    share = shares()[index]
    given = {
        "train_dataset": rows(share.train),
        "eval_dataset": rows(share.vote),
        "compute_metrics": accuracy,
        **changes,
    }
    return transformers.Trainer(Classifier(), arguments, **given)


def make_trainer_learner(index: int, of: int = 2, **options: Any) -> Any:
    from colearn_ledger.learners.trainer import TrainerLearner

    given = {"criterion": "eval_accuracy", "higher_is_better": True, "steps_per_round": 30, "seed": index, **options}
    return TrainerLearner(make_trainer(index), rows(shares()[index].test), **given)
