"""A member's whole machine is cut from the network: nothing is refused or closed, packets just don't arrive."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.core.protocol import Rules
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.ipfs import IpfsStore

from ..kit.anvil import anvil, wait_until
from ..kit.collective import Collective
from ..kit.learners import linear_learners
from ..kit.network import need
from ..kit.nodes import NodeCollective, NodeProcess, run_node
from ..kit.ports import Forwarder

pytestmark = [pytest.mark.slow, pytest.mark.long]

LASTING = Rules(propose_window=10_000, vote_window=10_000)


@dataclass(frozen=True)
class Machine:
    """A network namespace, and the cable to it: ``here`` and ``there`` are the addresses of its ends."""

    name: str
    cable: str
    here: str
    there: str

    @property
    def inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def plug(self, how: str) -> None:
        """``up`` or ``down``."""
        ip("link", "set", self.cable, how)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    number = os.getpid()
    subnet = f"10.231.{number % 250}"
    made = Machine(f"colearn{number}", f"col{number % 100_000}", f"{subnet}.1", f"{subnet}.2")
    if shutil.which("ip") is None or subprocess.run(["ip", "netns", "add", made.name], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    try:
        ip("link", "add", made.cable, "type", "veth", "peer", "name", "cable", "netns", made.name)
        ip("addr", "add", f"{made.here}/30", "dev", made.cable)
        made.plug("up")
        for words in (["addr", "add", f"{made.there}/30", "dev", "cable"], ["link", "set", "cable", "up"]):
            ip("-n", made.name, *words)
        ip("-n", made.name, "link", "set", "lo", "up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.name], capture_output=True)


@contextlib.contextmanager
def daemon(
    folder: Path, address: str, *, by: list[str], peers: list[dict[str, Any]], api: int
) -> Iterator[dict[str, Any]]:
    """A daemon whose peers reach it at this address; gives what another one needs to have it as a steady peer."""
    ipfs, environment = find_kubo(), {**os.environ, "IPFS_PATH": str(folder), "IPFS_TELEMETRY": "off"}
    subprocess.run([ipfs, "init", "--profile=test", "--empty-repo"], env=environment, capture_output=True, check=True)
    config = json.loads((folder / "config").read_text())
    config["Addresses"] |= {"API": f"/ip4/127.0.0.1/tcp/{api}", "Gateway": [], "Swarm": [f"/ip4/{address}/tcp/4001"]}
    config |= {"Bootstrap": [], "AutoConf": {"Enabled": False}, "AutoTLS": {"Enabled": False}}
    config |= {"Routing": {"Type": "none"}, "Peering": {"Peers": peers}}
    (folder / "config").write_text(json.dumps(config))
    with open(folder.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen([*by, ipfs, "daemon"], env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield {"ID": config["Identity"]["PeerID"], "Addrs": [f"/ip4/{address}/tcp/4001"]}
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_machine__is_cut_from_the_network__goes_on_soon_after_it_is_back(tmp_path: Path) -> None:
    need("anvil", "kubo")
    port = free_port()
    first = linear_learners(1, 1)[0].mli_get_current_weights().weights
    with (
        machine() as away,
        daemon(tmp_path / "kubo-here", away.here, by=[], peers=[], api=port) as peer,
        daemon(tmp_path / "kubo-there", away.there, by=away.inside, peers=[peer], api=5001),
        contextlib.closing(IpfsStore(f"/ip4/127.0.0.1/tcp/{port}")) as store,
        anvil() as chain,
        contextlib.closing(Forwarder(chain.url, away.here)) as endpoint,
    ):
        wait_until(lambda: _has_peers(store), "the daemons are connected")
        founded = Collective.found(chain, 3, weights=store.put(encode(first)), rules=LASTING, max_size=1 << 20)
        founded.save(tmp_path, keys=3, schema=Schema.of(first))
        made = NodeCollective(**vars(founded), folder=tmp_path)
        try:
            for index, api in enumerate((port, port, 5001)):
                config = made.config(
                    index,
                    store={"ipfs": f"/ip4/127.0.0.1/tcp/{api}"},
                    rpc=[chain.url if index < 2 else endpoint.url],
                    poll_interval=0.2,
                )
                by = away.inside if index == 2 else []
                made.nodes.append(NodeProcess(run_node("run", "--config", str(config), cwd=tmp_path, by=by)))
            cut_off = made.nodes[2]
            wait_until(lambda: made.view().round > 3, f"three rounds are decided\n{cut_off.text}")
            for _ in range(2):
                told = len(cut_off.events("chain"))
                away.plug("down")
                wait_until(lambda told=told: len(cut_off.events("chain")) > told, "it says so")  # type: ignore[misc]
                since = made.view().round
                away.plug("up")
                back = time.monotonic()
                wait_until(lambda since=since: made.view().round > since + 3, f"rounds go on\n{cut_off.text}")  # type: ignore[misc]
                assert time.monotonic() - back < 15, "connections from before the cut are given up"
            assert [node.process.poll() for node in made.nodes] == [None, None, None]
        finally:
            for node in made.nodes:
                node.kill()


def _has_peers(store: IpfsStore) -> bool:
    try:
        return bool(store.peers())
    except Exception:  # it starts
        return False
