"""DP-SGD in the PyTorch learner, by Opacus: what a sample can do to a step, and when the learner declines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("opacus", reason="Opacus is not installed")

import torch

from colearn_ledger import check_learner, run
from colearn_ledger.core.summaries import CHANGES_NOTHING, DiffPrivConfig, ErrorCodes
from colearn_ledger.core.weights import encode
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import LearnerError
from colearn_ledger.learners.privacy.torch_step import PrivateStep
from colearn_ledger.learners.torch import TorchLearner

pytestmark = pytest.mark.slow

CLIP = 0.7
loss = torch.nn.functional.cross_entropy


def model(width: int = 8, *, norm: type = torch.nn.LayerNorm) -> Any:
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(6, width), norm(width), torch.nn.ReLU(), torch.nn.Linear(width, 3))


def data(n: int, seed: int = 3, scale: float = 1.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    x[np.arange(n), y] += 2
    return x * np.float32(scale), y


def learner(seed: int = 1, **options: Any) -> TorchLearner:
    config = DiffPrivConfig(8.0, 1e-3, CLIP, noise_multiplier=0.48, deterministic=True)
    options = {"batch_size": 20, "steps_per_round": 4, "seed": seed, "privacy": config, **options}
    return TorchLearner(model(), data(300, seed), data(210, 11), data(210, 12), **options)


def moved(net: Any, x: Any, y: Any, *, noise: float = 1e-9, batch_size: int = 1) -> Any:
    """By how much a step of plain gradient descent moves all parameters."""
    step = PrivateStep(net, clip=CLIP, noise_multiplier=noise, batch_size=batch_size)
    before = torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    step(optimizer, loss, torch.from_numpy(x), torch.from_numpy(y), np.random.default_rng(5))
    return before - torch.nn.utils.parameters_to_vector(net.parameters()).detach()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_step__any_sample__adds_at_most_the_clip_norm(scale: float) -> None:
    x, y = data(12, scale=scale)
    whole = moved(model(), x, y)
    norms = []
    for i in range(len(x)):
        norms.append(float(moved(model(), x[i : i + 1], y[i : i + 1]).norm()))
        others = np.arange(len(x)) != i
        assert float((whole - moved(model(), x[others], y[others])).norm()) <= CLIP * (1 + 1e-4)
    assert max(norms) <= CLIP * (1 + 1e-5)
    assert max(norms) > CLIP * 0.99  # or nothing was shown


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_step__a_sample_without_a_finite_gradient__counts_as_none(poison: float) -> None:
    x, y = data(6)
    clean = moved(model(), x[1:], y[1:])
    x[0] = poison
    torch.testing.assert_close(moved(model(), x, y), clean)


def test_step__nobody_in_the_sample__is_noise_of_the_scale_that_was_accounted_for() -> None:
    noise = moved(model(500), *data(0), noise=3.0, batch_size=10)
    assert len(noise) > 5000
    assert float(noise.std()) == pytest.approx(3.0 * CLIP / 10, rel=0.05)
    assert abs(float(noise.mean())) < 4 * 3.0 * CLIP / 10 / np.sqrt(len(noise))


def test_init__batch_normalization__refused() -> None:
    net = model(norm=torch.nn.BatchNorm1d)
    config = DiffPrivConfig(8.0, 1e-3, CLIP, noise_multiplier=1.0)
    with pytest.raises(LearnerError, match="differential privacy") as caught:
        TorchLearner(net, data(300), data(210), data(210), privacy=config, batch_size=20, steps_per_round=4)
    assert "GroupNorm" in caught.value.fix


def test_run__until_the_budgets_are_spent__as_in_process_with_the_same_bytes() -> None:
    config = DiffPrivConfig(8.0, 1e-3, CLIP, noise_multiplier=0.48, deterministic=True)
    plain = run(6, [learner(i, privacy=config) for i in range(2)])
    ledger = run(6, [learner(i, privacy=config) for i in range(2)], backend=EmbeddedLedger())
    assert [r.weights_sha256 for r in plain.rounds] == [r.weights_sha256 for r in ledger.rounds]
    assert [bool(r.declined) for r in plain.rounds] == [False] * 4 + [True] * 2
    assert [r.declined for r in plain.rounds] == [r.declined for r in ledger.rounds]


def test_check_learner__with_privacy__keeps_the_promises() -> None:
    check_learner(learner())


def test_propose__after_a_restart__the_spent_budget_is_still_spent(tmp_path: Path) -> None:
    config, path = DiffPrivConfig(8.0, 1e-3, CLIP, noise_multiplier=0.48), tmp_path / "privacy.jsonl"
    first = learner(privacy=config, privacy_ledger=path).mli_propose_weights()
    second = learner(privacy=config, privacy_ledger=path).mli_propose_weights()
    third = learner(privacy=config, privacy_ledger=path)
    assert encode(first.weights) != encode(second.weights)  # the noise is the operating system's
    summary = third.mli_propose_weights().training_summary
    assert summary is not None and summary.error_code is ErrorCodes.DP_BUDGET_EXCEEDED
    assert third.mli_test_weights(third.mli_get_current_weights()).record.reason == CHANGES_NOTHING
