"""How long it takes until a node acts on a transaction of somebody else.

    python -m benchmarks.latency [--repeats N] [--check]

From the moment when a proposal is mined to the moment when another member's learner is given the weights to test: the
node has been woken, has read the contract, and has pulled the weights from a folder. By what wakes the node: the
chain's WebSocket, or polling so often. Proposals come at any time between two looks. The node, its worker and Anvil
are processes of their own; the benchmark plays the other member.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from colearn_node.demo import set_up

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import load_account
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.core.protocol import RoundState, View
from colearn_ledger.core.weights import encode
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.http import call_rpc
from colearn_ledger.stores.local import LocalStore

from .scene import FREE, Nodes, load, polling, prepare, running

__all__ = ["INTERVALS", "measure", "target_s"]

INTERVALS = (0.0, 0.1, 0.5, 1.0)  # seconds between looks; 0: woken by the WebSocket
OWN_S = 0.06  # the least that a node needs to look, pull and hand over


def target_s(interval: float) -> float:
    """Half the interval is waiting, on average; the rest is the node's own."""
    return interval / 2 + OWN_S


def measure(repeats: int = 20, intervals: Sequence[float] = INTERVALS) -> dict[float, list[float]]:
    """Seconds of each proposal, by interval."""
    prepare()
    return {interval: _measure(repeats, interval) for interval in intervals}


def _measure(repeats: int, interval: float) -> list[float]:
    with LocalNetwork("anvil", 2, ipfs=False) as network, ThreadPoolExecutor(1) as beside:
        noted = network.folder / "noted"
        setup = set_up(network, FREE, {"size": 1000, "note": str(noted)})
        name = network.stakeholders[1].name
        config = setup.configs[name]
        with running({name: polling(config, interval) if interval else config}) as nodes:
            other = _Other(network, setup.deployment, beside)
            # Any time between two looks is as likely as any other.
            pauses = [interval * (i + random.random()) / repeats for i in range(repeats)]
            random.shuffle(pauses)
            return [other.play(nodes, noted, pause) for pause in pauses]


class _Other:
    """The first member, who proposes in every other round, and approves in those between."""

    def __init__(self, network: LocalNetwork, deployment: Path, beside: ThreadPoolExecutor) -> None:
        self._url, self._beside = network.rpc_url, beside
        self._contract = CollectiveContract(connect([network.rpc_url]), load_deployment(deployment).address)
        person = network.stakeholders[0]
        account: Any = load_account(person.keystore, person.password_file, False)
        self._member, self._sender = account.address, Sender(self._contract, account)
        self._store = LocalStore(network.folder / "weights")

    def play(self, nodes: Nodes, noted: Path, pause: float) -> float:
        """Two rounds; seconds from this member's proposal to the other's test."""
        view = self._view()
        ref = self._store.put(encode(np.array([view.round, *np.zeros(124)])))
        before = _times(noted)
        time.sleep(pause)
        call_rpc(self._url, "evm_setAutomine", False)
        sending = self._beside.submit(
            self._sender.propose, view.round, view.accepted.sha256, ref.sha256, ref.cid_digest, ref.size, b""
        )
        nodes.wait_until(lambda: call_rpc(self._url, "txpool_status")["pending"] != "0x0", "a proposal waits")
        start = time.time()
        call_rpc(self._url, "evm_mine")
        call_rpc(self._url, "evm_setAutomine", True)
        sending.result()
        nodes.wait_until(lambda: len(_times(noted)) > len(before), "the node tests")
        nodes.wait_until(lambda: self._votes_in(view.round + 1), "the node's own proposal")
        self._sender.vote(self._view().proposal.id, True)
        nodes.wait_until(lambda: self._view().round == view.round + 2, "the next turn")
        return _times(noted)[len(before)] - start

    def _votes_in(self, round_number: int) -> bool:
        view = self._view()
        return view.round == round_number and view.state is RoundState.VOTING

    def _view(self) -> View:
        return self._contract.snapshot().view(self._member)


def _times(noted: Path) -> list[float]:
    return [float(line) for line in noted.read_text().split()] if noted.exists() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="proposals each (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="fail above the targets")
    options = parser.parse_args()
    found = measure(options.repeats)
    print(f"proposal mined -> another node's learner tests it, {options.repeats} each, milliseconds ({load()})")
    print(f"  {'woken by':<22}{'median':>8}{'10 %':>8}{'90 %':>8}{'target':>8}")
    good = True
    for interval, seconds in found.items():
        median = statistics.median(seconds)
        tenths = statistics.quantiles(seconds, n=10) if len(seconds) > 1 else [median] * 9
        name = f"polling every {interval:g} s" if interval else "WebSocket"
        cells = (median, tenths[0], tenths[-1], target_s(interval))
        print(f"  {name:<22}" + "".join(f"{s * 1000:>8.0f}" for s in cells))
        good = good and median <= target_s(interval)
    return int(options.check and not good)


if __name__ == "__main__":
    sys.exit(main())
