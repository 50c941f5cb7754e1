"""Gas: no dearer than the record in benchmarks/gas.json, and within the targets."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from benchmarks.gas import FILE, GETH_FILE, ROUNDS, TARGETS, geth, measure

from ..kit.network import need

# Hundreds of rounds on the tester's chain.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return measure()


def test_gas__every_figure__is_the_recorded_one(figures: dict[str, float]) -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    assert figures.keys() == recorded.keys(), "run `python -m benchmarks.gas --update`"
    # A hash with a zero byte in it is a few gas cheaper as calldata, and account addresses are in the sums.
    changed = {k: (recorded[k], v) for k, v in figures.items() if abs(v - recorded[k]) > 0.0005 * recorded[k]}
    assert not changed, "recorded and measured gas differ; if meant, run `python -m benchmarks.gas --update`"


@pytest.mark.long
def test_gas__on_geth_whose_rules_are_later__is_the_recorded_one() -> None:
    need("geth")
    recorded = json.loads(GETH_FILE.read_text(encoding="utf-8"))
    with geth() as ground:
        measured = measure(ground)
    assert measured.keys() == recorded.keys(), "run `python -m benchmarks.gas --geth --update`"
    changed = {k: (recorded[k], v) for k, v in measured.items() if abs(v - recorded[k]) > 0.0005 * recorded[k]}
    assert not changed, "another release of geth may have other rules; `python -m benchmarks.gas --geth --update`"


@pytest.mark.parametrize("name", TARGETS)
def test_gas__target__is_met(figures: dict[str, float], name: str) -> None:
    assert figures[name] <= TARGETS[name]


@pytest.mark.parametrize("label", ["large", "small"])
@pytest.mark.parametrize("members", [5, 16])
def test_gas__further_rounds__no_dearer(figures: dict[str, float], members: int, label: str) -> None:
    costs = [figures[f"round_{members}_{label}_number_{r}"] for r in range(1, ROUNDS + 1)]
    # Up to the few gas by which calldata differs between hashes (a zero byte costs 12 less).
    assert all(later <= earlier + 100 for earlier, later in pairwise(costs))
