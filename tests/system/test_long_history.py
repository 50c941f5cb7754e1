"""A node begins as quickly with a long history, and after an absence of many rounds, as with a short one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from colearn_ledger.chain.artifact import load_artifact

from ..kit.anvil import wait_until
from ..kit.nodes import NodeCollective, node_collective, trained
from ..kit.proxy import Proxy, proxy_of

pytestmark = pytest.mark.slow

MISSED = 20_000
MOST = 64  # records of rounds that a start may ask for


@contextmanager
def asked_for(proxy: Proxy) -> Iterator[list[int]]:
    """How many records each call asks for, and how many blocks each question for events."""
    [rounds] = [f for f in load_artifact().abi if f.get("name") == "rounds" and f["type"] == "function"]
    selector = "0x" + keccak(text=f"rounds({','.join(one['type'] for one in rounds['inputs'])})").hex()[:8]
    found: list[int] = []

    def call(params: list[Any], ask: Any) -> Any:
        data = params[0].get("data") or params[0].get("input")
        if data.startswith(selector):
            found.append(int(data[10 + 64 : 10 + 128], 16))
        return ask(params)

    def logs(params: list[Any], ask: Any) -> Any:
        found.append(int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16))
        return ask(params)

    proxy.answers |= {"eth_call": call, "eth_getLogs": logs}
    yield found


def started(made: NodeCollective, proxy: Proxy) -> int:
    """What a new node of member 1 asks for until it has voted on what member 0 proposes now."""
    with asked_for(proxy) as found:
        node = made.start(1, rpc=[proxy.url])
        wait_until(lambda: made.view(1).voted or node.process.poll() is not None, "the node votes", 120)
        node.kill()
    assert made.view(1).voted, node.text
    return sum(found)


def test_start__20000_rounds_have_passed__it_reads_no_more_of_them_than_of_one(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3) as made, proxy_of(made.chain.url) as proxy:
        made.propose(made.store.put(trained()))
        before = started(made, proxy)
        made.vote(2, made.view(1).proposal.approvals == 0)  # in any case one for and one against: rejected
        made.chain.pass_time(made.view().rules.propose_window * MISSED)
        while made.view().proposer != made.address(0):
            made.chain.pass_time(made.view().rules.propose_window)
        assert made.view().round > MISSED
        made.propose(made.store.put(trained()))
        after = started(made, proxy)
    assert before <= MOST and after <= MOST, (before, after)
