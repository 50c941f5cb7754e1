"""``demo --flower-app``: an app's folder in the place of a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="Flower is not installed")

from colearn_ledger.cli.main import main

from ..conftest import ROOT

LINES = str(ROOT / "tests" / "learners" / "apps" / "numpy_lines")
BY_ERRORS = ["--options", "criterion=squared_errors", "higher_is_better=false"]


@pytest.mark.parametrize("words", [[], ["--joint"]])
def test_demo__flower_app__runs_its_clients_and_leaves_a_record(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = main(["demo", "--flower-app", LINES, *BY_ERRORS, "-n", "3", "-p", "3", "-o", str(tmp_path), *words])
    told = capsys.readouterr()
    assert done == 0, told.err
    assert "numpy-lines: each client has its partition of the app's data; votes are by squared_errors" in told.out
    about = json.loads((tmp_path / "results.json").read_text())["run"]
    assert about["options"]["task"] == "numpy-lines"


@pytest.mark.parametrize(
    "words, says",
    [
        (["--flower-app", "nowhere"], "there is no folder nowhere"),
        (["--flower-app", str(ROOT)], "it is no Flower app"),
        (["--flower-app", LINES], "nobody has said which of them votes are by"),
        (["--flower-app", LINES, "--options", "criterion=squared_errors"], "isn't told"),
        (["--flower-app", LINES, *BY_ERRORS, "seed=1"], "seed among the options"),
        (["--flower-app", LINES, *BY_ERRORS, "criteria=1"], "no option 'criteria'"),
        (["--flower-app", LINES, *BY_ERRORS, "-t", "IRIS"], "--task with --flower-app"),
        (["--flower-app", LINES, *BY_ERRORS, "-l", "0.1"], "--learning-rate with --flower-app"),
        (["--flower-app", LINES, *BY_ERRORS, "-r", "0.5"], "--train-ratio with --flower-app"),
        (["--flower-app", LINES, *BY_ERRORS, "--epochs", "2"], "was given epochs"),
        (["--flower-app", LINES, *BY_ERRORS, "-a", "0.3"], "was given alpha"),
        (["--flower-app", LINES, *BY_ERRORS, "-d", "."], "was given a data folder"),
        (["--flower-app", LINES, *BY_ERRORS, "--epsilon", "1"], "can't be trained with differential privacy"),
        (["--flower-app", LINES, *BY_ERRORS, "--vote-policy", "paired"], "the vote policy paired"),
        (["--options", "a=1"], "--options without --flower-app"),
    ],
)
def test_demo__flower_app_that_cannot_be__is_one_message(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words, "--no-ledger"]) != 0
    told = capsys.readouterr().err
    assert says in told and told.count("error: ") == 1 and "Traceback" not in told
