"""What a Flower client's evaluations gave, so that it isn't asked twice for the same weights."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LearnerError
from .flower_client import Port, Tested, as_arrays
from .randomness import seeded
from .template import copied

__all__ = ["KeptTests"]

KEPT = 2  # the current weights' and the last proposal's, which may be the next current ones
TRIALS = 3
_NEAR = 1e-6  # relative: some devices give other last digits each time


@dataclass(frozen=True, slots=True)
class _Kept:
    """A result, the round in which the client was asked, and how often it had trained by then."""

    tested: Tested
    round: int
    trainings: int


class KeptTests:
    """A client's evaluations, kept by the weights' hash and by what the client is told.

    A kept result is only right if the client's evaluation depends on nothing else. It may: a client can keep a part of
    its own that trainings change, draw from a generator of its own, or go by the round. So this is tried: the first
    results that a training lies behind are compared with what the client says now. If one differs, results are kept
    within a round and a training alone, so that the current weights and proposed ones are compared as of one time.
    """

    def __init__(self, port: Port, seed: int) -> None:
        self._port, self._seed = port, seed
        self._kept: dict[tuple[bytes, str], _Kept] = {}
        self._trainings, self._agreed, self._differs = 0, 0, False

    def trained(self) -> None:
        """The client has trained: what it keeps of its own may be another from now on."""
        self._trainings += 1

    def of(self, weights: Any, round: int) -> Tested:
        """What these weights reach, kept or by the client.

        Raises LearnerError: the client's own code fails, or it evaluates on no samples.
        """
        key = _hash(weights), repr(self._port.evaluate_config(round))
        kept = self._kept.pop(key, None)
        if kept is None or not self._is_right(kept, round):
            found = self._evaluated(weights, round)
            if kept is not None and kept.trainings != self._trainings:
                self._compare(kept.tested, found)
            kept = _Kept(found, round, self._trainings)
        self._kept[key] = kept
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return kept.tested

    def _is_right(self, kept: _Kept, round: int) -> bool:
        if self._differs:
            return (kept.trainings, kept.round) == (self._trainings, round)
        return kept.trainings == self._trainings or self._agreed >= TRIALS

    def _compare(self, kept: Tested, found: Tested) -> None:
        same = kept.samples == found.samples and kept.metrics.keys() == found.metrics.keys()
        if same and all(_near(kept.metrics[name], found.metrics[name]) for name in kept.metrics):
            self._agreed += 1
        else:
            self._differs = True

    def _evaluated(self, weights: Any, round: int) -> Tested:
        with seeded(self._seed, 0):  # the same samples each time, if the client draws them
            found = self._port.evaluate(copied(weights), round)
        if found.samples < 1:
            raise LearnerError(
                f"the Flower client has evaluated weights on {found.samples} samples",
                expected="a validation set: what a member votes by",
                fix="implement evaluate, and have it tell on how many samples it did it",
            )
        return found


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_NEAR) or (math.isnan(one) and math.isnan(other))


def _hash(weights: Any) -> bytes:
    """Of weights of one schema; only bytes may be of another length."""
    sha = hashlib.sha256()
    for array in as_arrays(weights):
        sha.update(array.size.to_bytes(8, "little"))
        sha.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return sha.digest()
