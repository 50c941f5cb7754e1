"""Adapters of a language model on real nodes: the bytes of one process, an adapter to take home, no other base."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("peft", reason="peft is not installed")

from colearn_node.check import Line
from colearn_node.check_all import check_everything
from colearn_node.demo import set_up
from colearn_node.settings import load

from colearn_ledger import run
from colearn_ledger.tasks import Training, get_task

from ..conftest import ROOT
from ..kit.language_models import language_model, save_base, tokenizer
from ..kit.network import local_network, need

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_network_demo__lora_in_joint_rounds__same_bytes_as_in_process_and_an_adapter_at_the_end(tmp_path: Path) -> None:
    need("anvil")
    base = save_base(tmp_path / "base")
    words = ["-t", "LORA", "-n", "2", "-p", "2", "-d", str(base), "--steps", "8", "-l", "0.01"]
    done = subprocess.run(
        [sys.executable, "-m", "colearn_node.demo", *words, "--folder-store", "-o", str(tmp_path / "out")],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'node'}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    learners = get_task("LORA").make_learners(2, Training(steps=8, learning_rate=0.01), data_dir=base).learners
    assert run(2, learners, rounds="joint").final_sha256 in done.stdout
    assert "PeftModel.from_pretrained(base" in done.stdout
    assert (tmp_path / "out" / "model" / "adapter_model.safetensors").is_file()


def test_check__another_base_than_the_deployment_s__is_one_line_with_both_hashes(tmp_path: Path) -> None:
    need("anvil")
    bases = [save_base(tmp_path / "base"), tmp_path / "other"]
    language_model(2).save_pretrained(bases[1])
    tokenizer().save_pretrained(bases[1])
    with local_network("anvil", stakeholders=2, ipfs=False) as network:
        task = {"task": "LORA", "data_dir": str(bases[0])}
        setup = set_up(network, "colearn_node.task_learner:task_learner", task)
        path = next(iter(setup.configs.values()))
        said: dict[str, Line] = {}
        assert check_everything(load(path, {}, {}), lambda line: said.update({line.name: line})) is None
        assert "on the agreed base" in said["learner"].text
        path.write_text(path.read_text().replace(str(bases[0]), str(bases[1])))
        error = check_everything(load(path, {}, {}), lambda line: said.update({line.name: line}))
    assert error is not None and "the frozen base of the model isn't the one that was agreed on" in error.what
    assert error is said["learner"].error and len(error.expected or "") == 64
