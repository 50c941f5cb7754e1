"""Any PyTorch module: several inputs and outputs, other types, lazy layers, criteria that fit the loss, schedules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F
from torch.utils.data import Dataset

from colearn_ledger.core.driver import run
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerError, UsageError
from colearn_ledger.learners.torch import TorchLearner
from colearn_ledger.learners.torch_scores import accuracy

RNG = np.random.default_rng(0)
X = np.float32(RNG.normal(size=(600, 4)))
SIGN = (X[:, 0] + 0.3 * RNG.normal(size=600) > 0).astype(np.int64)
A, B = X[:, :2], X[:, 2:]


def thirds(x: Any, y: Any) -> list[tuple[Any, Any]]:
    def rows(part: Any, third: slice) -> Any:
        if isinstance(part, dict):
            return {key: rows(child, third) for key, child in part.items()}
        if isinstance(part, list | tuple):
            return type(part)(rows(child, third) for child in part)
        return part[third]

    return [(rows(x, slice(i, i + 200)), rows(y, slice(i, i + 200))) for i in (0, 200, 400)]


def adam(parameters: Any) -> Any:
    return torch.optim.Adam(parameters, lr=0.05)


class Answer(NamedTuple):
    sign: Any
    size: Any


class Two(torch.nn.Module):
    """Two inputs, and outputs in a form that is asked for."""

    def __init__(self, form: str = "tensor") -> None:
        super().__init__()
        torch.manual_seed(1)
        self.form, self.norm = form, torch.nn.BatchNorm1d(4)
        self.sign, self.size = torch.nn.Linear(4, 2), torch.nn.Linear(4, 1)

    def forward(self, a: Any, b: Any) -> Any:
        both = self.norm(torch.cat([a, b], 1))
        sign, size = self.sign(both), self.size(both)
        forms = {"tuple": (sign, size), "dict": {"sign": sign, "size": size}, "named": Answer(sign, size)}
        return forms.get(self.form, sign)


class OneDict(torch.nn.Module):
    """A module that takes all of its inputs as one argument."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Two()

    def forward(self, batch: Any) -> Any:
        return self.inner(batch["a"], batch["b"])


def both_losses(output: Any, target: Any) -> Any:
    signs, sizes = output.values() if isinstance(output, dict) else output
    wanted = target.values() if isinstance(target, dict) else target
    sign, size = wanted
    return F.cross_entropy(signs, sign) + F.mse_loss(sizes, size)


def learnt(learners: list[TorchLearner]) -> float:
    results = run(2, learners)
    first, last = (r.test_scores[0] for r in (results.initial, results.rounds[-1]))
    assert first is not None and last is not None and any(r.accepted for r in results.rounds) and last > first
    return last


@pytest.mark.parametrize("inputs", ["tuple", "list", "dict", "one argument"])
def test_run__several_inputs__are_the_modules_arguments(inputs: str) -> None:
    x: Any = {"tuple": (A, B), "list": [A, B]}.get(inputs, {"a": A, "b": B})
    learners = [
        TorchLearner(
            OneDict() if inputs == "one argument" else Two(), *thirds(x, SIGN), optimizer=adam, epochs=5, seed=i
        )
        for i in range(2)
    ]
    assert learnt(learners) > 0.8
    assert learners[0].predict(x).shape == (600, 2)


@pytest.mark.parametrize("form", ["tuple", "dict", "named"])
def test_run__several_outputs_and_targets__go_to_the_loss_as_they_are(form: str) -> None:
    y: Any = {"sign": SIGN, "size": X[:, 1:2]} if form == "dict" else (SIGN, X[:, 1:2])
    made = {"loss": both_losses, "optimizer": adam, "epochs": 5, "metric": None}
    learnt([TorchLearner(Two(form), *thirds((A, B), y), seed=i, **made) for i in range(2)])
    found = TorchLearner(Two(form), *thirds((A, B), y), **made).predict((A, B))
    assert type(found) is {"tuple": tuple, "dict": dict, "named": Answer}[form]
    with pytest.raises(LearnerError, match="can't score its vote set"):
        TorchLearner(Two(form), *thirds((A, B), y), loss=both_losses)
    with pytest.raises(LearnerError, match="needs outcomes"):
        TorchLearner(Two(form), *thirds((A, B), y), vote_policy="paired", **made)


