"""A collective of real nodes that faults are injected into: each node has an endpoint and, with Kubo, a daemon."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from colearn_ledger.core.merge.rules import DEFAULT_ORDER
from colearn_ledger.core.protocol import RoundRecord, RoundState, Rules, View, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ColearnError
from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.base import owner_of
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective
from ..kit.learners import linear_learners
from ..kit.nodes import NodeCollective, NodeProcess, run_node
from ..kit.ports import Forwarder
from .endpoint import Endpoint

__all__ = ["JOINT_RULES", "POLL_S", "RULES", "Options", "World", "world"]

POLL_S = 0.2
# Long, so that no round is missed because this machine is slow: a fault that needs the clock moves it.
RULES = Rules(1, 2, propose_window=600, vote_window=600, reveal_window=600, motion_window=100_000)
JOINT_RULES = RULES.changed(train_window=600)


@dataclass(frozen=True)
class Options:
    """What a world is made of."""

    members: int = 3
    secret: bool = False
    kubo: bool = False
    websocket: bool = False
    joint: bool = False


@dataclass
class World(NodeCollective):
    """The collective, and what it stands on.

    Attributes
    ----------
    live: the process of each member that is to run.
    endpoints, news: of each member, and of a guest: JSON-RPC, and where its WebSocket connects to.
    ended: what ended although nobody wanted it to, and has not been told yet.
    oldest: block below which the chain can't go back.
    hostile_votes: members that voted, since the last check, as no learner told them to.
    hostile_rounds: whose proposals no node has made. hostile_contributions: sha256 of those that no learner has made.
    """

    options: Options = field(kw_only=True)
    endpoints: list[Endpoint] = field(kw_only=True)
    news: list[Forwarder] = field(kw_only=True)
    network: LocalNetwork | None = field(kw_only=True)
    stack: contextlib.ExitStack = field(kw_only=True)
    oldest: int = field(kw_only=True)
    live: dict[int, NodeProcess] = field(default_factory=dict)
    of_member: dict[int, list[NodeProcess]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    hostile_votes: set[int] = field(default_factory=set)
    hostile_rounds: set[int] = field(default_factory=set)
    hostile_contributions: set[bytes] = field(default_factory=set)

    # ------------------------------------------------------------------------------------------------ nodes

    @property
    def members(self) -> range:
        return range(self.options.members)

    @property
    def guest(self) -> int:
        """The account that may join, and go again: it gets the last seat, so nobody else's moves."""
        return self.options.members

    def ipfs_api(self, index: int) -> str:
        """Of a member's daemon; the guest uses the first one's."""
        assert self.network is not None
        return self.network.stakeholders[index % self.options.members].ipfs_api

    def run_member(self, index: int, **env: str) -> NodeProcess:
        """Start its node, with these variables beside the usual ones."""
        store: dict[str, Any] = {"folder": "weights"}
        if self.network is not None:
            store = {"ipfs": self.ipfs_api(index)}
        changes: dict[str, Any] = {"rpc": [self.endpoints[index].url], "poll_interval": POLL_S, "store": store}
        if self.options.websocket:
            changes["ws"] = self.news[index].url.replace("http", "ws")
        path = self.config(index, log={"format": "json", "level": "info"}, **changes)
        # A key is one node's on a machine, and Anvil's accounts are everybody's: locks of this collective's own.
        env = {"XDG_RUNTIME_DIR": str(self.folder), **env}
        node = NodeProcess(run_node("run", "--config", str(path), cwd=self.folder, **env))
        self.nodes.append(node)
        self.of_member.setdefault(index, []).append(node)
        self.live[index] = node
        return node

    def end_member(self, index: int, by: signal.Signals = signal.SIGKILL) -> int:
        """End its node by a signal and return its exit code; it stays away until it is run again."""
        node = self.live.pop(index)
        node.process.send_signal(by)
        return node.wait(60)

    def bring_back(self) -> list[str]:
        """Start again what has ended by itself; says what that was."""
        for index, node in list(self.live.items()):
            code = node.process.poll()
            if code is not None:
                node.wait(10)
                last = node.raw[-1].strip()[-300:] if node.raw else ""
                self.ended.append(f"node {index} has ended with {code}: {last}")
                self.run_member(index)
        told, self.ended = self.ended, []
        return told

    def ready(self, index: int) -> bool:
        """Whether its learner is there."""
        node = self.live[index]
        if node.process.poll() is not None or not node.events("learner"):
            return False
        with contextlib.suppress(psutil.Error):
            return psutil.Process(node.worker_pid).status() != psutil.STATUS_ZOMBIE
        return False

    def processes(self) -> list[psutil.Process]:
        """All that run in the collective's folder: nodes, workers, and what they started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.folder):
                    found.append(process)
        return found

    # ------------------------------------------------------------------------------------------------ chain

    def look(self) -> View | None:
        """What is so now, past everything that fails; None if the chain doesn't say."""
        with contextlib.suppress(ColearnError):
            return self.view()
        return None

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether it comes true within so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def await_phase(self, phase: RoundState | None, seconds: float = 5) -> None:
        """Come to a phase, or give up: which of them a fault meets is to be varied, not certain."""
        if phase is not None:
            self.until(lambda: (view := self.look()) is not None and view.state is phase, seconds)

    def move_chain(self, port: int, whose: Iterable[int] | None = None) -> None:
        """These members' endpoints, or all, pass on to the chain at this port from now on."""
        for index in range(len(self.endpoints)) if whose is None else whose:
            self.endpoints[index].port = port
            self.news[index].cut()
            self.news[index].target = port

    def start_chain(self, *options: str, port: int = 0) -> Anvil:
        return self.stack.enter_context(anvil(*options, port=port))

    # ------------------------------------------------------------------------------------------------ store

    def kept(self, index: int) -> frozenset[str]:
        """What a member's node keeps."""
        owner = owner_of(self.contract.chain_id, self.contract.address, self.address(index))
        if self.network is None:
            return LocalStore(self.folder / "weights", owner=owner).kept()
        with contextlib.closing(IpfsStore(self.ipfs_api(index), owner=owner)) as store:
            return store.kept()

    def bytes_of(self, ref: WeightsRef, index: int = 0) -> bytes | None:
        """What lies in a member's store under this name, or None; nothing is fetched from elsewhere."""
        if self.network is None:
            path = self.folder / "weights" / ref.cid
            return path.read_bytes() if path.exists() else None
        try:  # so small that one block is all of it
            answer = self.ask_kubo(index, "block/get", arg=ref.cid, offline="true", timeout="5s")
        except requests.RequestException:
            return None
        return answer.content if answer.ok else None

    def bytes_of_both(self, record: RoundRecord) -> tuple[bytes, bytes] | None:
        """A round's parent and what was proposed, if they are still to be had."""
        refs = {r.weights.sha256: r.weights for r in self.records() if r.weights is not None}
        refs[self.genesis.weights.sha256] = self.genesis.weights
        parent = self.bytes_of(refs[record.parent]) if record.parent in refs else None
        proposed = self.bytes_of(record.weights) if record.weights is not None else None
        return None if parent is None or proposed is None else (parent, proposed)

    def ask_kubo(self, index: int, command: str, **arguments: str) -> requests.Response:
        """The answer of a member's daemon to one command."""
        port = self.ipfs_api(index).split("/")[4]
        return requests.post(f"http://127.0.0.1:{port}/api/v0/{command}", params=arguments, timeout=20)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """A small file system of its own there, where one can be mounted: so that it can be full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def world(folder: Path, options: Options, *, rules: Rules | None = None, chain: Sequence[str] = ()) -> Iterator[World]:
    """Found one and start its nodes; at the end nothing of it runs."""
    rules = rules or (JOINT_RULES if options.joint else RULES)
    first = linear_learners(1, 1)[0].mli_get_current_weights().weights
    with contextlib.ExitStack() as stack:
        network = None
        if options.kubo:
            network = stack.enter_context(LocalNetwork("anvil", options.members))
            api = network.stakeholders[0].ipfs_api
            with contextlib.closing(IpfsStore(api)) as store:
                genesis = store.put(encode(first))
        else:
            stack.enter_context(_disk(folder / "weights"))
            genesis = LocalStore(folder / "weights").put(encode(first))
        running = stack.enter_context(anvil(*chain, accounts=max(10, options.members + 2)))
        founded = Collective.found(
            running,
            options.members,
            weights=genesis,
            rules=rules,
            secret=options.secret,
            max_size=1 << 20,
            merge_order=DEFAULT_ORDER if options.joint else (),
        )
        founded.save(folder, keys=options.members + 1, schema=Schema.of(first))
        endpoints = [Endpoint(running.port) for _ in range(options.members + 1)]
        news = [Forwarder(running.url) for _ in range(options.members + 1)]
        made = World(
            **vars(founded),
            folder=folder.resolve(),
            options=options,
            endpoints=endpoints,
            news=news,
            network=network,
            stack=stack,
            oldest=founded.deployment.block,
        )
        for one in (*endpoints, *news):
            stack.callback(one.close)
        try:
            for index in made.members:
                made.run_member(index)
            yield made
        finally:
            made.live.clear()
            for node in made.nodes:
                if node.process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(node.process.pid, signal.SIGCONT)
                    node.kill()
            made.chain.process.send_signal(signal.SIGCONT)
