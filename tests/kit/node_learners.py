"""Learners of real arithmetic for node processes: made by a factory, as a user's own are."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from colearn_ledger.core.learner import Pause, ProposedWeights, Weights
from colearn_ledger.errors import DataError, TrainingStopped
from tests.kit.learners import FrugalLearner, LinearLearner


def make(index: int, of: int = 0, seed: int = 1, features: int = 4) -> LinearLearner:
    """Learner ``index`` of :func:`tests.kit.learners.linear_learners`."""
    return LinearLearner(index, seed=seed, features=features)


def make_digits() -> Any:
    """A learner of the task SKLEARN_DIGITS."""
    from colearn_ledger.tasks import Training, get_task

    return get_task("SKLEARN_DIGITS").make_learners(2, Training(), seed=0).learners[0]


def make_frugal(index: int, ledger: str, proposals: int = 1) -> FrugalLearner:
    """One whose privacy budget lasts for so many proposals, also when it is made again."""
    return FrugalLearner(index, proposals, ledger=Path(ledger))


class Gated(LinearLearner):
    """Says in ``folder`` what it is doing, and does it when it may: a file ``hold-train`` or ``hold-test`` stops it."""

    def __init__(self, index: int, seed: int, folder: str) -> None:
        super().__init__(index, seed=seed)
        self._folder = Path(folder)

    def mli_propose_weights(self) -> Weights:
        self._gate("train")
        return super().mli_propose_weights()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self._gate("test")
        return super().mli_test_weights(weights)

    def _gate(self, what: str) -> None:
        (self._folder / f"{what}-{self._index}-{os.getpid()}").touch()
        if (self._folder / f"die-{what}-{self._index}").exists():
            os.kill(os.getpid(), 9)
        while (self._folder / f"hold-{what}-{self._index}").exists():
            time.sleep(0.01)


def make_gated(index: int, folder: str, seed: int = 1) -> Gated:
    return Gated(index, seed, folder)


class Patient(LinearLearner):
    """Trains until it is told that nobody waits for it any more."""

    def __init__(self, index: int, folder: str) -> None:
        super().__init__(index, seed=1)
        self._folder = Path(folder)

    def mli_set_pause(self, pause: Pause | None) -> None:
        self._pause = pause

    def mli_propose_weights(self) -> Weights:
        assert self._pause is not None
        (self._folder / "trains").touch()
        while self._pause():
            time.sleep(0.01)
        raise TrainingStopped("nobody waits for it")

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        (self._folder / "tested").touch()
        return super().mli_test_weights(weights)


def make_patient(index: int, folder: str) -> Patient:
    return Patient(index, folder)


class Pausing(Patient):
    """Trains until it has tested something meanwhile."""

    def mli_propose_weights(self) -> Weights:
        assert self._pause is not None
        (self._folder / "trains").touch()
        while not (self._folder / "tested").exists():
            time.sleep(0.01)
            if not self._pause():
                raise TrainingStopped("nobody waits for it")
        return LinearLearner.mli_propose_weights(self)


def make_pausing(index: int, folder: str) -> Pausing:
    return Pausing(index, folder)


def fail() -> None:
    raise RuntimeError("no data today")


def make_nothing() -> object:
    return object()


def have_no_data() -> None:
    raise DataError("there is no folder", fix="make one")


def die() -> None:
    os.kill(os.getpid(), 9)


class Stubborn(Gated):
    """Trains in one call of C code that lets no other thread of its process run."""

    def mli_propose_weights(self) -> Weights:
        self._gate("train")
        sum(range(10**13))
        raise AssertionError("that took days")


def make_stubborn(index: int, folder: str, seed: int = 1) -> Stubborn:
    return Stubborn(index, seed, folder)


def make_talker(index: int) -> LinearLearner:
    print("one\n")
    sys.stdout.flush()
    os.write(1, b"two \xff\n")
    return LinearLearner(index)


class ResourceExhaustedError(Exception):
    """As TensorFlow's is called."""


class Greedy(LinearLearner):
    """Its trainings find too little memory."""

    batch_size = 64

    def __init__(self, index: int, kind: str) -> None:
        super().__init__(index, seed=1)
        self._error = {"MemoryError": MemoryError, "ResourceExhaustedError": ResourceExhaustedError}[kind]

    def mli_propose_weights(self) -> Weights:
        raise self._error("OOM when allocating tensor with shape[64,100000]")


def make_greedy(index: int, kind: str) -> Greedy:
    return Greedy(index, kind)
