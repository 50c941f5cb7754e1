"""A training that is broken off and gone on with by another learner, made as the first was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import TrainingStopped

__all__ = ["InMemory", "assert_goes_on", "broken_off"]


@dataclass
class InMemory:
    """The checkpoint of one training, as bytes; time for one after each step."""

    due: bool = True
    data: bytes | None = None
    said: list[str] = field(default_factory=list)

    def load(self) -> Any:
        return None if self.data is None else decode(self.data, max_header=1 << 24)

    def save(self, state: Any) -> None:
        self.data = encode(state, max_header=1 << 24)

    def put_aside(self, why: str) -> None:
        self.said.append(why)
        self.data = None

    def decline(self, why: str) -> None:
        self.said.append(why)


def broken_off(learner: Any, steps: int, round: int = 2) -> InMemory:
    """What is left of a training that ends, as by a kill, in the step after so many."""
    kept = InMemory()
    learner.mli_begin_round(round)
    learner.mli_set_checkpoint(kept)
    learner.mli_set_pause(lambda done=0, of=0: done <= steps)
    with pytest.raises(TrainingStopped):
        learner.mli_propose_weights()
    return kept


def assert_goes_on(make: Callable[[], Any], steps: int = 3, round: int = 2) -> None:
    """Another learner does the other steps alone, and proposes the bytes of one that nothing has stopped."""
    whole = make()
    whole.mli_begin_round(round)
    expected = whole.mli_propose_weights()
    kept = broken_off(make(), steps, round)
    assert kept.data is not None and not kept.said
    other, seen = make(), []

    def pause(done: int = 0, of: int = 0) -> bool:
        seen.append(done)
        return True

    other.mli_begin_round(round)
    other.mli_set_pause(pause)
    other.mli_set_checkpoint(kept)
    proposed = other.mli_propose_weights()
    assert seen[0] == steps + 1, "it goes on"
    assert not kept.said
    assert encode(proposed.weights) == encode(expected.weights)
    assert proposed.training_summary == expected.training_summary
    other.mli_set_checkpoint(None)
    whole.mli_set_checkpoint(None)
    assert encode(other.mli_propose_weights().weights) == encode(whole.mli_propose_weights().weights), "the next round"
