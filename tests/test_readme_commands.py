"""The README's steps on a real chain, typed as they are written there; and the tutorials', as far as they run here."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.deployment import load_deployment

from .network_for_tests import need
from .test_readme import ROOT, block_after

pytestmark = pytest.mark.slow


class Shell:
    """Terminals of one user in one folder, which has what a checkout has and no other network in sight."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "tmp").mkdir()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COLEARN_")}
        self.env = {**environment, "TMPDIR": str(folder / "tmp"), "PYTHONUNBUFFERED": "1"}

    def start(self, script: str) -> subprocess.Popen[str]:
        """Start a local network, which runs until it is stopped; return when it says that it is up."""
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script.replace("colearn-ledger network up", "exec colearn-ledger network up")],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                return process
        raise AssertionError(f"it isn't up:\n{said}")

    def type(self, script: str, answers: str = "") -> str:
        """Run a script in a terminal, typing the answers; what it prints."""
        ours, theirs = pty.openpty()
        os.write(ours, answers.encode())
        try:
            done = subprocess.run(
                ["sh", "-eu", "-c", script],
                cwd=self.folder,
                env=self.env,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=240,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, done.stdout
        return done.stdout


def test_readme__on_a_real_chain__as_written_and_as_in_one_process(tmp_path: Path) -> None:
    """Shortened to four rounds."""
    need("anvil", "kubo")
    shell = Shell(tmp_path)
    network = shell.start(block_after("on a real chain: the first terminal"))
    try:
        script = block_after("on a real chain: the second terminal")
        assert "--until-round 10 " in script
        said = shell.type(script.replace("--until-round 10 ", "--until-round 4 "), "y\n")
    finally:
        network.send_signal(signal.SIGINT)
        network.communicate(timeout=60)
    assert network.returncode == 0
    assert "deploy this? [y/N]" in said and "WRONG" not in said
    assert len(re.findall(r"^ok +\w", said, re.M)) == 12
    # The learners are those of the README, so the weights are those of the in-process driver.
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from own_learner import LineLearner
    finally:
        sys.path.pop(0)
    expected = run(4, [LineLearner(seed) for seed in (1, 2, 3)], 0.5)
    record = load_deployment(tmp_path / "my-collective" / "deployment.json")
    assert record.genesis.sha256.hex() == expected.initial.weights_sha256
    assert f"sha256  {expected.final_sha256}" in said
    shown = block_after("colearn-ledger history").splitlines()
    assert shown[0] in said, "the header of the table"


def test_tutorial__every_block_in_its_order__the_same_weights_three_times(tmp_path: Path) -> None:
    need("anvil", "kubo")
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- (file: [\w.]+|run|start) -->\n```\w+\n(.*?)\n```\n", text, re.DOTALL)
    assert len(blocks) == len(re.findall("^```\\w", text, re.M)), "every block is run"
    shell = Shell(tmp_path)
    network, said, folder = None, "", "."
    try:
        for kind, block in blocks:
            if kind == "start":
                network = shell.start(block)
            elif kind == "run":
                said += shell.type(f"{start}\n{block}" if (start := _entered(folder)) else block)
                folder = "post"
            else:
                (tmp_path / folder / kind.partition(" ")[2]).write_text(block)
    finally:
        if network is not None:
            network.send_signal(signal.SIGINT)
            network.communicate(timeout=60)
    assert "WRONG" not in said and "Traceback" not in said
    weights = re.findall(r"final weights: (\w{64})", said)
    assert len(weights) == 2 and weights[0] == weights[1]
    assert f"sha256  {weights[0]}" in said, "the nodes' weights"


def _entered(folder: str) -> str:
    """What the first block did to the terminal that the others are typed in, too."""
    return "" if folder == "." else f". .venv/bin/activate\ncd {folder}"