def test_evaluate__outputs_of_a_large_set__are_put_together() -> None:
    many = [np.concatenate([part] * 5) for part in (A, B, SIGN, X[:, 1:2])]
    learner = TorchLearner(
        Two("tuple"), *thirds((A, B), (SIGN, X[:, 1:2])), loss=both_losses, metric=None, optimizer=adam
    )
    small = learner.evaluate(((A, B), (SIGN, X[:, 1:2]))).score
    assert learner.evaluate(((many[0], many[1]), (many[2], many[3]))).score == pytest.approx(small, rel=1e-5)


class Pairs(Dataset[Any]):
    def __init__(self, start: int) -> None:
        self.start = start

    def __len__(self) -> int:
        return 200

    def __getitem__(self, i: int) -> Any:
        at = self.start + i
        return {"a": A[at], "b": B[at]}, SIGN[at]


def test_run__a_dataset_of_several_inputs__trains_as_arrays_do() -> None:
    made = [
        TorchLearner(Two(), *sets, optimizer=adam, epochs=2)
        for sets in ([Pairs(0), Pairs(200), Pairs(400)], thirds({"a": A, "b": B}, SIGN))
    ]
    for learner in made:
        learner.mli_begin_round(1)
    assert encode(made[0].mli_propose_weights().weights) == encode(made[1].mli_propose_weights().weights)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_run__a_module_of_other_floats__trains_scores_and_travels(kind: torch.dtype) -> None:
    def make(i: int) -> TorchLearner:
        torch.manual_seed(1)
        return TorchLearner(torch.nn.Linear(4, 2).to(kind), *thirds(X, SIGN), optimizer=adam, epochs=5, seed=i)

    learners = [make(i) for i in range(2)]
    assert learnt(learners) > 0.8
    assert learners[0].model.weight.dtype is kind
    values = thirds(X, X[:, :1])
    regression = TorchLearner(torch.nn.Linear(4, 1).to(kind), *values, loss=F.mse_loss, metric=None, optimizer=adam)
    assert regression.mli_test_weights(regression.mli_propose_weights()).vote is True


def test_run__lazy_layers__are_made_by_the_first_sample() -> None:
    def lazy() -> Any:
        return torch.nn.Sequential(
            torch.nn.LazyLinear(8), torch.nn.LazyBatchNorm1d(), torch.nn.ReLU(), torch.nn.LazyLinear(2)
        )

    learners = [TorchLearner(lazy(), *thirds(X, SIGN), optimizer=adam, epochs=5) for _ in range(2)]
    assert len({encode(learner.mli_get_current_weights().weights) for learner in learners}) == 1
    assert learnt(learners) > 0.8
    with pytest.raises(LearnerError, match="lazy layers, and can't be made"):
        TorchLearner(torch.nn.Sequential(torch.nn.LazyConv2d(2, 3), torch.nn.Linear(2, 2)), *thirds(X, SIGN))


# ------------------------------------------------------------------------------------------------ criteria


def test_init__an_accuracy_for_a_regression__is_refused() -> None:
    values = thirds(X, X[:, :1])
    for loss in (F.mse_loss, torch.nn.HuberLoss(), lambda output, target: (output - target).abs().mean()):
        with pytest.raises(UsageError, match="the criterion is an accuracy"):
            TorchLearner(torch.nn.Linear(4, 1), *values, loss=loss)
        by_loss = TorchLearner(torch.nn.Linear(4, 1), *values, loss=loss, criterion="loss", optimizer=adam, epochs=5)
        assert by_loss.mli_test_weights(by_loss.mli_propose_weights()).vote is True
    r2 = TorchLearner(torch.nn.Linear(4, 1), *values, loss=F.mse_loss, criterion="r2", optimizer=adam, epochs=20)
    assert r2.mli_test_weights(r2.mli_propose_weights()).vote_value > 0.5


