"""Lightning's modules and Hugging Face's Trainer as learners: their own loops train, their own evaluation votes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightning", reason="Lightning is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import pytorch_lightning
import torch
from torch.utils.data import DataLoader, IterableDataset

from colearn_ledger import EmbeddedLedger, check_learner, run
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ColearnError, LearnerError
from colearn_ledger.learners.lightning import LightningLearner
from colearn_ledger.learners.trainer import TrainerLearner

from ..kit.checkpoints import InMemory
from ..kit.torch_loops import digits_module, loaders, make_lightning, make_trainer, make_trainer_learner

pytestmark = pytest.mark.slow
MAKERS = [make_lightning, make_trainer_learner]


@pytest.mark.parametrize("make", MAKERS)
def test_loop_learner__of_another_library__keeps_a_learner_s_promises(make: Callable[..., Any]) -> None:
    check_learner(make(0, steps_per_round=2), make=lambda: make(0, steps_per_round=2))


@pytest.mark.parametrize("make", MAKERS)
def test_loop_learner__on_the_embedded_ledger__learns_and_ends_as_in_process(make: Callable[..., Any]) -> None:
    inside = run(3, [make(i) for i in range(2)], rounds="joint")
    ledger = run(3, [make(i) for i in range(2)], rounds="joint", backend=EmbeddedLedger())
    assert inside.final_sha256 == ledger.final_sha256
    assert np.mean(inside.rounds[-1].current_scores) > 0.8 > np.mean(inside.initial.current_scores)


@pytest.mark.parametrize("make", MAKERS)
def test_loop_learner__part_of_a_model__is_all_that_travels(make: Callable[..., Any]) -> None:
    learner = make(0, share="net.0.*")
    weights = learner.mli_get_current_weights().weights
    assert sorted(weights["shared"]) == ["net.0.bias", "net.0.weight"]


@pytest.mark.parametrize("make", MAKERS)
def test_loop_learner__the_process_s_randomness__is_left_as_it_was(make: Callable[..., Any]) -> None:
    learner = make(0, steps_per_round=2)
    torch.manual_seed(7)
    expected = torch.rand(1, generator=torch.Generator().manual_seed(7))
    learner.mli_propose_weights()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "options, words",
    [
        ({"early_stop": 2}, "early_stop for"),
        ({"optimizer_state": "keep"}, "optimizer_state for"),
        ({"criterion": "auc"}, "and the criterion is 'auc'"),
        ({"higher_is_better": None}, "is better isn't told"),
        ({"vote_policy": "paired"}, "paired"),
    ],
)
def test_loop_learner__what_its_loop_has_not__is_refused(make: Callable[..., Any], options: Any, words: str) -> None:
    with pytest.raises(ColearnError) as told:
        make(0, **options)
    assert words in told.value.what and told.value.fix


def test_lightning__module_of_the_other_package__is_trained_by_that_package_s_trainer() -> None:
    learner = LightningLearner(digits_module(pytorch_lightning), *loaders(0), loss="val_loss", steps_per_round=5)
    assert learner.mli_test_weights(learner.mli_propose_weights()).criterion == "val_loss"


def test_lightning__no_criterion_and_no_loss__asks_by_the_metrics_names() -> None:
    with pytest.raises(ColearnError, match="gives val_acc, val_loss, and nobody has said which"):
        LightningLearner(digits_module(pytorch_lightning), *loaders(0))


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(loaders(0)[0].dataset)


def test_lightning__set_without_length__is_told_or_needs_the_steps_of_a_round() -> None:
    train, vote, test = loaders(0)
    stream = DataLoader(Stream(), 32)
    with pytest.raises(ColearnError, match="the train set has no length"):
        LightningLearner(digits_module(pytorch_lightning), stream, vote, test, loss="val_loss")
    with pytest.raises(ColearnError, match="the vote set has no length"):
        LightningLearner(digits_module(pytorch_lightning), train, stream, test, loss="val_loss", steps_per_round=2)
    learner = LightningLearner(digits_module(pytorch_lightning), stream, vote, test, loss="val_loss", steps_per_round=2)
    learner.mli_propose_weights()


def test_lightning__what_cannot_be__is_told() -> None:
    class Unvalidated(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Linear(64, 10)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.net(batch[0]).sum()

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    with pytest.raises(LearnerError, match="has no validation_step"):
        LightningLearner(Unvalidated(), *loaders(0), loss="val_loss")
    with pytest.raises(LearnerError, match="the module is a Linear"):
        LightningLearner(torch.nn.Linear(1, 1), *loaders(0), loss="val_loss")
    with pytest.raises(ColearnError, match="max_steps among the arguments"):
        make_lightning(0, trainer={"max_steps": 3})
    with pytest.raises(LearnerError, match="Lightning's validation fails"):
        LightningLearner(digits_module(pytorch_lightning), [1], [1], [1], loss="val_loss", steps_per_round=1)


def test_trainer__its_own_loss__is_the_criterion_where_none_is_named() -> None:
    learner = TrainerLearner(make_trainer(0), steps_per_round=2)
    assert learner.mli_test_weights(learner.mli_get_current_weights()).criterion == "eval_loss"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"eval_dataset": None}, "the Trainer has no eval_dataset"),
        ({"train_dataset": None}, "the Trainer has no train_dataset"),
        ({"eval_dataset": {"a": [1], "b": [1]}}, "the Trainer has no eval_dataset but several"),
        ({"eval_dataset": Stream()}, "the vote set has no length"),
    ],
)
def test_trainer__without_a_set_to_vote_on__is_told(changes: Any, words: str) -> None:
    with pytest.raises(ColearnError) as told:
        TrainerLearner(make_trainer(0, **changes), steps_per_round=2)
    assert words in told.value.what and told.value.fix


def test_trainer__something_else__is_told() -> None:
    with pytest.raises(LearnerError, match="the trainer is a int"):
        TrainerLearner(3)
    with pytest.raises(ColearnError, match="batch_size for a TrainerLearner"):
        TrainerLearner(make_trainer(0), batch_size=3)


def test_checkpoint__another_library_s_loop__is_declined_and_the_training_is_the_same() -> None:
    learner, kept = make_lightning(0), InMemory()
    learner.mli_set_checkpoint(kept)
    expected = encode(make_lightning(0).mli_propose_weights().weights)
    assert encode(learner.mli_propose_weights().weights) == expected
    assert kept.data is None and kept.said == ["another library's loop trains, whose steps nobody comes between"]
