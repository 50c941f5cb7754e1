"""Learners that hand back, raise and leave behind what no node should be hurt by; each round does one odd thing."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.errors import DataError
from tests.kit.learners import LinearLearner

__all__ = ["ODD_ERRORS", "ODD_RESULTS", "Odd"]


class Mine:
    """Of a class that only the learner's process knows."""


class MyDataError(DataError):
    """An error of the project's tree, by a class of the learner's own; made without what the base is made of."""

    def __init__(self) -> None:
        Exception.__init__(self, "the disk is gone")


class MyTest(ProposedWeights):
    """A judgement of one's own class."""


class Textless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _deep() -> list[Any]:
    nested: list[Any] = []
    nested.append(nested)
    return nested


ODD_RESULTS: dict[str, Any] = {
    "fine": 1,
    "numpy": np.float32(0.5),
    "array without shape": np.array(7),
    "nan": math.nan,
    "list": [1, "a", None, {"b": (True,)}],
    "mine": Mine(),
    "lock": threading.Lock(),
    "array": np.zeros(3),
    "cycle": _deep(),
    "huge": 10**5000,
    "bytes": b"x",
    "half": "a \ud800 surrogate",
}


def _textless() -> NoReturn:
    raise Textless


def _own() -> NoReturn:
    raise MyDataError


def _leave() -> NoReturn:
    sys.exit(3)


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


ODD_ERRORS = {1: _textless, 2: _own, 3: _leave, 4: _interrupt}


class Odd(LinearLearner):
    """Trains oddly by the round's number. ``folder``: where it writes the ids of processes that it has started."""

    def __init__(self, folder: str) -> None:
        super().__init__(0)
        self._folder = Path(folder)
        self._children: list[Any] = []

    def mli_propose_weights(self) -> Weights:
        odd: Any = ODD_ERRORS.get(self._round) or {
            10: self._fork_and_die,
            11: self._start_processes,
            12: self._fork_and_come_back,
            13: self._speak_out_of_turn,
        }.get(self._round)
        if odd is not None:
            odd()
        return super().mli_propose_weights()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        test = super().mli_test_weights(weights)
        return MyTest(
            weights,
            {"mse": np.float64(test.vote_score), "other": Mine()},
            test.test_score,
            vote=bool(test.vote),
            criterion="mse",
            current_score=test.current_score,
            evaluation_results=dict(ODD_RESULTS),
        )

    def _fork(self) -> bool:
        """Whether this is the child."""
        child = os.fork()
        if child:
            self._children.append(child)
            (self._folder / f"child-{child}").touch()
        return child == 0

    def _fork_and_die(self) -> None:
        if self._fork():
            time.sleep(600)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)

    def _start_processes(self) -> None:
        if self._fork():
            time.sleep(600)
            os._exit(0)
        for own_session in (False, True):
            started = subprocess.Popen(
                [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=own_session
            )
            self._children.append(started)
            (self._folder / f"child-{started.pid}{'-away' if own_session else ''}").touch()

    def _fork_and_come_back(self) -> None:
        if not self._fork():
            os.waitpid(self._children[-1], 0)

    def _speak_out_of_turn(self) -> None:
        """Writes to every channel that it finds."""
        for number in range(3, 1024):
            try:
                os.write(number, b"\xff\xff\xff\xff hello")
            except OSError:
                continue


class Shows(Odd):
    """Odd in what it shows alone."""

    def mli_propose_weights(self) -> Weights:
        return LinearLearner.mli_propose_weights(self)


class Stops(LinearLearner):
    """Is stopped in the middle of adopting, as often as there are files ``stop-…`` in ``folder``."""

    def __init__(self, folder: str) -> None:
        super().__init__(0)
        self._folder = Path(folder)

    def mli_accept_weights(self, weights: Weights) -> None:
        for file in self._folder.glob("stop-*"):
            file.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        super().mli_accept_weights(weights)


class Brittle(LinearLearner):
    """Its process ends of testing any weights but its own, as by a fault in compiled code."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        if not np.array_equal(weights.weights["w"], self._w):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().mli_test_weights(weights)


def make_brittle() -> Brittle:
    return Brittle(1)


def make(folder: str) -> Odd:
    return Odd(folder)


def make_shows(folder: str) -> Shows:
    return Shows(folder)


def make_stops(folder: str) -> Stops:
    return Stops(folder)


def make_parent(folder: str) -> Odd:
    """One that has started processes already."""
    learner = Odd(folder)
    learner._start_processes()
    return learner


def make_and_exit(code: int) -> NoReturn:
    sys.exit(code)


def make_and_vanish(code: int) -> NoReturn:
    os._exit(code)


def make_and_leave_threads(seconds: float = 600) -> NoReturn:
    threading.Thread(target=time.sleep, args=[seconds]).start()
    raise Textless


def make_interrupted() -> NoReturn:
    raise KeyboardInterrupt


class Unscored(LinearLearner):
    """Its score is no number, as the AUC of one class."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, math.nan, math.nan, vote=False, current_score=math.nan)


def make_unscored() -> Unscored:
    return Unscored(0)


def make_one_class() -> Any:
    from sklearn.linear_model import SGDClassifier

    from colearn_ledger.learners.sklearn import SklearnLearner

    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    return SklearnLearner(SGDClassifier(), (x, y), (x[::2], y[::2]), (x, y))
