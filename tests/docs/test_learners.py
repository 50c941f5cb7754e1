"""The pages on learners and votes: what they show runs, and what they count is so."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "learners.md").read_text(encoding="utf-8"), re.DOTALL)
SHARED, EXAMPLES = BLOCKS[0], BLOCKS[1:]


def name_of(code: str) -> str:
    found = re.search(r"(\w+)\(", code.partition("learners = [")[2]) or re.search(r"class (\w+)", code)
    assert found
    return found[1]


@pytest.mark.slow
@pytest.mark.parametrize("code", [pytest.param(code, id=name_of(code)) for code in EXAMPLES])
def test_learners_page__example__runs_and_learns(code: str) -> None:
    if "keras" in code:
        import colearn_ledger.tasks.keras_env  # noqa: F401  (TensorFlow's settings, before it is imported)
    for package in ("torch", "lightning", "transformers", "flwr"):
        if f"import {package}" in code or f"from {package}." in code:
            pytest.importorskip(package, reason=f"{package} is not installed")
    names: dict[str, Any] = {}
    exec(SHARED + code, names)
    results = names["results"]
    last = next(r for r in reversed((results.initial, *results.rounds)) if r.accepted)
    assert np.mean(last.test_scores) > 0.8 > np.mean(results.initial.test_scores)


def test_learners_page__every_learner__has_an_example() -> None:
    assert {name_of(code) for code in EXAMPLES} >= {
        "KerasLearner",
        "TorchLearner",
        "LightningLearner",
        "TrainerLearner",
        "FlowerLearner",
        "SklearnLearner",
        "ForestLearner",
        "XGBoostLearner",
    }


def test_voting_page__standard_errors__are_these() -> None:
    rows = (DOCS / "voting.md").read_text(encoding="utf-8").partition("<!-- standard errors -->\n")[2].splitlines()[2:9]
    for row in rows:
        n, *shown = (cell.strip().replace(",", "") for cell in row.strip("|").split("|"))
        spread = math.sqrt(0.1 / int(n))
        assert shown == [f"{value:.4f}" for value in (math.sqrt(0.09 / int(n)), spread, 1.645 * spread)]
