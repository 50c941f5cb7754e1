"""IPFS daemons (Kubo) of one private swarm: each with a repository of its own, nothing but loopback, no discovery."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NetworkError
from ..formats.files import write_whole
from .http import call_ipfs, try_ipfs
from .processes import Daemons, Retries, choose_port, log_tail, release_port

__all__ = ["Kubo", "connect_all", "make_repository", "make_swarm_key", "start_kubos"]

HOST = "127.0.0.1"
READY_S = 60.0


@dataclass(frozen=True)
class Kubo:
    """A daemon: its name among the network's processes, its repository, ports and identity."""

    name: str
    repository: Path
    peer_id: str
    api_port: int
    swarm_port: int

    @property
    def api(self) -> str:
        """Address of its RPC, as IPFS writes addresses. It is an admin API: loopback only."""
        return f"/ip4/{HOST}/tcp/{self.api_port}"

    @property
    def swarm(self) -> str:
        """Where its peers reach it."""
        return f"/ip4/{HOST}/tcp/{self.swarm_port}/p2p/{self.peer_id}"


def make_swarm_key(path: Path) -> None:
    """A new key of a private swarm: daemons with another key, or none, can't talk to those that have it."""
    write_whole(path, f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n", mode=0o600)


def make_repository(ipfs: Path, repository: Path, swarm_key: Path) -> str:
    """Make the repository if it isn't there yet, and return its peer id."""
    config = repository / "config"
    if not config.is_file():
        repository.mkdir(parents=True, exist_ok=True)
        command = [str(ipfs), "init", "--profile=test"]
        answer = subprocess.run(command, env=_env(repository), capture_output=True, text=True)
        if answer.returncode != 0:
            raise NetworkError(f"an IPFS repository could not be made: {answer.stderr.strip()}", fix="check the disk")
    write_whole(repository / "swarm.key", swarm_key.read_bytes(), mode=0o600)
    return str(json.loads(config.read_text())["Identity"]["PeerID"])


def start_kubos(ipfs: Path, daemons: Daemons, kubos: Sequence[Kubo]) -> list[Kubo]:
    """Start them all, wait until they answer and are connected. Returns them with the ports that they really have.

    A wished port (not 0) that is taken is replaced.
    """
    running = [_start(ipfs, daemons, kubo) for kubo in kubos]
    running = [_wait(ipfs, daemons, kubo, Retries()) for kubo in running]
    connect_all(running)
    return running


def connect_all(kubos: Sequence[Kubo]) -> None:
    """Make each a steady peer of each other, also after either restarts."""
    for kubo in kubos:
        for other in kubos:
            if other is not kubo:
                call_ipfs(kubo.api_port, "swarm/peering/add", arg=other.swarm)
    for i, kubo in enumerate(kubos):
        for other in kubos[i + 1 :]:
            call_ipfs(kubo.api_port, "swarm/connect", READY_S, arg=other.swarm)


def _start(ipfs: Path, daemons: Daemons, kubo: Kubo) -> Kubo:
    kubo = Kubo(kubo.name, kubo.repository, kubo.peer_id, choose_port(kubo.api_port), choose_port(kubo.swarm_port))
    _configure(kubo)
    argv: list[str | Path] = [ipfs, "daemon", "--enable-gc", "--migrate=true"]
    daemons.start(kubo.name, argv, env=_env(kubo.repository), cwd=kubo.repository)
    return kubo


def _wait(ipfs: Path, daemons: Daemons, kubo: Kubo, retries: Retries) -> Kubo:
    try:
        answer = daemons.wait_for(kubo.name, lambda: try_ipfs(kubo.api_port, "id"), deadline_s=READY_S)
    except NetworkError:
        daemons.stop(kubo.name)
        release_port(kubo.api_port)
        release_port(kubo.swarm_port)
        if retries.may(log_tail(daemons.log(kubo.name))):
            return _wait(ipfs, daemons, _start(ipfs, daemons, kubo), retries)
        raise
    if answer["ID"] != kubo.peer_id:
        raise NetworkError(
            f"another IPFS daemon answers on port {kubo.api_port}", expected=f"the peer {kubo.peer_id}", fix="stop it"
        )
    return kubo


def _configure(kubo: Kubo) -> None:
    """Nothing but loopback, no public network, no discovery: who is a peer is said explicitly."""
    path = kubo.repository / "config"
    config: dict[str, Any] = json.loads(path.read_text())
    tcp = f"/ip4/{HOST}/tcp"
    config["Addresses"] = {
        **config.get("Addresses", {}),
        "API": f"{tcp}/{kubo.api_port}",
        "Gateway": [],
        "Swarm": [f"{tcp}/{kubo.swarm_port}"],
    }
    config["Bootstrap"] = []
    config["Peering"] = {"Peers": []}
    for section, key, value in [
        ("AutoConf", "Enabled", False),
        ("AutoTLS", "Enabled", False),
        ("AutoNAT", "ServiceMode", "disabled"),
        ("HTTPRetrieval", "Enabled", False),
        ("Provide", "Enabled", False),
        ("Pubsub", "Enabled", False),
        ("Routing", "Type", "none"),
        ("Swarm", "DisableNatPortMap", True),
    ]:
        config.setdefault(section, {})[key] = value
    config.setdefault("Discovery", {}).setdefault("MDNS", {})["Enabled"] = False
    config.setdefault("Version", {})["SwarmCheckEnabled"] = False
    write_whole(path, json.dumps(config, indent=2), mode=0o600)


def _env(repository: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(repository), "IPFS_PATH": str(repository)} | {
        "LIBP2P_FORCE_PNET": "1",  # without its swarm key a daemon refuses to start rather than be public
        "LIBP2P_TCP_MUX": "false",
        "IPFS_TELEMETRY": "off",
        "DO_NOT_TRACK": "1",
    }
