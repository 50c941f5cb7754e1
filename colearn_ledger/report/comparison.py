"""A comparison as text, as CSV and as a JSON record."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from ..baselines.comparison import ALONE, Comparison, Line
from .columns import Column, columns
from .files import write_report

__all__ = ["FORMAT", "comparison_csv", "comparison_lines", "line_told", "write_record"]

FORMAT = "colearn-comparison-1"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The final scores: a table of the ways to learn, and one of the learners' own test sets."""
    steps, unit = comparison.steps or 1, "steps" if comparison.steps else "trainings"
    yield f"after {comparison.rounds} rounds{f'; a training is {steps} steps' if comparison.steps else ''}"
    known = [
        Column("mean test score"),
        *(Column(name, right=True) for name in ("everybody's data", "own data", "the worst own", "accepted")),
        *(Column(f"{unit} {name}", right=True) for name in ("in a row", "in all")),
    ]
    rows = []
    for line in comparison.lines:
        last = line.scores[-1]
        accepted = "" if line.accepted is None else f"{line.accepted} of {comparison.rounds}"
        own = [score for score in last.own if not math.isnan(score)] or [math.nan]
        scores = (_told(fmean(last.everybody)), _told(fmean(own)), _told(min(own)))
        rows.append((line.name, *scores, accepted, f"{steps * line.in_a_row:,}", f"{steps * line.trainings:,}"))
    yield from columns(known, rows)
    yield ""
    alone = comparison.line(ALONE).scores[-1].everybody
    known = [
        Column("on its own test data"),
        *(Column(line.name, right=True) for line in comparison.lines),
        Column("alone, on everybody's", right=True),
    ]
    ends = [line.scores[-1].own for line in comparison.lines]
    yield from columns(
        known,
        [(name, *(_told(scores[i]) for scores in ends), _told(alone[i])) for i, name in enumerate(comparison.names)],
    )


def line_told(line: Line) -> str:
    """One line's end, as soon as it is there."""
    return f"{line.name}: {_told(fmean(line.scores[-1].everybody))} ({line.seconds:.1f} s)"


def comparison_csv(comparison: Comparison) -> str:
    """A row for each way to learn, round and learner; empty where a learner could not be tested."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["way", "round", "learner", "everybody", "own"])
    for line in comparison.lines:
        for number, scores in enumerate(line.scores):
            for name, *told in zip(comparison.names, scores.everybody, scores.own, strict=True):
                writer.writerow([line.name, number, name, *("" if math.isnan(x) else x for x in told)])
    return out.getvalue()


def write_record(comparison: Comparison, path: Path, about: Mapping[str, Any]) -> None:
    """Write it as JSON, and under ``run`` what else is worth keeping. Raises StoreError when it can't be written."""
    record = {
        "format": FORMAT,
        "names": list(comparison.names),
        "rounds": comparison.rounds,
        "threshold": comparison.threshold,
        "steps_per_training": comparison.steps,
        "lines": [_line(line) for line in comparison.lines],
        "run": dict(about),
    }
    write_report(path, json.dumps(record, indent=2, allow_nan=False) + "\n")


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "accepted": line.accepted,
        "trainings_in_a_row": line.in_a_row,
        "trainings": line.trainings,
        "seconds": line.seconds,
        "everybody": [list(map(_number, scores.everybody)) for scores in line.scores],
        "own": [list(map(_number, scores.own)) for scores in line.scores],
    }


def _number(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _told(score: float) -> str:
    return "" if math.isnan(score) else f"{score:.4f}"
