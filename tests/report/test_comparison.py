"""A comparison as a table, CSV, JSON and a picture."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from colearn_ledger.baselines.comparison import ALONE, FEDERATED, JOINT, SOLO, Comparison, Line, Scores
from colearn_ledger.errors import StoreError
from colearn_ledger.report.comparison import comparison_csv, comparison_lines, line_told, write_record
from colearn_ledger.report.comparison_plot import plot_comparison

START = Scores((0.25, 0.25), (0.125, 0.375))


def comparison(steps: int | None = 60) -> Comparison:
    ends = {
        ALONE: Scores((0.5, 0.75), (0.875, 1.0)),
        SOLO: Scores((0.5, 0.5), (0.75, math.nan)),
        JOINT: Scores((0.875, 0.875), (0.8125, 0.9375)),
        FEDERATED: Scores((0.75, 0.75), (0.5, 1.0)),
    }
    trained = {ALONE: (10, 20), SOLO: (10, 10), JOINT: (8, 16), FEDERATED: (10, 20)}
    accepted = {SOLO: 3, JOINT: 7}
    lines = [Line(name, (START, *[end] * 10), accepted.get(name), *trained[name], 1.5) for name, end in ends.items()]
    return Comparison(("ann", "bob"), 10, "1/2", steps, tuple(lines))


def test_lines__all__have_scores_acceptances_and_steps() -> None:
    title, header, *ways = list(comparison_lines(comparison()))[:6]
    assert title == "after 10 rounds; a training is 60 steps"
    assert header.split("  ")[0] == "mean test score"
    cells = [line[len(FEDERATED) :].split() for line in ways]
    assert cells == [
        ["0.6250", "0.9375", "0.8750", "600", "1,200"],
        ["0.5000", "0.7500", "0.7500", "3", "of", "10", "600", "600"],
        ["0.8750", "0.8750", "0.8125", "7", "of", "10", "480", "960"],
        ["0.7500", "0.7500", "0.5000", "600", "1,200"],
    ]


def test_lines__learners__have_what_each_way_is_worth_to_them() -> None:
    ann, bob = list(comparison_lines(comparison()))[-2:]
    assert ann.split() == ["ann", "0.8750", "0.7500", "0.8125", "0.5000", "0.5000"]
    assert bob.split() == ["bob", "1.0000", "0.9375", "1.0000", "0.7500"]  # solo's weights could not be tested


def test_lines__steps_that_nobody_tells__are_trainings() -> None:
    title, header, alone = list(comparison_lines(comparison(None)))[:3]
    assert title == "after 10 rounds"
    assert header.endswith("trainings in a row  trainings in all") and alone.split()[-2:] == ["10", "20"]


def test_line_told__one__says_its_score_and_time() -> None:
    assert line_told(comparison().line(JOINT)) == "collective, joint: 0.8750 (1.5 s)"


def test_csv__rows__are_ways_rounds_and_learners() -> None:
    rows = list(csv.DictReader(comparison_csv(comparison()).splitlines()))
    assert len(rows) == 4 * 11 * 2
    assert rows[0] == {"way": ALONE, "round": "0", "learner": "ann", "everybody": "0.25", "own": "0.125"}
    (untested,) = [row for row in rows if (row["way"], row["round"], row["learner"]) == (SOLO, "10", "bob")]
    assert (untested["everybody"], untested["own"]) == ("0.5", "")


def test_record__json__has_everything(tmp_path: Path) -> None:
    write_record(comparison(), tmp_path / "c.json", {"command": "demo"})
    record = json.loads((tmp_path / "c.json").read_text())
    assert record["format"] == "colearn-comparison-1" and record["run"] == {"command": "demo"}
    solo = record["lines"][1]
    assert (solo["name"], solo["accepted"], solo["trainings_in_a_row"], solo["trainings"]) == (SOLO, 3, 10, 10)
    assert solo["own"][0] == [0.125, 0.375] and solo["own"][-1] == [0.75, None]


@pytest.mark.slow
def test_plot__picture__names_every_way(tmp_path: Path) -> None:
    plot_comparison(comparison(), tmp_path / "c.svg", "a title", "accuracy")
    plot_comparison(comparison(), tmp_path / "c.png", "a title", "accuracy")
    text = (tmp_path / "c.svg").read_text()
    for said in (
        "each alone, in the mean (thin: each): 0.625",
        "collective, joint: 0.875 (7 of 10 rounds accepted)",
        "federated averaging: 0.750",
        "test score (accuracy)",
        "a title",
    ):
        assert f"<!-- {said} -->" in text
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(StoreError):
        plot_comparison(comparison(), tmp_path / "nowhere" / "c.png", "a title", "accuracy")