def test_accuracy__of_probabilities__has_its_bar_in_the_middle() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.Sigmoid())
    y = np.float32(SIGN[:, None])
    learner = TorchLearner(net, *thirds(X, y), loss=F.binary_cross_entropy, optimizer=adam, epochs=10)
    learner.mli_accept_weights(learner.mli_propose_weights())
    right = ((learner.predict(X) > 0.5) == (y > 0.5)).mean()
    assert learner.evaluate((X, y)).score == pytest.approx(right) and right > 0.8


def test_accuracy__of_pixels__compares_classes_in_their_dimension() -> None:
    x, y = np.float32(RNG.normal(size=(60, 1, 3, 3))), RNG.integers(0, 3, (60, 3, 3))
    net = torch.nn.Conv2d(1, 3, 1)
    learner = TorchLearner(net, (x, y), (x, y), (x, y))
    assert learner.evaluate((x, y)).score == pytest.approx((learner.predict(x).argmax(1) == y).mean())
    with pytest.raises(ValueError, match="guesses of shape"):
        accuracy(torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="targets that aren't 0 and 1"):
        accuracy(torch.zeros(4, 1), torch.arange(4))


def test_criterion__in_scikit_learns_words__is_what_the_vote_is_by() -> None:
    learner = TorchLearner(torch.nn.Linear(4, 2), *thirds(X, SIGN), criterion="roc_auc", optimizer=adam, epochs=5)
    judged = learner.mli_test_weights(learner.mli_propose_weights())
    learner.mli_accept_weights(judged.weights)
    x, y = learner.test_set
    out = learner.predict(x)
    assert judged.criterion == "roc_auc" and judged.test_value == pytest.approx(roc_auc_score(y, out[:, 1] - out[:, 0]))
    with pytest.raises(LearnerError, match="'roc_auc' has none"):
        TorchLearner(torch.nn.Linear(4, 2), *thirds(X, SIGN), criterion="roc_auc", vote_policy="paired")
    with pytest.raises(UsageError, match="nobody knows what this module's outputs mean"):
        TorchLearner(torch.nn.Linear(4, 2), *thirds(X, SIGN), loss=lambda o, t: F.cross_entropy(o, t), criterion="f1")


def test_metric__of_which_nobody_knows_the_direction__must_be_told() -> None:
    def brier(output: Any, target: Any) -> Any:
        return (output.softmax(1)[:, 1] - target) ** 2

    with pytest.raises(UsageError, match="nobody knows whether more of the criterion 'brier' is better"):
        TorchLearner(torch.nn.Linear(4, 2), *thirds(X, SIGN), metric=brier)
    made: dict[str, Any] = {"optimizer": adam, "epochs": 5}
    for options in ({"metric": brier, "higher_is_better": False}, {"metric": F.cross_entropy}):
        learner = TorchLearner(torch.nn.Linear(4, 2), *thirds(X, SIGN), **options, **made)
        judged = learner.mli_test_weights(learner.mli_propose_weights())
        assert judged.vote is True and judged.current_score is not None
        assert judged.current_score < judged.vote_value < 0


def test_classes__texts_as_labels__are_numbered() -> None:
    words = np.array(["no", "yes"])[SIGN]
    with pytest.raises(UsageError, match=r"such as '(no|yes)'"):
        TorchLearner(torch.nn.Linear(4, 2), *thirds(X, words))
    learner = TorchLearner(torch.nn.Linear(4, 2), *thirds(X, words), classes=["yes", "no"], optimizer=adam, epochs=5)
    assert learner.mli_test_weights(learner.mli_propose_weights()).vote_value > 0.8


def test_schedule__of_the_learning_rate__goes_on_over_the_rounds() -> None:
    def make() -> TorchLearner:
        torch.manual_seed(1)
        return TorchLearner(
            torch.nn.Linear(4, 2),
            *thirds(X, SIGN),
            optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.5),
            schedule=lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: float(step < 9)),
            steps_per_round=5,
        )

    learner, found = make(), {}
    before = encode(learner.mli_get_current_weights().weights)
    for round in (1, 2, 3):
        learner.mli_begin_round(round)
        found[round] = encode(learner.mli_propose_weights().weights)
    assert found[1] != before == found[3]
    again = make()
    again.mli_begin_round(2)
    assert encode(again.mli_propose_weights().weights) == found[2]
