"""The tutorial for three organisations, command by command, with three machines that are folders of this one.

Each has a private IPFS daemon set up by the tutorial's own commands; only addresses and ports are other ones.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.network.processes import choose_port, release_port
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.ipfs import IpfsStore

from ..kit.anvil import Anvil, anvil, die_with_parent, wait_until
from ..kit.network import need
from ..kit.shell import ROOT, Shell

pytestmark = [pytest.mark.slow, pytest.mark.long]

TEXT = (ROOT / "docs" / "tutorial-consortium.md").read_text(encoding="utf-8")
NAMES = ("alpha", "beta", "gamma")


def block(marker: str) -> str:
    found = re.search(re.escape(f"<!-- {marker} -->") + r"\n```sh\n(.*?)\n```\n", TEXT, re.DOTALL)
    assert found, marker
    return found[1]


class Machines:
    """The three, their ports, and what is running on them."""

    def __init__(self, chain: Anvil, folder: Path) -> None:
        self.chain, self.folder, self.shell = chain, folder, Shell(folder)
        (folder / "bin").mkdir()
        (folder / "bin" / "ipfs").symlink_to(find_kubo())
        programs = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), self.shell.env["PATH"]])
        self.shell.env |= {"PATH": programs, "IPFS_TELEMETRY": "off"}
        self.api = {name: choose_port(None) for name in NAMES}
        self.swarm = {name: choose_port(None) for name in NAMES}
        self.peer: dict[str, str] = {}
        self.daemons: list[subprocess.Popen[bytes]] = []
        for name in NAMES:
            (folder / name).mkdir()
            shutil.copy(ROOT / "examples" / "own_learner.py", folder / name)

    def store(self, name: str) -> IpfsStore:
        return IpfsStore(f"/ip4/127.0.0.1/tcp/{self.api[name]}")

    def here(self, name: str, script: str) -> str:
        """The script with this machine's ports and learner, and the chain's endpoint."""
        script = script.replace("http://10.0.0.1:8545", self.chain.url)
        script = script.replace("/ip4/127.0.0.1/tcp/5001", f"/ip4/127.0.0.1/tcp/{self.api[name]}")
        return script.replace("/ip4/10.0.0.1/tcp/4001", f"/ip4/127.0.0.1/tcp/{self.swarm[name]}")

    def type(self, name: str, script: str, answers: str = "") -> str:
        return self.shell.type(self.here(name, script), answers, folder=name)

    def name_peers(self, name: str) -> None:
        """The block is Alpha's: the others have their others in it."""
        script = block("each: peers")
        others = [other for other in NAMES if other != name]
        for other, shown, address in zip(others, ("BETA", "GAMMA"), ("10.0.0.2", "10.0.0.3"), strict=True):
            assert shown in script
            script = script.replace(shown, self.peer[other])
            script = script.replace(f"/ip4/{address}/tcp/4001", f"/ip4/127.0.0.1/tcp/{self.swarm[other]}")
        self.type(name, script)

    def start_daemon(self, name: str) -> None:
        with open(self.folder / name / "ipfs.log", "wb") as log:
            self.daemons.append(
                subprocess.Popen(
                    ["sh", "-eu", "-c", block("each: daemon")],
                    cwd=self.folder / name,
                    env=self.shell.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=die_with_parent if sys.platform == "linux" else None,
                )
            )

    def stop(self) -> None:
        for daemon in self.daemons:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        for port in (*self.api.values(), *self.swarm.values()):
            release_port(port)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    need("anvil", "kubo")
    with anvil() as chain:
        made = Machines(chain, tmp_path)
        try:
            yield made
        finally:
            made.stop()


def test_consortium__three_machines__found_a_collective_and_decide_rounds(machines: Machines) -> None:
    folder = machines.folder
    addresses = {}
    for name in NAMES:
        addresses[name] = machines.type(name, block("each: key")).split()[-1]
        machines.chain.rpc("anvil_setBalance", addresses[name], hex(10**18))
    machines.type("alpha", block("alpha: swarm key"))
    for name in NAMES:
        if name != "alpha":
            shutil.copy(folder / "alpha" / "swarm.key", folder / name)
        machines.peer[name] = machines.type(name, block("each: ipfs")).strip().rpartition("/")[2]
    for name in NAMES:
        machines.name_peers(name)
        machines.start_daemon(name)

    def connected(name: str) -> bool:
        try:
            return len(machines.store(name).peers()) == 2
        except OSError:
            return False

    for name in NAMES:
        wait_until(lambda name=name: connected(name), f"{name} is connected to both", 60)  # type: ignore[misc]

    lines = [f"{name.title()} = {addresses[name]}" for name in NAMES]
    (folder / "alpha" / "members.txt").write_text("\n".join(["# members.txt", *lines]) + "\n")
    said = machines.type("alpha", block("alpha: deploy"), "y\n")
    assert "6h to propose, 2h to vote, 7d for a motion" in said and "dry run: nothing was stored or sent" in said
    for name in NAMES[1:]:
        shutil.copy(folder / "alpha" / "deployment.json", folder / name)
    for seat, name in enumerate(NAMES):
        said = machines.type(name, block("each: node").replace("seed=1", f"seed={seat + 1}"))
        assert f"{name.title()}, on seat {seat} of 3" in said and "2 peers" in said and "WRONG" not in said
        assert [re.search(rf"^ +{i} +\w+ +{a} ", said, re.M) is not None for i, a in enumerate(addresses.values())] == [
            True
        ] * 3

    assert block("each: run") == "colearn-node run --config node.toml"
    runs = " ".join(f"(cd {name} && {block('each: run')} --until-round 3) &" for name in NAMES)
    machines.shell.type(f"{runs} wait")
    said = machines.type("beta", f"colearn-ledger history --rpc {machines.chain.url}")
    assert "3 rounds over: 3 accepted" in said
