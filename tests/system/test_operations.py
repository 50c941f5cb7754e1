"""What docs/operations.md has an operator do, by its commands and with nodes: restore, move, rotate, leave, upgrade."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from colearn_node.cli import main as node_main

from colearn_ledger.cli.main import main
from colearn_ledger.errors import NotAMember
from colearn_ledger.founding.record import load_deployment

from ..kit.anvil import wait_until
from ..kit.nodes import ROOT, NodeCollective, NodeProcess, node_collective, run_node

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeCollective]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COLEARN_")]:
        monkeypatch.delenv(name)
    with node_collective(tmp_path, 3) as made:
        yield made


def goes_on(made: NodeCollective, rounds: int = 2) -> None:
    """Rounds are decided."""
    before = len(made.decided())
    wait_until(lambda: len(made.decided()) >= before + rounds, f"{rounds} more rounds are decided", deadline_s=120)


def of_page(*words: str) -> None:
    """The page has this command."""
    command = " +".join(map(re.escape, words))
    assert re.search(command, PAGE), " ".join(words)


def voted(node: NodeProcess) -> bool:
    return any(line["sent"] for line in [*node.events("vote"), *node.events("propose")])


@pytest.mark.slow
def test_restore_and_move__the_files_on_another_machine__carries_on_where_the_collective_is(
    made: NodeCollective, tmp_path: Path
) -> None:
    nodes = [made.start(index) for index in range(3)]
    goes_on(made)
    nodes[2].process.terminate()
    assert nodes[2].wait() == 0
    there = tmp_path / "another machine"
    there.mkdir()
    made.config(2, store__folder=str(tmp_path / "weights"))
    for name in ("key-2.json", "password.txt", "node-2.toml", "deployment.json"):
        shutil.copy(tmp_path / name, there / name)
    (tmp_path / "key-2.json").unlink()
    of_page("colearn-node check", "--config node.toml")
    of_page("colearn-node run", "--config node.toml")
    assert run_node("check", "--config", str(there / "node-2.toml"), cwd=there).wait(60) == 0
    moved = NodeProcess(run_node("run", "--config", str(there / "node-2.toml"), cwd=there))
    made.nodes.append(moved)
    wait_until(lambda: voted(moved), "it votes from there", deadline_s=90)


@pytest.mark.slow
def test_rotate__another_key__has_the_seat_from_the_next_round_on(made: NodeCollective, capsys: Any) -> None:
    nodes = [made.start(index) for index in range(3)]
    goes_on(made, 1)
    Path("new-password").write_text("another one\n")
    assert node_main(["key", "new", "new-keystore.json", "--password-file", "new-password"]) == 0
    address = capsys.readouterr().out.split("address ")[1].strip()
    made.chain.rpc("anvil_setBalance", address, hex(10**19))
    of_page("colearn-ledger motion propose replace-key", "ADDRESS", "--keystore keystore.json")
    config = made.config(0, keystore="new-keystore.json", password_file="new-password")
    words = ["--keystore", "key-0.json", "--password-file", "password.txt"]
    assert main(["motion", "propose", "replace-key", address, *words]) == 0
    new = made.start(0, config=config)
    wait_until(lambda: made.contract.snapshot().view(address).is_member, "the seat is the new key's", deadline_s=60)
    wait_until(lambda: voted(new), "it votes by the new key", deadline_s=90)
    assert nodes[0].process.poll() is None, "the old node follows, and does nothing"
    assert not made.view(0).is_member


@pytest.mark.slow
def test_leave__from_the_next_round_on__the_node_follows_and_another_start_ends(made: NodeCollective) -> None:
    nodes = [made.start(index) for index in range(3)]
    goes_on(made, 1)
    of_page("colearn-ledger motion propose leave", "--config node.toml")
    assert main(["motion", "propose", "leave", "--config", "node-2.toml"]) == 0
    wait_until(lambda: not made.view(2).is_member, "it has left", deadline_s=60)
    wait_until(lambda: "not a member" in nodes[2].events("wait")[-1]["text"], "its node follows", deadline_s=60)
    nodes[2].process.terminate()
    assert nodes[2].wait() == 0
    assert made.start(2).wait() == NotAMember.exit_code == 17
    goes_on(made, 1)


@pytest.mark.slow
def test_upgrade__another_installation_beside_the_old_one__takes_over(made: NodeCollective, tmp_path: Path) -> None:
    nodes = [made.start(index) for index in range(3)]
    goes_on(made, 1)
    new = tmp_path / "new"
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("colearn_ledger", "tests"):
        shutil.copytree(ROOT / name, new / name, ignore=ignored)
    shutil.copytree(ROOT / "node" / "colearn_node", new / "node" / "colearn_node", ignore=ignored)
    env = {"PYTHONPATH": os.pathsep.join([str(new), str(new / "node")])}
    of_page("new/bin/colearn-node check", "--config node.toml")
    config = str(tmp_path / "node-1.toml")
    assert run_node("check", "--config", config, cwd=new, **env).wait(60) == 0
    nodes[1].process.terminate()
    assert nodes[1].wait() == 0
    upgraded = NodeProcess(run_node("run", "--config", config, cwd=new, **env))
    made.nodes.append(upgraded)
    wait_until(lambda: voted(upgraded), "the new version votes", deadline_s=90)
    assert load_deployment(tmp_path / "deployment.json").address == made.contract.address
