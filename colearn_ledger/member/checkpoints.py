"""Checkpoints of a training that runs for long: one file, from which a member that was restarted goes on.

The file is the member's own and never leaves its machine. It begins with the SHA-256 of the rest and a line of JSON
that says which training it is of: the round, the parent, and how the learner is made. Then comes the learner's state,
as weights are encoded: never a pickle. It is whole or not there, and there is at most one beside the one that is
written; what can't be used is renamed, once, for whoever wants to see why.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.weights import decode, encode
from ..errors import InvalidWeights
from ..formats.files import whole_file

__all__ = ["Checkpoints", "TrainingId"]

Tell = Callable[[str, bool], None]

_MOST_SHARE = 20  # of the time: a save that takes a second is at least so many seconds after the one before
_MAX_HEADER = 1 << 24  # bytes: optimizers have more arrays than weights have
_MOST_LINE = 4096  # bytes


@dataclass(frozen=True, slots=True)
class TrainingId:
    """Which training: ``joint``: it is for the rounds from this one on, until weights are accepted."""

    round: int
    parent: bytes
    joint: bool


class Checkpoints:
    """The one file, and the training that it is of.

    Parameters
    ----------
    path: the file; its folder is made when something is written.
    every_s: seconds between two checkpoints.
    learner: a text that says how the learner is made: what another one has saved is no use.
    tell: called with what a person should know, and whether something is wrong.
    clock: seconds that never go back.
    """

    def __init__(
        self, path: Path, *, every_s: float, learner: str, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path, self.every_s, self._learner, self._tell, self._now = path, every_s, learner, tell, clock
        self._told: set[str] = set()
        for left in path.parent.glob(f".{path.name}.*"):  # by a process that was killed as it wrote
            with contextlib.suppress(OSError):
                left.unlink()

    def of(self, training: TrainingId) -> _OneTraining:
        """Where this training is kept. What is there of another one goes."""
        self._drop_unless(lambda kept: kept == training)
        return _OneTraining(self, training, self._now)

    def adopted(self, parent: bytes) -> None:
        """These are the accepted weights: a training from others is over."""
        self._drop_unless(lambda kept: kept.parent == parent)

    def votes_in(self, round: int) -> None:
        """This round is voted on: a training for a solo round before it is over."""
        self._drop_unless(lambda kept: kept.joint or kept.round >= round)

    def load(self, training: TrainingId) -> Any:
        """What was saved of it; None where that can't be used, which is told."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            self._tell(f"the checkpoint {self.path} can't be read: {e.strerror or e}", True)
            return None
        start = data.find(b"\n") + 1
        end = data.find(b"\n", start) + 1
        view = memoryview(data)  # it may be large
        if hashlib.sha256(view[start:]).hexdigest().encode() + b"\n" != data[:start]:
            self.put_aside("it is damaged")
            return None
        line = data[start:end]
        if _parsed(line) != training:  # it was dropped, if that could be
            return None
        if json.loads(line)["learner"] != self._learner:
            self.put_aside("the learner's code, factory or options have changed since")
            return None
        try:
            return decode(view[end:], max_header=_MAX_HEADER)
        except InvalidWeights as e:
            self.put_aside(f"it can't be read: {e.what}")
            return None

    def save(self, training: TrainingId, state: Any) -> bool:
        """Write it down; whether that was possible. What stands in the way is told, once."""
        try:
            line = json.dumps(_described(training) | {"learner": self._learner}).encode() + b"\n"
            data = encode(state, max_header=_MAX_HEADER)
            digest = hashlib.sha256(line)
            digest.update(data)
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole_file(self.path, mode=0o600) as file:
                for part in (digest.hexdigest().encode() + b"\n", line, data):
                    file.write(part)
        except (OSError, InvalidWeights) as e:
            why = e.what if isinstance(e, InvalidWeights) else f"{e.filename or self.path}: {e.strerror or e}"
            self.tell_once(f"no checkpoint of the training can be written: {why}")
            return False
        return True

    def put_aside(self, why: str) -> None:
        """It can't be used: rename it, and say so."""
        aside = self.path.with_name(f"{self.path.name}.unusable")
        try:
            self.path.replace(aside)
        except OSError as e:
            self._tell(f"the checkpoint of the training can't be used: {why}; nor renamed: {e.strerror or e}", True)
            return
        self._tell(f"the checkpoint of the training can't be used: {why}; it is {aside} now, and nobody needs it", True)

    def tell_once(self, text: str) -> None:
        """Something is wrong, and stays so."""
        if text not in self._told:
            self._told.add(text)
            self._tell(text, True)

    def tell(self, text: str) -> None:
        """For people."""
        self._tell(text, False)

    def _drop_unless(self, wanted: Callable[[TrainingId], bool]) -> None:
        try:
            with self.path.open("rb") as file:
                file.readline(_MOST_LINE)
                kept = _parsed(file.readline(_MOST_LINE))
        except OSError:
            return
        if kept is None or wanted(kept):
            return  # a damaged one is put aside by who wants it
        try:
            self.path.unlink(missing_ok=True)
        except OSError as e:
            self.tell_once(f"the checkpoint {self.path} can't be removed: {e.strerror or e}")
            return
        self._tell(f"the checkpoint of round {kept.round}'s training is no use any more, and was removed", False)


class _OneTraining:
    """The checkpoint of one training: see :class:`~colearn_ledger.core.learner.Checkpoint`."""

    def __init__(self, kept: Checkpoints, training: TrainingId, clock: Callable[[], float]) -> None:
        self._kept, self._training, self._now = kept, training, clock
        self._next = clock() + kept.every_s

    @property
    def due(self) -> bool:
        return self._now() >= self._next

    def load(self) -> Any:
        state = self._kept.load(self._training)
        if state is not None:
            self._kept.tell("the training goes on from its checkpoint")
        return state

    def save(self, state: Any) -> None:
        start = self._now()
        self._kept.save(self._training, state)
        end = self._now()
        self._next = end + max(self._kept.every_s, _MOST_SHARE * (end - start))

    def put_aside(self, why: str) -> None:
        self._kept.put_aside(why)

    def decline(self, why: str) -> None:
        self._kept.tell_once(f"trainings have no checkpoints: {why}")


def _described(training: TrainingId) -> dict[str, Any]:
    return {"round": training.round, "parent": training.parent.hex(), "joint": training.joint}


def _parsed(line: bytes) -> TrainingId | None:
    """Which training a file's second line is of; None: it is no such line."""
    try:
        told = json.loads(line)
        return TrainingId(int(told["round"]), bytes.fromhex(told["parent"]), bool(told["joint"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
