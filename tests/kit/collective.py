"""A collective for tests: Anvil, a deployed contract, a shared weight folder, and one node process per member."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.deploy import Genesis, deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.core.protocol import RoundRecord, RoundState, Rules
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.formats.toml import toml_text
from colearn_ledger.founding.record import DeploymentRecord, save_deployment
from colearn_ledger.stores.local import LocalStore
from tests.kit.anvil import Anvil, anvil
from tests.kit.learners import linear_learners

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "only for tests"


@dataclass
class NodeProcess:
    """A running ``colearn-node``. Its log lines are kept as parsed JSON."""

    process: subprocess.Popen[bytes]
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._drained = threading.Thread(target=self._drain, daemon=True)
        self._drained.start()

    def _drain(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for raw in stream:
                self.raw.append(raw.decode())
                with contextlib.suppress(ValueError):
                    self.lines.append(json.loads(raw))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == name]

    def wait(self, timeout_s: float = 180) -> int:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the node didn't end within {timeout_s:.0f} s:\n{self.text}") from None
        self._drained.join(30)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    @property
    def worker_pid(self) -> int:
        return int(self.events("learner")[-1]["pid"])

    @property
    def text(self) -> str:
        return "".join(self.raw)


@dataclass
class Collective:
    """Everything that a test needs to look at it from outside. Member ``i`` has Anvil's account ``i``."""

    anvil: Anvil
    folder: Path
    contract: CollectiveContract
    count: int
    nodes: list[NodeProcess] = field(default_factory=list)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "weights")

    def config(self, index: int, **changes: Any) -> Path:
        """Member ``index``'s configuration file, with changed settings (``learner__options={...}``)."""
        settings: dict[str, Any] = {
            "rpc": [self.anvil.url],
            "deployment": "deployment.json",
            "keystore": f"key-{index}.json",
            "password_file": "password.txt",
            "poll_interval": 0.1,
            "store": {"folder": "weights"},
            "log": {"format": "json", "level": "debug"},
            "learner": {"factory": "tests.kit.node_learners:make", "options": {"index": index}},
        }
        for key, value in changes.items():
            section, _, name = key.partition("__")
            target = settings.setdefault(section, {}) if name else settings
            if value is None:
                target.pop(name or section, None)
            else:
                target[name or section] = value
        path = self.folder / f"node-{index}.toml"
        path.write_text(toml_text(settings), encoding="utf-8")
        return path

    def start(self, index: int, *flags: str, config: Path | None = None, **changes: Any) -> NodeProcess:
        """Start member ``index``'s node."""
        path = config or self.config(index, **changes)
        process = run_node("run", "--config", str(path), *flags, cwd=self.folder)
        node = NodeProcess(process)
        self.nodes.append(node)
        return node

    def follow(self, other: Anvil) -> None:
        """Look at another chain from now on, which has the same contract."""
        self.anvil = other
        self.contract = CollectiveContract(connect([other.url]), self.contract.address)

    def vote(self, index: int, approve: bool = True) -> None:
        """Member ``index`` votes on what is proposed."""
        view = self.contract.snapshot().view(self.member(index))
        Sender(self.contract, Anvil.account(index)).vote(view.proposal.id, approve)

    def records(self) -> list[RoundRecord]:
        """All rounds, the current one last."""
        return list(self.contract.snapshot().rounds(1, 1000))

    def decided(self) -> list[RoundRecord]:
        return [r for r in self.records() if r.state in (RoundState.ACCEPTED, RoundState.REJECTED)]

    def accepted_sha256(self) -> str:
        return self.contract.snapshot().view(self.member(0)).accepted.sha256.hex()

    def member(self, index: int) -> str:
        return Anvil.account(index).address

    def nonce(self, index: int) -> int:
        """How many transactions the member has sent."""
        return self.contract.web3.eth.get_transaction_count(self.member(index))


def run_node(*words: str, cwd: Path, **env: str) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COLEARN_")}
    paths = [str(ROOT), str(ROOT / "node"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), **env}
    return subprocess.Popen(
        [sys.executable, "-m", "colearn_node.cli", *words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextlib.contextmanager
def collective(
    folder: Path, count: int = 3, *, secret: bool = False, rules: Rules | None = None, chain_options: Sequence[str] = ()
) -> Iterator[Collective]:
    """Deploy one, with the genesis weights of the linear learners; at the end all nodes are killed.

    ``chain_options``: Anvil's, which by default mines when there is a transaction.
    """
    with anvil(*chain_options) as chain:
        web3 = connect([chain.url])
        store = LocalStore(folder / "weights")
        genesis = store.put(encode(linear_learners(1)[0].mli_get_current_weights().weights))
        members = [Anvil.account(i) for i in range(count)]
        deployed = deploy(
            web3,
            Anvil.account(9),
            Genesis([m.address for m in members], genesis, rules or Rules(), secret_votes=secret, max_size=1 << 20),
        )
        schema = Schema.of(linear_learners(1)[0].mli_get_current_weights().weights)
        record = DeploymentRecord(
            deployed.chain_id, deployed.address, deployed.block, deployed.transaction, genesis, schema
        )
        save_deployment(record, folder / "deployment.json")
        (folder / "password.txt").write_text(PASSWORD + "\n")
        for i, account in enumerate(members):
            write_keystore(account, folder / f"key-{i}.json", PASSWORD, iterations=2)
        made = Collective(chain, folder, CollectiveContract(web3, deployed.address), count)
        try:
            yield made
        finally:
            for node in made.nodes:
                if node.process.poll() is None:
                    node.kill()
