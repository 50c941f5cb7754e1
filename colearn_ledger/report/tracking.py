"""A run handed to the tools that people compare runs with: MLflow and TensorBoard, each an extra of its own."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.results import Results, RoundResult
from ..errors import StoreError, UsageError, how_to_install

__all__ = ["check_installed", "metrics_by_round", "write_mlflow", "write_tensorboard"]

_MODULES = {"mlflow": "mlflow", "tensorboard": "tensorboardX"}


def check_installed(tool: str) -> None:
    """Raise UsageError where what ``tool`` (``mlflow``, ``tensorboard``) needs is missing; before hours of a run."""
    module = _MODULES[tool]
    if importlib.util.find_spec(module) is None:
        raise UsageError(f"--{tool} needs {module}, which is not installed", expected=module, fix=how_to_install(tool))


def metrics_by_round(results: Results) -> Iterator[tuple[int, dict[str, float]]]:
    """Each round's number and what is measured of it, by name; round 0 is the genesis weights.

    ``current/mean_test_score`` is of the weights that are current after the round; ``proposed/…`` are the proposal's,
    ``proposed/test_score/NAME`` one learner's. What isn't known or is no number isn't there.
    """
    current: dict[str, float] = {}
    for result in (results.initial, *results.rounds):
        proposed = _scores(result, results.learner_names)
        if result.accepted and "proposed/mean_test_score" in proposed:
            current = {"current/mean_test_score": proposed["proposed/mean_test_score"]}
        counted: dict[str, float | None] = {
            "round/accepted": float(result.accepted),
            "round/approvals": float(result.approvals),
            "round/gas": None if result.gas is None else float(result.gas),
            "round/seconds": result.seconds,
        }
        known = {name: value for name, value in counted.items() if value is not None}
        yield result.round, {**current, **proposed, **known}


def _scores(result: RoundResult, names: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, scores in (("test_score", result.test_scores), ("vote_score", result.vote_scores)):
        known = {
            name: score for name, score in zip(names, scores, strict=True) if score is not None and math.isfinite(score)
        }
        found |= {f"proposed/{kind}/{name}": score for name, score in known.items()}
        if known:
            found[f"proposed/mean_{kind}"] = sum(known.values()) / len(known)
    return found


def write_tensorboard(
    results: Results, folder: Path, parameters: Mapping[str, object], *, tensorboard: Any = None
) -> None:
    """Write event files into ``folder``: parameters as a text, metrics by round.

    ``tensorboard``: the library, if not the tensorboardX that is installed. Raises StoreError where nothing can be
    written there.
    """
    tensorboard = tensorboard or importlib.import_module(_MODULES["tensorboard"])
    try:
        with tensorboard.SummaryWriter(str(folder)) as writer:
            shown = {**parameters, **_outcome(results)}
            rows = "\n".join(f"| {name} | {value} |" for name, value in shown.items())
            writer.add_text("parameters", f"| parameter | value |\n|---|---|\n{rows}", 0)
            for number, metrics in metrics_by_round(results):
                for name, value in metrics.items():
                    writer.add_scalar(name, value, number)
    except OSError as e:
        raise StoreError(
            f"nothing can be written into {folder}: {e.strerror or e}", expected="a folder to write to"
        ) from e


def write_mlflow(
    results: Results, experiment: str, parameters: Mapping[str, object], model: Path, *, mlflow: Any = None
) -> str:
    """Make a run in an experiment of MLflow's: parameters, metrics by round, and the files of the model. Its id.

    Where it goes MLflow's own settings say (``MLFLOW_TRACKING_URI``). ``mlflow``: the library, if not the one that is
    installed. Raises StoreError where it doesn't take the run.
    """
    mlflow = mlflow or importlib.import_module(_MODULES["mlflow"])
    try:
        mlflow.set_experiment(experiment)
        with mlflow.start_run() as started:
            mlflow.log_params({**{name: str(value) for name, value in parameters.items()}, **_outcome(results)})
            for number, metrics in metrics_by_round(results):
                mlflow.log_metrics({_plain(name): value for name, value in metrics.items()}, step=number)
            mlflow.log_artifacts(str(model), "model")
            return str(started.info.run_id)
    except mlflow.exceptions.MlflowException as e:
        raise StoreError(
            f"MLflow doesn't take the run: {str(e).splitlines()[0]}",
            expected="a place for runs, as MLFLOW_TRACKING_URI names it",
            fix="the run itself is written; look at MLflow's settings",
        ) from e


def _outcome(results: Results) -> dict[str, str]:
    return {"threshold": results.threshold, "backend": results.backend, "final_sha256": results.final_sha256}


def _plain(name: str) -> str:
    """With the characters that MLflow takes in a metric's name."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
