"""Every task gives the same in process and on a ledger: the same decisions, the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.core.check_learner import check_learner
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Learner
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.learners.voting.policy import vote_policy
from colearn_ledger.tasks import Training, get_task, task_names

from ..kit.tasks_data import DATA, write_cifar, write_digits, write_language_model, write_photographs

TREES = {"FRAUD_XGBOOST"}  # have solo rounds alone
# How each is made small, by data that this folder has (or a function that writes it) and by its options.
SMALL: dict[str, dict[str, Any]] = {
    "KERAS_MNIST": {"n_learners": 2, "data_dir": write_digits},
    "SKLEARN_DIGITS": {"training": {"alpha": 0.5}},
    "FASHION": {"n_learners": 2, "data_dir": DATA / "fashion"},
    "CIFAR10": {"n_learners": 2, "data_dir": write_cifar},
    "XRAY": {"n_learners": 2, "data_dir": write_photographs, "training": {"alpha": 1.0}},
    "FRAUD": {"data_dir": DATA / "credit_default", "training": {"learning_rate": 0.01}},
    "FRAUD_XGBOOST": {"data_dir": DATA / "credit_default"},
    "IRIS": {},
    "DIABETES": {"training": {"alpha": 0.5}},
    "LORA": {"n_learners": 2, "data_dir": write_language_model, "training": {"steps": 4, "learning_rate": 0.01}},
}


def small(name: str, folder: Path, times: int, **training: Any) -> list[Sequence[Learner]]:
    """The task's learners on little data, made so many times."""
    if name == "LORA":
        pytest.importorskip("peft", reason="peft is not installed")
    options = {"n_learners": 3, "seed": 4, **SMALL[name]}
    options["training"] = Training(**{**options.get("training", {}), **training})
    if callable(options.get("data_dir")):
        options["data_dir"] = options["data_dir"](folder / "data")
    return [get_task(name).make_learners(**options).learners for _ in range(times)]


def test_small__every_task__has_its_data() -> None:
    assert set(SMALL) == set(task_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == "IRIS" else [pytest.mark.slow]) for n in SMALL])
def test_task__in_process_and_on_the_ledger__same_bytes_and_it_learns(name: str, tmp_path: Path) -> None:
    made = small(name, tmp_path, 2)
    runs = [run(2, learners, backend=backend) for learners, backend in zip(made, (None, EmbeddedLedger()), strict=True)]
    assert runs[0].final_sha256 == runs[1].final_sha256
    assert [r.votes for r in runs[0].rounds] == [r.votes for r in runs[1].rounds]
    assert any(r.accepted for r in runs[0].rounds), "a comparison of first weights says little"
    first, last = (sum(s for s in r.test_scores if s is not None) for r in (runs[0].initial, runs[0].rounds[-1]))
    assert last > first
    check_learner(made[0][0])
    judged = made[0][0].mli_test_weights(made[0][0].mli_get_current_weights())
    assert judged.criterion == get_task(name).metric


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "IRIS" else [pytest.mark.slow]) for n in SMALL if n not in TREES]
)
def test_task__joint_rounds__are_voted_on_by_their_own_default(name: str, tmp_path: Path) -> None:
    policy = get_task(name).joint_vote
    [learners] = small(name, tmp_path, 1, vote_policy=policy)
    done = run(2, learners, rounds="joint").rounds
    used = {record.policy for round_ in done for record in round_.vote_records if record is not None}
    assert used == {vote_policy(policy).name} and done[0].merge is not None
