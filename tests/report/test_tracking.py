"""A run handed on to MLflow and TensorBoard, by stand-ins that take what the libraries take."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.results import Results
from colearn_ledger.errors import StoreError, UsageError
from colearn_ledger.report.tracking import check_installed, metrics_by_round, write_mlflow, write_tensorboard

from ..kit.learners import linear_learners


class MlflowError(Exception):
    """As MLflow's own."""


class Mlflow:
    """Takes a run; ``full`` takes none."""

    exceptions = SimpleNamespace(MlflowException=MlflowError)

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.experiment, self.model = "", ""
        self.params: dict[str, str] = {}
        self.steps: dict[int, dict[str, float]] = {}

    def set_experiment(self, name: str) -> None:
        if self.full:
            raise MlflowError("no room\nfor anything")
        self.experiment = name

    @contextlib.contextmanager
    def start_run(self) -> Iterator[Any]:
        yield SimpleNamespace(info=SimpleNamespace(run_id="id"))

    def log_params(self, params: dict[str, str]) -> None:
        self.params |= params

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.steps[step] = metrics

    def log_artifacts(self, folder: str, path: str) -> None:
        self.model = f"{folder} as {path}"


class Board:
    """Remembers what a writer was given."""

    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []
        self.text = ""

    def SummaryWriter(self, folder: str) -> Any:
        Path(folder).mkdir()
        return contextlib.nullcontext(self)

    def add_text(self, tag: str, text: str, step: int) -> None:
        self.text = f"{tag} {step}: {text}"

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


@pytest.fixture(scope="module")
def results() -> Results:
    return run(4, linear_learners(3), names=["a", "b$", "c"])


def test_metrics_by_round__run__say_what_the_records_say(results: Results) -> None:
    told = dict(metrics_by_round(results))
    assert list(told) == [0, 1, 2, 3, 4]
    current = results.initial
    for number, record in enumerate((results.initial, *results.rounds)):
        current = record if record.accepted else current
        assert told[number]["current/mean_test_score"] == results.mean_test_scores[current.round]
        assert told[number]["proposed/mean_vote_score"] == results.mean_vote_scores[number]
        assert told[number]["proposed/test_score/c"] == record.test_scores[2]
        assert told[number]["round/accepted"] == record.accepted and "round/gas" not in told[number]
    for names in told.values():
        assert not [one for one in names for other in names if other.startswith(f"{one}/")], "a folder and a file"


def test_write_mlflow__run__parameters_metrics_and_model(results: Results, tmp_path: Path) -> None:
    mlflow = Mlflow()
    assert write_mlflow(results, "digits", {"seed": 1}, tmp_path, mlflow=mlflow) == "id"
    assert (mlflow.experiment, mlflow.model) == ("digits", f"{tmp_path} as model")
    assert mlflow.params["seed"] == "1" and mlflow.params["final_sha256"] == results.final_sha256
    assert list(mlflow.steps) == [0, 1, 2, 3, 4]
    assert mlflow.steps[2]["proposed/test_score/b_"] == results.rounds[1].test_scores[1], "MLflow takes no dollar"


def test_write_mlflow__it_takes_no_run__is_one_message(results: Results, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="MLflow doesn't take the run") as caught:
        write_mlflow(results, "digits", {}, tmp_path, mlflow=Mlflow(full=True))
    assert caught.value.what.endswith(": no room") and "MLFLOW_TRACKING_URI" in caught.value.expected


def test_write_tensorboard__run__parameters_and_metrics_by_round(results: Results, tmp_path: Path) -> None:
    board = Board()
    write_tensorboard(results, tmp_path / "events", {"seed": 1}, tensorboard=board)
    assert "| seed | 1 |" in board.text and results.final_sha256 in board.text
    told = {(name, number): value for number, them in metrics_by_round(results) for name, value in them.items()}
    assert {(name, number): value for name, value, number in board.scalars} == told
    with pytest.raises(StoreError, match="nothing can be written"):
        write_tensorboard(results, tmp_path / "no" / "folder", {}, tensorboard=board)


@pytest.mark.parametrize("tool, module", [("mlflow", "mlflow"), ("tensorboard", "tensorboardX")])
def test_check_installed__it_is_not__says_the_extra(tool: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(UsageError, match=f"needs {module}, which is not installed") as caught:
        check_installed(tool)
    assert f".[{tool}]" in caught.value.fix
