"""A collective whose members are node processes, each with its own configuration file and key."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colearn_node.demo import Setup

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.core.protocol import RoundRecord, RoundState, Rules
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.core.wire import Wire
from colearn_ledger.formats.toml import toml_text
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.plan.document import Plan
from colearn_ledger.stores.local import LocalStore

from .anvil import Anvil, anvil
from .collective import Collective
from .learners import linear_learners

__all__ = ["CHECKED", "NodeCollective", "NodeProcess", "node_collective", "run_node", "run_to_the_end", "trained"]

ROOT = Path(__file__).resolve().parents[2]

# What ``colearn-node check`` has a line for; ``names`` and ``privacy`` besides where there is something to say.
CHECKED = (
    *("deployment", "key", "rpc", "contract", "member", "funds", "rules", "news", "clock", "store", "disk", "learner"),
    *("plan", "windows"),
)


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

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its metrics' server."""
        port = self.events("metrics")[0]["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    @property
    def worker_pid(self) -> int:
        return int(self.events("learner")[-1]["pid"])

    @property
    def text(self) -> str:
        return "".join(self.raw)


@dataclass
class NodeCollective(Collective[Anvil]):
    """A collective whose members run nodes, on a shared folder of weights.

    Attributes
    ----------
    folder: where the configuration files, keys and weights are.
    nodes: all that were started.
    """

    folder: Path = field(kw_only=True)
    nodes: list[NodeProcess] = field(default_factory=list)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "weights")

    def config(self, index: int, **changes: Any) -> Path:
        """Member ``index``'s configuration file, with changed settings (``learner__options={...}``)."""
        settings: dict[str, Any] = {
            "rpc": [self.chain.url],
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
        self.chain = other
        self.contract = CollectiveContract(other.web3, self.contract.address)

    def decided(self) -> list[RoundRecord]:
        return [r for r in self.records() if r.state in (RoundState.ACCEPTED, RoundState.REJECTED)]

    def accepted_sha256(self) -> str:
        return self.view().accepted.sha256.hex()


def trained(member: int = 0) -> bytes:
    """What a member of two proposes in round 1."""
    learner = linear_learners(2, 1)[member]
    learner.mli_begin_round(1)
    return encode(learner.mli_propose_weights().weights)


def run_node(*words: str, cwd: Path, by: Sequence[str] = (), **env: str) -> subprocess.Popen[bytes]:
    """Start ``colearn-node`` with these words and, of the variables that it reads, none but ``env``.

    ``by``: the words of a program that starts it.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COLEARN_")}
    paths = [str(ROOT), str(ROOT / "node"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), **env}
    return subprocess.Popen(
        [*by, sys.executable, "-m", "colearn_node.cli", *words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_to_the_end(setup: Setup, *flags: str, cwd: Path, **env: str) -> str:
    """Run a node of each member with these flags, until all have left; the sha256 of what is accepted then, in hex."""
    nodes = [
        NodeProcess(run_node("run", "--config", str(path), *flags, cwd=cwd, **env)) for path in setup.configs.values()
    ]
    try:
        for node in nodes:
            assert node.wait() == 0, node.text
    finally:
        for node in nodes:
            node.process.kill()
    record = load_deployment(setup.deployment)
    contract = CollectiveContract(connect(record.rpc), record.address)
    return contract.snapshot().view(record.address).accepted.sha256.hex()


@contextlib.contextmanager
def node_collective(
    folder: Path,
    count: int = 3,
    *,
    secret: bool = False,
    rules: Rules | None = None,
    merge_order: Sequence[int] = (),
    plan: Plan | None = None,
    chain_options: Sequence[str] = (),
    wire: Wire | None = None,
) -> Iterator[NodeCollective]:
    """Found one with the first weights of the linear learners; nobody runs yet, and at the end all nodes are killed.

    ``plan``: what the members agreed on; it is in the store. ``chain_options``: Anvil's, which by default mines when
    there is a transaction.
    """
    first = linear_learners(1)[0].mli_get_current_weights().weights
    schema = Schema.of(first, wire=wire)
    genesis = LocalStore(folder / "weights").put(encode(first, schema))
    if plan is not None:
        LocalStore(folder / "weights").put(plan.to_bytes())
    with anvil(*chain_options) as chain:
        founded = Collective.found(
            chain,
            count,
            weights=genesis,
            rules=rules or Rules(),
            secret=secret,
            max_size=1 << 20,
            merge_order=merge_order,
            plan=bytes(32) if plan is None else plan.sha256,
        )
        founded.save(folder, keys=count, schema=schema)
        made = NodeCollective(**vars(founded), folder=folder)
        try:
            yield made
        finally:
            for node in made.nodes:
                if node.process.poll() is None:
                    node.kill()
