"""Folders of Flower apps: five of our own, in Flower's layout, and what can be wrong with one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")

from colearn_ledger import EmbeddedLedger, check_learner, run
from colearn_ledger.errors import ColearnError, ConfigError
from colearn_ledger.learners.flower_app import FlowerApp, flower_app

APPS = Path(__file__).parent / "apps"
LINES, DIGITS = APPS / "numpy_lines", APPS / "sklearn_digits"
BY_ERRORS: dict[str, Any] = {"criterion": "squared_errors", "higher_is_better": False}

pytestmark = pytest.mark.filterwarnings("ignore:FlowerLearner votes on")

# Each runs by itself: its framework is loaded, and its modules have names of their own.
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
from colearn_ledger import EmbeddedLedger, run
from colearn_ledger.learners.flower_app import FlowerApp
folder, rounds, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
found = []
for backend in (None, EmbeddedLedger()):
    app = FlowerApp(folder)
    learners = [app.learner(i, 3, **options) for i in range(3)]
    found.append(run(4, learners, rounds=rounds, backend=backend))
inside, ledger = found
print(json.dumps({
    "same": inside.final_sha256 == ledger.final_sha256,
    "last": inside.rounds[-1].current_scores,
    "accepted": sum(r.accepted for r in inside.rounds),
}))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "name, rounds, options, least",
    [
        ("numpy_lines", "joint", BY_ERRORS, -0.02),
        ("sklearn_digits", "joint", {"criterion": "accuracy", "higher_is_better": True}, 0.85),
        ("torch_digits", "joint", {"criterion": "eval_acc", "higher_is_better": True}, 0.7),
        ("keras_digits", "joint", {"criterion": "eval_acc", "higher_is_better": True}, 0.6),
        (
            "xgboost_digits",
            "solo",
            {"criterion": "accuracy", "higher_is_better": True, "combine": "xgboost-trees"},
            0.85,
        ),
    ],
)
def test_flower_app__of_each_framework__learns_in_process_and_on_the_ledger_alike(
    name: str, rounds: str, options: Any, least: float
) -> None:
    words = [str(APPS / name), rounds, json.dumps({**options, "vote_policy": "margin:-0.02"})]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["same"] and found["accepted"] >= 2
    assert np.mean(found["last"]) >= least


def test_flower_app__messages__keep_a_learner_s_promises() -> None:
    app = FlowerApp(LINES)
    check_learner(
        app.learner(0, 2, **BY_ERRORS),
        make=lambda: app.learner(0, 2, **BY_ERRORS),
        other=app.learner(1, 2, **BY_ERRORS),
    )


# Its server is one of Flower's older ones, a thread of which is ended in a way that threads are silent about.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_flower_app__numpy_client__votes_by_its_loss() -> None:
    learner = FlowerApp(DIGITS).learner(0, 2)
    assert learner.criterion == "loss"
    assert {"loss", "accuracy"} <= learner.mli_test_weights(learner.mli_get_current_weights()).evaluation_results.keys()
    check_learner(learner)


def test_flower_app__what_the_server_would_tell_its_clients__they_are_told() -> None:
    fast, slow = (
        FlowerApp(LINES, run_config={"learning-rate": rate}).learner(0, 2, **BY_ERRORS) for rate in (0.2, 0.0)
    )
    assert np.any(fast.mli_propose_weights().weights[0] != 0)
    assert np.all(slow.mli_propose_weights().weights[0] == 0)


def test_flower_app__config_of_the_member__goes_before_the_server_s() -> None:
    learner = FlowerApp(LINES).learner(0, 2, config=lambda round: {"lr": 0.0}, **BY_ERRORS)
    assert np.all(learner.mli_propose_weights().weights[0] == 0)


def test_flower_app__first_weights_in_a_file__are_taken_without_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    shutil.copytree(LINES, folder)
    (folder / "lines_app" / "server_app.py").unlink()
    np.savez(tmp_path / "first.npz", np.ones(2), np.zeros(()))
    app = FlowerApp(folder, first=tmp_path / "first.npz")
    learner = app.learner(0, 2, config={"lr": 0.1}, **BY_ERRORS)
    assert learner.mli_get_current_weights().weights[0].tolist() == [1, 1]
    learner.mli_propose_weights()


def test_flower_app__another_one_has_a_package_of_that_name__each_has_its_own_modules(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    shutil.copytree(LINES, folder)
    for home in (folder, LINES, folder):
        FlowerApp(home).component("clientapp")
        assert Path(sys.modules["lines_app.client_app"].__file__ or "").is_relative_to(home)


def test_flower_app__factory_of_a_node__makes_the_same_learner() -> None:
    made = flower_app(str(LINES), index=1, of=2, seed=3, **BY_ERRORS)
    again = FlowerApp(LINES, seed=3).learner(1, 2, **BY_ERRORS)
    assert np.array_equal(made.mli_propose_weights().weights[0], again.mli_propose_weights().weights[0])
    with pytest.raises(ConfigError, match="no option 'citerion'"):
        flower_app(str(LINES), citerion="loss")


CLIENT = """
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
app = ClientApp()
@app.train()
def train(msg, context):
    return Message(RecordDict({TRAIN}), reply_to=msg)
@app.evaluate()
def evaluate(msg, context):
    return Message(RecordDict({"metrics": MetricRecord({METRICS})}), reply_to=msg)
