"""A run as a table: a row for each learner in each round."""

from __future__ import annotations

import sys

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.frame import rows_of
from colearn_ledger.errors import UsageError

from ..kit.learners import linear_learners


def test_rows_of__run__say_what_the_records_say() -> None:
    results = run(3, linear_learners(3))
    rows = list(rows_of(results.initial, results.rounds, results.learner_names))
    assert [(row["round"], row["learner"]) for row in rows[:4]] == [
        *((0, f"learner {i}") for i in (1, 2, 3)),
        (1, "learner 1"),
    ]
    assert [row["role"] for row in rows[:6]] == ["none"] * 3 + ["proposer", "voter", "voter"]
    for at, record in enumerate((results.initial, *results.rounds)):
        here = rows[3 * at : 3 * at + 3]
        assert tuple(row["vote"] for row in here) == record.votes
        assert tuple(row["test_score"] for row in here) == record.test_scores
        assert {row["sha256"] for row in here} == {record.weights_sha256}


def test_frame__has_these_rows() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    results = run(2, linear_learners(3))
    frame = results.frame()
    rows = list(rows_of(results.initial, results.rounds, results.learner_names))
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 9
    assert list(frame.columns) == list(rows[0]) and list(frame.test_score) == [row["test_score"] for row in rows]


def test_frame__without_pandas__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    results = run(1, linear_learners(2))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="needs pandas") as caught:
        results.frame()
    assert caught.value.fix == "pip install pandas"
