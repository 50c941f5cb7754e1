"""Nodes that are started before what they need: chain, sync, store, membership. They wait, say so, and begin."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.core.protocol import Rules

from ..kit.anvil import anvil, wait_until
from ..kit.collective import PASSWORD
from ..kit.nodes import NodeCollective, node_collective
from ..kit.ports import Forwarder

pytestmark = pytest.mark.slow


@pytest.fixture
def made(tmp_path: Path) -> Iterator[NodeCollective]:
    with node_collective(tmp_path, 2, rules=Rules()) as made:
        yield made


@pytest.fixture
def endpoint(made: NodeCollective) -> Iterator[Forwarder]:
    """One behind which there is nothing yet."""
    with contextlib.closing(Forwarder(made.chain.url)) as forwarder:
        forwarder.cut()
        yield forwarder


def test_chain__comes_later__is_waited_for(made: NodeCollective, endpoint: Forwarder) -> None:
    node = made.start(0, rpc=[endpoint.url], metrics__listen="127.0.0.1:0")
    wait_until(lambda: bool(node.events("chain")), "it says so")
    assert node.get("/livez")[0] == 200 and "can't be reached" in node.get("/readyz")[1]
    endpoint.target = made.chain.port
    wait_until(lambda: bool(node.events("propose")), "it begins")


def test_endpoint__not_yet_at_the_deployment__is_waited_for(made: NodeCollective, endpoint: Forwarder) -> None:
    with anvil() as unsynced:
        endpoint.target = unsynced.port
        node = made.start(0, rpc=[endpoint.url])
        said = f"the endpoint shows block 0, and the contract was deployed in {made.deployment.block}"
        wait_until(lambda: any(said in e["text"] for e in node.events("chain")), "it says so")
        endpoint.cut()
        endpoint.target = made.chain.port
        wait_until(lambda: bool(node.events("propose")), "it begins")


def test_store__comes_later__is_waited_for_and_the_learner_made_once(made: NodeCollective) -> None:
    late = made.folder / "late"
    late.touch()  # where the folder should be
    node = made.start(0, store__folder="late")
    wait_until(lambda: bool(node.events("failed")), "it says so")
    assert node.process.poll() is None and not node.events("learner")
    late.unlink()
    late.symlink_to(made.store.folder)
    wait_until(lambda: bool(node.events("propose")), "it begins")
    assert not node.events("worker_died")


def test_member__by_a_motion_that_is_open__follows_until_it_is_one(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        made.sender(0).move_add_member(made.address(2))
        write_keystore(made.account(2), tmp_path / "key-2.json", PASSWORD, iterations=2)
        node = made.start(2)
        wait_until(lambda: bool(node.events("adopt")), "it follows")
        assert made.nonce(2) == 0
        made.vote_motion(1)
        for index in range(2):
            made.start(index)
        wait_until(lambda: bool(node.events("vote")), "it votes")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal__while_it_waits_for_the_chain__leaves(
    made: NodeCollective, endpoint: Forwarder, number: signal.Signals
) -> None:
    node = made.start(0, rpc=[endpoint.url])
    wait_until(lambda: bool(node.events("chain")), "it waits")
    node.process.send_signal(number)
    assert node.wait(10) == 0, node.text
