"""Learning-rate schedules that go on over the rounds, though each training has a new optimizer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

__all__ = ["Schedule"]


class _GoingOn(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Another schedule, as it is after so many steps."""

    def __init__(self, inner: Any, kind: str) -> None:
        self.inner = inner
        self.before = keras.Variable(0, dtype=kind, trainable=False, name="steps_before")

    def __call__(self, step: Any) -> Any:
        return self.inner(keras.ops.cast(step, self.before.dtype) + self.before)

    def get_config(self) -> dict[str, Any]:
        return {"inner": self.inner}


class Schedule:
    """The schedule of a compiled model's optimizer, if it has one.

    Momenta and a step's number start anew in each training: the weights, the seed and the round fix it. What the
    schedule counts are the steps of all rounds before, whoever has trained in them.
    """

    def __init__(self, model: keras.Model) -> None:
        optimizer = model.optimizer
        self._optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        inner = getattr(self._optimizer, "_learning_rate", None)
        self._going_on: _GoingOn | None = None
        if isinstance(inner, keras.optimizers.schedules.LearningRateSchedule):
            self._going_on = _GoingOn(inner, str(self._optimizer.iterations.dtype))
            self._optimizer.learning_rate = self._going_on
            if model.train_function is not None:  # what was compiled before has the other one
                model.make_train_function(force=True)

    def begin(self, steps_before: int) -> None:
        if self._going_on is not None:
            self._going_on.before.assign(steps_before)

    @contextlib.contextmanager
    def as_given(self) -> Iterator[None]:
        """The optimizer has the user's own schedule meanwhile."""
        if self._going_on is None:
            yield
            return
        self._optimizer.learning_rate = self._going_on.inner
        try:
            yield
        finally:
            self._optimizer.learning_rate = self._going_on
