"""The README's example runs, on both backends, with the same outcome."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from colearn_ledger import EmbeddedLedger, InProcess, run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_learner.py"


@pytest.mark.slow
def test_own_learner__few_rounds__same_bytes_on_both_backends() -> None:
    learner = runpy.run_path(str(EXAMPLE))["LineLearner"]
    finals = [
        run(4, [learner(seed) for seed in range(3)], backend=backend).final_sha256
        for backend in (InProcess(), EmbeddedLedger())
    ]
    assert finals[0] == finals[1]


@pytest.mark.slow
def test_own_learner__both_backends__same_line_and_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" [")[0] for line in lines] == ["in-process", "embedded ledger"]
    assert lines[0].partition("[")[2] == lines[1].partition("[")[2]
    slope, offset = map(float, lines[0].partition("[")[2].partition("]")[0].split())
    assert slope == pytest.approx(2, abs=0.1)
    assert offset == pytest.approx(1, abs=0.1)


def test_own_learner__class__under_thirty_lines() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(text.partition("# [learner]\n")[2].partition("# [run]")[0].strip().splitlines()) < 30
