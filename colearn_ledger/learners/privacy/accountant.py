"""Differential privacy of a learner's training: how much noise it takes, what was spent, and when that is enough.

The mechanism is DP-SGD. Each step takes every sample with the same probability and independently of the others (Poisson
sampling), clips each sample's gradient to a norm, and adds Gaussian noise to their sum. What the steps cost together is
computed by Google's ``dp-accounting`` (Rényi differential privacy; an upper bound), for adding or removing one sample.
docs/privacy.md says what that covers.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.summaries import DiffPrivBudget, DiffPrivConfig
from ...errors import UsageError, how_to_install
from .ledger import PrivacyLedger, Spending

__all__ = ["Privacy", "compute_epsilon", "compute_noise", "only_errors"]

# Noise multipliers beyond these protect nothing, or leave nothing to be learnt, and the accountant's numbers suffer.
_NOISE = (0.01, 1000.0)
_MANY = 1 << 20  # trainings; more than anybody will do


class Privacy:
    """The privacy of one learner's training set.

    Parameters
    ----------
    config: what may be spent, and how.
    samples: size of the training set.
    batch_size: how many samples a step takes on average.
    steps: of one training.
    ledger: where what was spent is remembered.

    Attributes
    ----------
    rate: probability of a sample to be in a step.
    noise_multiplier: the noise's standard deviation in units of the clip norm.
    spending: what one training costs.

    Raises
    ------
    UsageError: a number is out of range, or the target doesn't even allow one training.
    """

    def __init__(
        self, config: DiffPrivConfig, *, samples: int, batch_size: int, steps: int, ledger: PrivacyLedger
    ) -> None:
        _check(config)
        self.config, self.ledger = config, ledger
        self.rate = min(1.0, batch_size / samples)
        noise = config.noise_multiplier
        if noise is None:
            assert config.proposals is not None
            noise = compute_noise(config.target_epsilon, config.target_delta, self.rate, steps * config.proposals)
        self.noise_multiplier = noise
        self.spending = Spending(self.rate, noise, steps)
        one = compute_epsilon([self.spending], config.target_delta)
        if one > config.target_epsilon:
            raise UsageError(
                f"one proposal costs epsilon {one:.4g} and the target is {config.target_epsilon:.4g}",
                expected="a target that allows for at least one proposal",
                fix="more noise (noise_multiplier), smaller batches, fewer steps per round, or a larger target",
            )

    @property
    def budget(self) -> DiffPrivBudget:
        """What may be spent, and what was."""
        with self.ledger.open() as ledger:
            return self._budget(ledger.spent)

    def affords(self) -> bool:
        """Whether another training stays within the target."""
        with self.ledger.open() as ledger:
            return self._fits(ledger.spent)

    def spend(self) -> DiffPrivBudget | None:
        """Remember a training, before its result goes anywhere. None, and nothing is spent, if it is one too many."""
        with self.ledger.open() as ledger:
            if not self._fits(ledger.spent):
                return None
            ledger.append(self.spending)
            return self._budget(ledger.spent)

    def trainings_left(self) -> int:
        """How many more trainings stay within the target, up to a million."""
        with self.ledger.open() as ledger:
            spent = list(ledger.spent)
        least, most = 0, 1  # a power of two above, then halves
        while most <= _MANY and self._fits(spent, most):
            least, most = most, 2 * most
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (middle, most) if self._fits(spent, middle) else (least, middle)
        return min(least, _MANY)

    def randomness(self, *key: int) -> np.random.Generator:
        """Randomness for one training's samples and noise: the operating system's, or that of ``key`` if the
        configuration asks for it."""
        entropy: Sequence[int] = key if self.config.deterministic else [secrets.randbits(256)]
        return np.random.default_rng(list(entropy))

    def _fits(self, spent: list[Spending], trainings: int = 1) -> bool:
        """Whether so many more trainings stay within the target."""
        more = replace(self.spending, steps=self.spending.steps * trainings)
        return compute_epsilon([*spent, more], self.config.target_delta) <= self.config.target_epsilon

    def _budget(self, spent: list[Spending]) -> DiffPrivBudget:
        target = self.config
        consumed = compute_epsilon(spent, target.target_delta)
        return DiffPrivBudget(
            target_epsilon=target.target_epsilon,
            target_delta=target.target_delta,
            consumed_epsilon=consumed,
            consumed_delta=target.target_delta if spent else 0.0,
        )


def compute_epsilon(spent: Iterable[Spending], delta: float) -> float:
    """What trainings on the same data cost together, at ``delta``; 0 for none."""
    steps: Counter[tuple[float, float]] = Counter()
    for spending in spent:
        steps[spending.rate, spending.noise_multiplier] += spending.steps
    if not steps:
        return 0.0
    accounting = _accounting()
    accountant = accounting.rdp.RdpAccountant()
    with only_errors("absl"):  # of every order of its series that it leaves out, which makes its bound less tight
        for (rate, noise), count in steps.items():
            accountant.compose(_event(accounting, rate, noise), count)
        return float(accountant.get_epsilon(delta))


@functools.cache
def compute_noise(target_epsilon: float, target_delta: float, rate: float, steps: int) -> float:
    """The least noise multiplier, to four digits, with which ``steps`` steps stay within the target.

    Raises UsageError if no noise does.
    """
    accounting = _accounting()
    try:
        with only_errors("absl"):
            noise = accounting.calibrate_dp_mechanism(
                accounting.rdp.RdpAccountant,
                lambda value: accounting.SelfComposedDpEvent(_event(accounting, rate, value), steps),
                target_epsilon,
                target_delta,
            )
    except accounting.mechanism_calibration.NoBracketIntervalFoundError:
        noise = math.inf
    if noise > _NOISE[1]:
        raise UsageError(
            f"no noise worth training with keeps {steps} steps within epsilon {target_epsilon} at delta {target_delta}",
            expected="a larger target",
            fix="a larger epsilon or delta, or fewer proposals",
        )
    # a rounded number is the same on every machine, and rounded up it is on the safe side
    return max(_NOISE[0], math.ceil(float(noise) * 1e4) / 1e4)


def _event(accounting: Any, rate: float, noise: float) -> Any:
    return accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise))


def _check(config: DiffPrivConfig) -> None:
    noise, proposals = config.noise_multiplier, config.proposals
    for what, good, expected in (
        (f"target_epsilon is {config.target_epsilon}", 0 < config.target_epsilon < math.inf, "a number above 0"),
        (f"target_delta is {config.target_delta}", 0 < config.target_delta < 1, "well below 1 / (training samples)"),
        (f"max_grad_norm is {config.max_grad_norm}", 0 < config.max_grad_norm < math.inf, "a number above 0"),
        (
            f"noise_multiplier is {noise}",
            noise is None or _NOISE[0] <= noise <= _NOISE[1],
            f"a number from {_NOISE[0]} to {_NOISE[1]:.0f}, or None",
        ),
        (f"proposals is {proposals}", proposals is None or proposals >= 1, "1 or more, or None"),
    ):
        if not good:
            raise UsageError(what, expected=expected, fix="give another value")
    if noise is None and proposals is None:
        raise UsageError(
            "neither the noise nor the number of proposals is given",
            expected="DiffPrivConfig(noise_multiplier=...), or proposals=... to compute the noise from",
            fix="say for how many proposals the budget is to last",
        )


def _accounting() -> Any:
    try:
        import dp_accounting
        import dp_accounting.mechanism_calibration
        import dp_accounting.rdp
    except ModuleNotFoundError as error:
        raise UsageError(
            f"training with differential privacy needs {error.name}, which is not installed",
            expected="the package dp-accounting",
            fix=how_to_install("privacy"),
        ) from error
    return dp_accounting


@contextlib.contextmanager
def only_errors(logger: str) -> Iterator[None]:
    """Let a library's logger tell errors only, inside the block."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
