"""A ready-made task's learner for one node: the same as the demo makes, and its data's privacy is remembered."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from colearn_node.task_learner import task_learner

from colearn_ledger.core.learner import Learner
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ConfigError
from colearn_ledger.tasks import get_task
from colearn_ledger.tasks.training import Training

from ..tasks.test_registry import Packages, packages  # noqa: F401

# Learners that know who they are and no framework; the data's folder is the whole of what they learn.
TASK = """
from pathlib import Path
from types import SimpleNamespace
from colearn_ledger.tasks import Framework, Prepared, Task

def make_learners(options):
    privacy = SimpleNamespace(ledger=None)
    return Prepared([SimpleNamespace(index=i, options=options, privacy=privacy) for i in range(options.n_learners)], "")

TASK = Task(name="BARE", description="bare", framework=Framework("none", "json", "none", private=True), data="none",
            metric="none", learning_rate=0.1, batch_size=4, train_ratio=0.5, folder="may", make=make_learners)
"""


@pytest.fixture
def bare(packages: Packages) -> str:  # noqa: F811
    packages.install("bare", "bare_task", TASK, BARE="bare_task:TASK")
    return "BARE"


def proposal(learner: Learner) -> bytes:
    return encode(learner.mli_propose_weights().weights)


@pytest.mark.slow
def test_task_learner__each_index__is_the_learner_that_the_demo_makes() -> None:
    made = get_task("DIGITS").make_learners(2, Training(alpha=0.5), seed=0).learners
    mine = [task_learner(index=i, of=2, task="DIGITS", alpha=0.5) for i in range(2)]
    proposed = [proposal(learner) for learner in mine]
    assert proposed == [proposal(learner) for learner in made] and proposed[0] != proposed[1]
    other = task_learner(index=0, of=2, task="DIGITS", alpha=0.5, seed=1)
    assert proposal(other) != proposed[0]


def test_task_learner__options__reach_the_task(bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    learner = task_learner(index=2, of=3, task=bare, seed=5, data_dir="~/data", learning_rate=0.25)
    assert vars(learner)["index"] == 2
    options = vars(learner)["options"]
    assert (options.n_learners, options.seed, options.learning_rate) == (3, 5, 0.25)
    assert options.data_dir == tmp_path / "data" and options.privacy is None


def test_task_learner__with_a_privacy_ledger__remembers_in_its_file(bare: str, tmp_path: Path) -> None:
    path = tmp_path / "privacy.jsonl"
    learner = task_learner(index=0, of=2, task=bare, epsilon=2.0, privacy_ledger=str(path))
    assert str(vars(learner)["privacy"].ledger) == str(path)
    without = task_learner(index=0, of=2, task=bare)
    assert vars(without)["privacy"].ledger is None and vars(without)["options"].data_dir is None


@pytest.mark.parametrize(
    "options, says",
    [
        ({"epsilon": 2.0}, "no privacy_ledger"),
        ({"privacy_ledger": "x"}, "privacy_ledger without epsilon"),
        ({"index": -1}, "index is -1"),
        ({"index": 2}, "index is 2"),
    ],
)
def test_task_learner__options_that_can_not_be__are_named(bare: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        task_learner(**{"index": 0, "of": 2, "task": bare, **options})  # type: ignore[arg-type]


def test_task_learner__no_task_named__is_the_demos() -> None:
    default = inspect.signature(task_learner).parameters["task"].default
    assert default == get_task("mnist").name == "KERAS_MNIST"
