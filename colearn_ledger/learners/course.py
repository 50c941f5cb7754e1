"""How far a training has come, and what it has found: in memory, and in the checkpoint from which it goes on."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ..core.learner import Checkpoint

__all__ = ["Course", "UnusableCheckpoint"]

_COUNTED = ("done", "samples", "worse", "best")


class UnusableCheckpoint(Exception):
    """What was saved is of another training than this one; the text says in what."""


class Course:
    """One training.

    Parameters
    ----------
    checkpoint: where it is kept; None: nowhere.
    made: what of the learner a training depends on. One that was begun by a learner made otherwise isn't gone on with.

    Attributes
    ----------
    done, samples: steps that are done, and the samples that they have used.
    kept, own, best, worse: with early stopping the best weights that a check saw, with what stays with the learner, its
        score, and how many checks in a row were no better.
    goes_on: whether the adapter asks for the checkpoint (:meth:`.TemplateLearner.going_on`): what it wouldn't go on
        from needn't be saved.
    """

    def __init__(self, checkpoint: Checkpoint | None = None, made: dict[str, Any] | None = None) -> None:
        self._checkpoint, self._made = checkpoint, json.dumps(made, sort_keys=True)
        self.done = self.samples = self.worse = 0
        self.best = -math.inf
        self.kept: Any = None
        self.own: Any = None
        self.goes_on = False

    @property
    def kept_somewhere(self) -> bool:
        """Whether there is a place for checkpoints of it."""
        return self._checkpoint is not None

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._checkpoint is not None and self.goes_on and self._checkpoint.due

    def save(self, state: Any, generator: Any) -> None:
        """``state``: the model's, a tree as weights are; ``generator``: the state of numpy's, for the next step."""
        assert self._checkpoint is not None, "it is due"
        counted = json.dumps({name: getattr(self, name) for name in _COUNTED})
        kept = {} if self.kept is None else {"kept": self.kept, "own": self.own}
        tree = {"made": self._made, "counted": counted, "generator": json.dumps(generator), "state": state, **kept}
        self._checkpoint.save(tree)

    def load(self, rng: np.random.Generator) -> Any:
        """The model's state in the checkpoint; this and ``rng`` are then as they were. None: there is no checkpoint.

        Raises UnusableCheckpoint for another training's; then nothing is as it was.
        """
        self.goes_on = True
        saved = None if self._checkpoint is None else self._checkpoint.load()
        if saved is None:
            return None
        if saved["made"] != self._made:
            raise UnusableCheckpoint(f"the learner was made otherwise: {_changed(saved['made'], self._made)}")
        for name, value in json.loads(saved["counted"]).items():
            setattr(self, name, value)
        self.kept, self.own = saved.get("kept"), saved.get("own")
        rng.bit_generator.state = json.loads(saved["generator"])
        return saved["state"]

    def put_aside(self, why: str) -> None:
        """What was saved can't be gone on with."""
        assert self._checkpoint is not None, "it had something"
        self._checkpoint.put_aside(why)


def _changed(before: str, now: str) -> str:
    """What differs, for people."""
    old, new = json.loads(before), json.loads(now)
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return ", ".join(f"{name} was {old.get(name)!r} and is {new.get(name)!r}" for name in names)[:300]
