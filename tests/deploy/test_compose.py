"""A member's set as its compose file says: its command lines, checks and secrets, as processes of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from colearn_node.settings import SETTINGS

from colearn_ledger.core.weights import encode
from colearn_ledger.network.processes import choose_port
from colearn_ledger.network.tools import KUBO as KUBO_VERSION
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.ipfs import IpfsStore

from ..kit.anvil import die_with_parent, wait_until
from ..kit.learners import linear_learners
from ..kit.network import need
from ..kit.nodes import NodeProcess, node_collective, run_node

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
KUBO, NODE = COMPOSE["services"]["kubo"], COMPOSE["services"]["node"]
API, METRICS = "/ip4/127.0.0.1/tcp/5001", "9464"


def test_kubo__image__is_the_version_that_is_tested() -> None:
    assert KUBO["image"] == f"ipfs/kubo:v{KUBO_VERSION}"


def test_rpc__of_the_daemon__is_published_nowhere() -> None:
    assert NODE["network_mode"] == "service:kubo" and "ports" not in NODE
    assert KUBO["ports"] == ["4001:4001", f"127.0.0.1:{METRICS}:{METRICS}"]
    assert NODE["environment"]["COLEARN_NODE_STORE_IPFS"] == API


def test_node__may_write_nothing_and_gets_its_secrets_as_files() -> None:
    assert NODE["read_only"] is True and all(volume.endswith(":ro") for volume in NODE["volumes"])
    assert set(NODE["secrets"]) | set(KUBO["secrets"]) == set(COMPOSE["secrets"])
    for service in (NODE, KUBO):
        for value in service["environment"].values():
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        # The default one blocks whoever writes when nobody reads.
        assert service["logging"]["options"]["mode"] == "non-blocking"


def test_node__variables__are_settings() -> None:
    assert set(NODE["environment"]) <= {setting.variable for setting in SETTINGS}


def test_files__named__are_there() -> None:
    assert (DEPLOY / NODE["build"]["context"] / NODE["build"]["dockerfile"]).is_file()
    assert os.access(DEPLOY / "kubo-init.sh", os.X_OK), "else Kubo's image sources it"
    sources = [volume.partition(":")[0] for volume in KUBO["volumes"]]
    assert "./kubo-init.sh" in sources


@pytest.mark.slow
def test_set__run_as_the_file_says__is_healthy_and_private(tmp_path: Path) -> None:
    """As processes: the daemon with its set-up, and the node, until both healthchecks pass."""
    need("anvil", "kubo")
    api, swarm, metrics = choose_port(), choose_port(), choose_port()
    here = {API: f"/ip4/127.0.0.1/tcp/{api}", METRICS: str(metrics), "0.0.0.0": "127.0.0.1"}

    def at(text: str) -> str:
        for there, instead in here.items():
            text = text.replace(there, instead)
        return text

    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ipfs").symlink_to(find_kubo())
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "IPFS_PATH": str(tmp_path / "ipfs")}
    peer = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
    given = {
        "IPFS_API": here[API],
        "IPFS_SWARM": f"/ip4/127.0.0.1/tcp/{swarm}",
        "IPFS_PEERS": f"/ip4/127.0.0.1/tcp/1/p2p/{peer} /dns4/example.test/tcp/4001/p2p/{peer}",
    }
    subprocess.run(["ipfs", "init"], env=env, check=True, capture_output=True, timeout=120)
    for _ in range(2):  # before each start
        subprocess.run([DEPLOY / "kubo-init.sh"], env={**env, **given}, check=True, capture_output=True, timeout=120)
    shown = subprocess.run(["ipfs", "config", "Peering.Peers"], env=env, check=True, capture_output=True, text=True)
    assert [one["Addrs"] for one in yaml.safe_load(shown.stdout)] == [
        ["/ip4/127.0.0.1/tcp/1"],
        ["/dns4/example.test/tcp/4001"],
    ]
    env["LIBP2P_FORCE_PNET"] = KUBO["environment"]["LIBP2P_FORCE_PNET"]
    refused = subprocess.run(["ipfs", *KUBO["command"]], env=env, capture_output=True, text=True, timeout=120)
    assert refused.returncode != 0 and "private network" in refused.stdout + refused.stderr, "without the swarm's key"
    (tmp_path / "ipfs" / "swarm.key").write_text(f"/key/swarm/psk/1.0.0/\n/base16/\n{'5a' * 32}\n")
    with (
        open(tmp_path / "ipfs.log", "wb") as log,
        subprocess.Popen(
            ["ipfs", *KUBO["command"]], env=env, stdout=log, stderr=log, preexec_fn=die_with_parent
        ) as daemon,
    ):
        try:
            wait_until(lambda: healthy(KUBO, at, env), "the daemon is healthy")
            with node_collective(tmp_path / "member", 2) as made:
                learner = linear_learners(1)[0]
                IpfsStore(here[API]).put(encode(learner.mli_get_current_weights().weights))
                secrets = tmp_path / "secrets"
                secrets.mkdir()
                shutil.copy(made.folder / "key-0.json", secrets / "keystore")
                shutil.copy(made.folder / "password.txt", secrets / "password")
                without = {"keystore": None, "password_file": None, "store": None, "log": None}
                made.config(0, **without).rename(made.folder / "node.toml")
                variables = {k: at(v).replace("/run/secrets", str(secrets)) for k, v in NODE["environment"].items()}
                node = NodeProcess(run_node(*NODE["command"], cwd=made.folder, **variables))
                made.nodes.append(node)
                wait_until(lambda: healthy(NODE, at, env), "the node is healthy")
                assert node.get("/livez") == (200, "ok\n")
        finally:
            daemon.kill()


def healthy(service: dict[str, Any], at: Any, env: dict[str, str]) -> bool:
    """What the service's healthcheck says."""
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    done = subprocess.run([re.sub("^python$", "python3", at(word)) for word in command], env=env, capture_output=True)
    return done.returncode == 0
