"""What one approved proposal could do to a learner: each leaf of good weights at its extremes, and training on.

A leaf that no score shows is adopted whatever it holds. If training can't go on from there, its author should say so:
``leaf_roles`` keeps such a leaf from being changed, or within what one round can add.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import ColearnError, InvalidWeights
from .asking import ask_accept, ask_judge, ask_propose
from .learner import Learner, Weights
from .lineage import check_lineage, kept_within
from .schema import Schema
from .summaries import CHANGES_NOTHING
from .tensors import plain
from .tree import shown, with_parts
from .weights import decode, encode, parts_of_data

__all__ = ["extremes", "findings"]

GOOD_WITHIN = 5  # trainings
MOST_TRAININGS = 200
STANDSTILL = 1e-3  # of a usual training's step


def findings(learner: Learner, schema: Schema, before: bytes) -> Iterator[str]:
    """A sentence for each leaf whose extremes the learner approves, and from which its training doesn't go on.

    The learner holds ``before``, and has it again after each.
    """
    probe = _Probe(learner, schema, before)
    usual = probe.step_from(probe.good)
    if usual is None:
        return
    parts = parts_of_data(probe.good)
    places: list[tuple[str, dict[str, Any]]] = [
        (shown(path), {path: value}) for path, value in parts.items() if path not in schema.local
    ]
    free = dict.fromkeys(path for path, _ in schema.roles)
    floats = {p: v for p, v in parts.items() if p not in free and np.asarray(v).dtype.kind == "f"}
    if len(floats) > 1:
        places.append(("everything", floats))
    for where, held in places:
        for what in _CHANGES:
            if probe.trainings >= MOST_TRAININGS:
                yield f"the extremes of the weights were tried as far as {where} only, which took long enough"
                return
            said = probe.tried({path: extremes(value).get(what) for path, value in held.items()}, usual)
            if said:
                yield f"{where} of the weights, {what}: the learner approves it, and then {said}. {_FIX}"
                break


_FIX = "Declare it in leaf_roles, as Bounded(what one training adds) or 'local'; or vote by what shows it, as the loss"


class _Probe:
    def __init__(self, learner: Learner, schema: Schema, before: bytes) -> None:
        self.learner, self.schema, self.before = learner, schema, before
        self.trainings = 0
        # A bad leaf comes with good weights, if there are any: by itself it may be seen to change nothing.
        proposals = (self.proposal(round) for round in range(1, 1 + GOOD_WITHIN))
        self.good = next((data for data in proposals if self.approves(data)), before)

    def proposal(self, round: int) -> bytes:
        tree = self.schema.fit(plain(ask_propose(self.learner, round).weights))
        return encode(kept_within(self.schema, tree, self.before))

    def approves(self, data: bytes) -> bool:
        """Whether it votes for them, or would if anything else in them were better."""
        try:
            judged = ask_judge(self.learner, Weights(decode(data, self.schema)))
        except InvalidWeights:  # also what can't be tested, where the current weights can
            return False
        return judged.vote is True or getattr(judged.record, "reason", "") == CHANGES_NOTHING

    def tried(self, values: dict[str, Any], usual: float) -> str:
        """What comes of it if good weights have these values; empty where nothing does."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # of overflows, which are what is asked for
            warnings.simplefilter("ignore")
            return self._tried(values, usual)

    def _tried(self, values: dict[str, Any], usual: float) -> str:
        values = {path: value for path, value in values.items() if value is not None}
        if not values:
            return ""
        tree = with_parts(decode(self.good), values)
        try:
            tree = kept_within(self.schema, tree, self.before)
            check_lineage(self.schema, tree, self.before)
            data = encode(tree)
        except InvalidWeights:
            return ""
        if data == self.good or not self.approves(data):
            return ""
        try:
            step = self.step_from(data, apart_from=tuple(values))
        except Exception as error:
            what = error.what if isinstance(error, ColearnError) else error
            return f"no training works any more ({type(error).__name__}: {str(what)[:120]})"
        if step is None or step < STANDSTILL * usual:
            return "trainings change nothing any more"
        return ""

    def step_from(self, data: bytes, apart_from: tuple[str, ...] = ()) -> float | None:
        """How far a training goes from these weights, without some leaves; None where it makes no proposal."""
        self.trainings += 1
        tree = decode(data)
        try:
            ask_accept(self.learner, Weights(decode(data)), schema=self.schema)
            proposed = ask_propose(self.learner, 2)
            if getattr(proposed.training_summary, "error_code", None) is not None:
                return None
            after = parts_of_data(encode(self.schema.fit(plain(proposed.weights))))
        finally:
            ask_accept(self.learner, Weights(decode(self.before)), schema=self.schema)
        before = parts_of_data(encode(tree))
        held = {path for path, _ in self.schema.roles}
        asked = [p for p in after if p not in held] or list(after)
        if set(asked) > set(apart_from):
            asked = [p for p in asked if p not in apart_from]
        return float(sum(_distance(before[path], after[path]) for path in asked))


def _distance(a: Any, b: Any) -> float:
    if isinstance(a, np.ndarray) and a.dtype.kind in "iuf" and a.shape == b.shape:
        with np.errstate(over="ignore"):
            return float(np.linalg.norm((b.astype(np.float64) - a.astype(np.float64)).reshape(-1)))
    if isinstance(a, int | float) and not isinstance(a, bool):
        return abs(float(b) - float(a))
    return float(not np.array_equal(a, b))


def extremes(value: Any) -> dict[str, Any]:
    """A leaf's extreme values, by what they are called; empty for what is no number."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size == 0 or isinstance(value, bool):
        return {}
    found: dict[str, Any] = {}
    for name, change in _CHANGES.items():
        with contextlib.suppress(OverflowError), np.errstate(all="ignore"):
            new = np.asarray(change(array)).astype(array.dtype)
            if np.isfinite(new).all() and not np.array_equal(new, array):
                found[name] = new if isinstance(value, np.ndarray) else new.item()
    return found


def _limits(dtype: np.dtype[Any]) -> Any:
    return np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)


def _larger(array: np.ndarray[Any, Any]) -> Any:
    """As many times as large as its dtype allows."""
    largest = float(np.abs(array.astype(np.float64)).max())
    if array.dtype.kind != "f":
        return array * array.dtype.type(max(1.0, _limits(array.dtype).max / 2 / max(1.0, largest)))
    return array * array.dtype.type(np.sqrt(float(_limits(array.dtype).max)) / max(1.0, largest))


_CHANGES: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "as large as it can be": lambda a: np.full(a.shape, _limits(a.dtype).max),
    "as small as it can be": lambda a: np.full(a.shape, _limits(a.dtype).min),
    "at 0": np.zeros_like,
    "at -1": lambda a: np.full(a.shape, -1, a.dtype if a.dtype.kind != "u" else np.int64),
    "next to nothing": lambda a: np.full(a.shape, np.finfo(a.dtype).tiny if a.dtype.kind == "f" else 1),
    "many times as large": _larger,
    "in another order": lambda a: np.flip(a),
}