"""
SERVER = """
import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import ServerApp
app = ServerApp()
@app.main()
def main(grid, context):
    BODY
"""
SENDS = 'grid.send_and_receive([Message(RecordDict({RECORDS}), dst_node_id=1, message_type="train")])'
GOOD = {
    "train": '"arrays": msg.content["arrays"]',
    "metrics": '"num-examples": 300, "error": 0.5',
    "body": SENDS.replace("RECORDS", '"arrays": ArrayRecord([np.zeros(2)])'),
}


def write_app(folder: Path, name: str, **parts: str) -> Path:
    """An app with a module of its own name, since a process loads each module once."""
    parts = {**GOOD, **parts}
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    client = CLIENT.replace("TRAIN", parts["train"]).replace("METRICS", parts["metrics"])
    (folder / name / "client_app.py").write_text(parts.get("head", "") + client)
    (folder / name / "server_app.py").write_text(SERVER.replace("BODY", parts["body"]))
    (folder / "pyproject.toml").write_text(
        "[tool.flwr.app.components]\n"
        f'serverapp = "{name}.server_app:app"\nclientapp = "{name}.client_app:app"\n[tool.flwr.app.config]\na = 1\n'
    )
    return folder


@pytest.mark.parametrize(
    "number, parts, words",
    [
        (0, {"body": SENDS.replace("RECORDS", '"gmodel": ConfigRecord({"model": b""})')}, "weights aren't arrays"),
        (1, {"body": "pass"}, "has asked no client to train"),
        (2, {"body": "raise OSError('no test set')"}, "ServerApp fails: OSError: no test set"),
        (3, {"metrics": '"error": 0.5'}, "doesn't tell how many samples"),
        (4, {"metrics": '"num-examples": 0, "error": 0.5'}, "on 0 samples"),
        (5, {"metrics": '"num-examples": 300, "loss": 0.5'}, "gives loss, and the criterion is 'error'"),
        (6, {"head": "import a_package_that_nobody_has\n"}, "needs a_package_that_nobody_has, which isn't installed"),
        (7, {"metrics": '"num-examples": len(iter([]))'}, "has no len()"),
    ],
)
def test_flower_app__that_cannot_run_here__is_told_in_one_message(
    number: int, parts: dict[str, str], words: str, tmp_path: Path
) -> None:
    app = FlowerApp(write_app(tmp_path, f"wrong_{number}", **parts))
    with pytest.raises(ColearnError) as told:
        app.learner(0, 2, criterion="error", higher_is_better=False)
    assert words in told.value.what and told.value.expected and told.value.fix


def test_flower_app__training_without_arrays__is_told_when_it_trains(tmp_path: Path) -> None:
    folder = write_app(tmp_path, "wrong_training", train='"model": ConfigRecord({"trees": b"x"})')
    learner = FlowerApp(folder).learner(0, 2, criterion="error", higher_is_better=False)
    with pytest.raises(ColearnError, match=r"replies with 0 ArrayRecords: 'model' \(a ConfigRecord\)"):
        learner.mli_propose_weights()


def test_flower_app__criterion_that_nobody_told__is_asked_for_by_the_metrics_names(tmp_path: Path) -> None:
    app = FlowerApp(write_app(tmp_path, "untold"))
    with pytest.raises(ColearnError, match="gives error, and nobody has said which"):
        app.learner(0, 2)
    with pytest.raises(ColearnError, match="whether more of 'error' is better isn't told"):
        app.learner(0, 2, criterion="error")


@pytest.mark.parametrize(
    "files, options, words",
    [
        (None, {}, "there is no folder"),
        ({}, {}, "there is no file"),
        ({"pyproject.toml": "[project]\nname='a'"}, {}, "has no [tool.flwr.app]: it is no Flower app"),
        ({"pyproject.toml": "[tool.flwr.app]\npublisher='a'"}, {}, "has no clientapp in [tool.flwr.app.components]"),
        (
            {"pyproject.toml": "[tool.flwr.app.components]\nclientapp='a:b'\n[tool.flwr.app.config]\nlr=1"},
            {"run_config": {"rl": 2}},
            "run_config has 'rl'",
        ),
    ],
)
def test_flower_app__folder_that_is_none__is_told(files: Any, options: Any, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    with pytest.raises(ConfigError) as told:
        FlowerApp(folder, **options)
    assert words in told.value.what and told.value.fix


def test_flower_app__component_that_is_not_there__is_told(tmp_path: Path) -> None:
    for number, (components, words) in enumerate(
        [
            ("clientapp = 'nowhere:app'\nserverapp = 'nowhere:app'", "has no module nowhere"),
            ("clientapp = 'json:no_such_app'\nserverapp = 'json:dumps'", "has no no_such_app"),
            ("clientapp = 'json:dumps'", "has no serverapp"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(f"[tool.flwr.app.components]\n{components}\n")
        with pytest.raises(ConfigError) as told:
            FlowerApp(folder).learner(0, 2)
        assert words in told.value.what


def test_flower_app__on_the_embedded_ledger__ends_as_in_process() -> None:
    def learners() -> list[Any]:
        app = FlowerApp(LINES)
        return [app.learner(i, 3, vote_policy="margin:-0.01", **BY_ERRORS) for i in range(3)]

    inside = run(3, learners(), rounds="joint")
    assert inside.final_sha256 == run(3, learners(), rounds="joint", backend=EmbeddedLedger()).final_sha256
    assert all(result.accepted for result in inside.rounds)
