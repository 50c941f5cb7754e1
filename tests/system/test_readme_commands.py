"""The README's steps on a real chain, and the tutorial's, typed as they are written there."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.founding.record import load_deployment

from ..docs.test_readme import ROOT, block_after
from ..kit.network import need
from ..kit.nodes import CHECKED
from ..kit.shell import Shell

pytestmark = pytest.mark.slow


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
    assert tuple(re.findall(r"^ok +(\w+)", said, re.M)) == CHECKED
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
    # The widths depend on what is in the table; that they are as shown is tested with the table.
    assert shown[0].split() in [line.split() for line in said.splitlines()], said


@pytest.mark.long
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
