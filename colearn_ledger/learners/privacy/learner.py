"""Batch learners that may train with differential privacy: what the Keras and the PyTorch learner share of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.learner import Weights
from ...core.summaries import DiffPrivConfig, ErrorCodes, TrainingSummary
from ...core.weights import encode
from ...errors import UsageError
from ..batch import BatchLearner, BatchOptions
from ..sets import Data
from ..template import copied
from .accountant import Privacy
from .ledger import PrivacyLedger

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["PrivateLearner", "PrivateOptions"]

Array = np.ndarray[Any, Any]


class PrivateOptions(BatchOptions, total=False):
    """The options of a batch learner that may train with differential privacy; see :class:`PrivateLearner`."""

    privacy: DiffPrivConfig | None
    privacy_ledger: str | Path | None


class PrivateLearner(BatchLearner):
    """A batch learner whose training may be differentially private (DP-SGD).

    With ``privacy`` each training draws Poisson samples, and each proposal tells what was spent so far. A proposal that
    would go beyond the target is declined: :meth:`mli_propose_weights` returns the current weights with the error code
    ``DP_BUDGET_EXCEEDED``. The learner goes on testing and voting, which the budget doesn't cover (docs/privacy.md).

    An adapter's :meth:`train_batch` makes a private step when :attr:`noise` is there: clip each sample's gradient, add
    noise from it to the sum, and divide by ``batch_size``, however many rows it was given; there may be none.

    Parameters
    ----------
    train, vote, test, options: as for :class:`~colearn_ledger.learners.batch.BatchLearner`. ``batch_size`` is the
        mean size of a batch.
    privacy: the target, the clip norm and the noise; None trains without.
    privacy_ledger: the file in which the spending on this training set is remembered, and which a restarted learner
        goes on with. None remembers in memory alone, which is for runs in one process.

    Attributes
    ----------
    privacy: the accountant; None without differential privacy.
    noise: the randomness of a private step, inside a training.
    """

    def __init__(self, train: Data, vote: Data, test: Data, **options: Unpack[PrivateOptions]) -> None:
        config, ledger = options.pop("privacy", None), options.pop("privacy_ledger", None)
        super().__init__(train, vote, test, **options)  # type: ignore[misc]
        self.noise: np.random.Generator | None = None
        self.privacy: Privacy | None = None
        self._released: tuple[tuple[int, bytes], Weights] | None = None
        if config is None:
            if ledger is not None:
                raise UsageError(
                    "a privacy ledger for a learner without privacy", fix="give privacy=DiffPrivConfig(...), too"
                )
            return
        if config.deterministic and self.optimizer_state == "keep":
            raise UsageError(
                "deterministic noise and an optimizer that keeps its state",
                expected="that one seed, round and start always give the same training: else the same noise covers two "
                "different ones, and their difference has none",
                fix="optimizer_state='reset', or deterministic=False",
            )
        self.privacy = Privacy(
            config,
            samples=self._samples,
            batch_size=self.batch_size,
            steps=self.steps,
            ledger=PrivacyLedger(ledger),
        )

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round alone fix what is proposed; not with true noise."""
        return super().reproducible and (self.privacy is None or self.privacy.config.deterministic)

    @property
    def trainings_left(self) -> int | None:
        """How many more trainings the privacy budget lasts for; None without differential privacy."""
        return None if self.privacy is None else self.privacy.trainings_left()

    @property
    def why_no_checkpoint(self) -> str:
        """A private one shows no state of a training that it hasn't accounted for, also on its own disk."""
        if self.privacy is not None:
            return "what a private training has come to in its midst isn't what its budget accounts for"
        return super().why_no_checkpoint

    def mli_propose_weights(self) -> Weights:
        """Train from the current weights, or decline because the privacy budget is spent."""
        if self.privacy is None:
            return super().mli_propose_weights()
        round, parent = self._round, hashlib.sha256(encode(self._weights)).digest()
        if self._released is not None and self._released[0] == (round, parent):
            # Asked again, as when the store was away: a second training would be a second look at the data.
            self._round += 1
            return Weights(copied(self._released[1].weights), self._released[1].training_summary)
        if not self.privacy.affords():
            return self._decline()
        # With the start in it, no two different trainings share their noise, even when a re-org repeats a round.
        self.noise = self.privacy.randomness(self.seed, round, *parent)
        try:
            trained = super().mli_propose_weights()
        finally:
            self.noise = None
        budget = self.privacy.spend()
        if budget is None:  # another process on the same data was faster: nobody gets to see these weights
            self._round -= 1
            return self._decline()
        summary = TrainingSummary(dp_budget=budget, samples=self.steps * self.batch_size)
        self._released = (round, parent), Weights(copied(trained.weights), summary)
        return Weights(trained.weights, summary)

    def mli_accept_weights(self, weights: Weights) -> None:
        """Adopt the weights."""
        super().mli_accept_weights(weights)
        self._released = None

    def batches(self, rng: np.random.Generator) -> Iterator[Array]:
        """Shuffled passes, or with differential privacy Poisson samples."""
        if self.privacy is None or self.noise is None:
            yield from super().batches(rng)
            return
        for _ in range(self.steps):
            yield np.flatnonzero(self.noise.random(self._samples) < self.privacy.rate)

    @property
    def _samples(self) -> int:
        return int(np.shape(self.train_set[0])[0])

    def _decline(self) -> Weights:
        assert self.privacy is not None
        self._round += 1
        summary = TrainingSummary(dp_budget=self.privacy.budget, error_code=ErrorCodes.DP_BUDGET_EXCEEDED)
        return Weights(copied(self._weights), summary)
