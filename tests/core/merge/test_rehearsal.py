"""How long a merge takes: measured by its clock, the slowest rule, and counted up where there is much."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from colearn_ledger.core.merge.rehearsal import seconds_to_merge
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import UsageError

TREE = {"w": np.zeros(1000), "n": np.arange(5)}
DATA, SCHEMA = encode(TREE), Schema.of(TREE)


def clock(*seconds: float) -> itertools.accumulate[float]:
    """Each rule looks twice: these seconds pass in between."""
    return itertools.accumulate(itertools.chain.from_iterable((0.0, s) for s in seconds))


def test_seconds_to_merge__several_rules__is_the_slowest_ones() -> None:
    ticks = clock(1.0, 5.0, 2.0)
    assert seconds_to_merge(SCHEMA, DATA, 8, (1, 2, 3), clock=lambda: next(ticks)) == 5.0


def test_seconds_to_merge__more_than_is_merged_to_measure_it__is_counted_up() -> None:
    for rule, times in ((1, 4.0), (3, 16.0)):  # of 2 copies for 8 members; to sort more is dearer for each
        ticks = clock(1.0)
        seconds = seconds_to_merge(SCHEMA, DATA, 8, (rule,), most=2 * len(DATA), clock=lambda t=ticks: next(t))  # type: ignore[misc]
        assert seconds == pytest.approx(times)


def test_seconds_to_merge__by_the_real_clock_and_with_a_rule_of_tomorrow__is_some_time() -> None:
    assert 0 < seconds_to_merge(SCHEMA, DATA, 64, (1, 2, 3, 4, 15)) < 60
    assert seconds_to_merge(SCHEMA, DATA, 3, (15,)) == 0


def test_seconds_to_merge__what_cannot_be_merged__is_a_mistake() -> None:
    tree = {"name": "a text", "w": np.zeros(2)}
    with pytest.raises(UsageError, match="can't be merged"):
        seconds_to_merge(Schema.of(tree), encode(tree), 3, (1,))
