"""A node whose surroundings fail while it runs: endpoints that die, gas that is too dear, funds that run low."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..kit.anvil import anvil, wait_until
from ..kit.nodes import NodeCollective, NodeProcess, node_collective, trained
from ..kit.ports import Forwarder, refusing_port


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[NodeCollective]:
    """Two members; nobody runs yet."""
    with node_collective(tmp_path, 2) as made:
        yield made


def rests(node: NodeProcess) -> None:
    wait_until(lambda: bool(node.events("wait")), "it rests")


@pytest.mark.slow
def test_endpoints__each_dies_in_turn__the_other_one_is_used(pair: NodeCollective) -> None:
    with (
        contextlib.closing(Forwarder(pair.chain.url)) as first,
        contextlib.closing(Forwarder(pair.chain.url)) as second,
    ):
        node = pair.start(1, rpc=[first.url, second.url])
        rests(node)
        first.cut()
        pair.propose(pair.store.put(trained()))
        wait_until(lambda: len(node.events("propose")) == 1, "it votes through the second, and has its own turn")
        first.target = pair.chain.port
        second.cut()
        pair.vote(0)
        wait_until(lambda: any(e["decided"] == 2 for e in node.events("outcome")), "it sees that through the first")
        assert node.process.poll() is None
        assert len(node.events("vote")) == 1 and pair.nonce(1) == 2, "nothing was done twice"


@pytest.mark.slow
def test_endpoints__the_first_is_dead_at_the_start__the_second_is_used(pair: NodeCollective) -> None:
    pair.propose(pair.store.put(trained()))
    with refusing_port() as port:
        node = pair.start(1, rpc=[f"http://127.0.0.1:{port}", pair.chain.url])
        wait_until(lambda: bool(node.events("vote")), "it votes")


@pytest.mark.slow
def test_fee_cap__gas_is_dearer__waits_until_it_is_cheaper(pair: NodeCollective) -> None:
    pair.propose(pair.store.put(trained()))
    pair.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    pair.chain.mine()
    node = pair.start(1, fee_cap=20)
    wait_until(lambda: len(node.events("chain")) >= 2, "it says so, and tries again")
    said = node.events("chain")[0]["text"]
    assert said.startswith(
        "gas costs 50 gwei now; expected: at most 20 gwei, the cap; to fix: wait until gas is cheaper"
    )
    assert pair.nonce(1) == 0
    pair.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    pair.chain.mine()
    wait_until(lambda: bool(node.events("vote")), "it votes when gas is cheaper")


@pytest.mark.slow
def test_funds__run_low__a_warning_and_when_there_are_none_it_waits_for_more(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        (tmp_path / "hold-train-1").touch()
        made.propose(made.store.put(trained()))
        price = int(made.chain.rpc("eth_gasPrice"), 16)
        made.chain.rpc("anvil_setBalance", made.address(1), hex(1_500_000 * price))
        options = {"index": 1, "folder": str(tmp_path)}
        node = made.start(1, learner__factory="tests.kit.node_learners:make_gated", learner__options=options)
        wait_until(lambda: bool(node.events("library")), "it warns")
        warned = node.events("library")[0]
        assert warned["level"] == "warning" and made.address(1) in warned["text"] and "wei left" in warned["text"]
        wait_until(lambda: bool(node.events("train")), "its own turn has come")
        made.chain.rpc("anvil_setBalance", made.address(1), hex(10))
        (tmp_path / "hold-train-1").unlink()
        wait_until(lambda: bool(node.events("chain")), "it can't pay, and says so")
        said = node.events("chain")[0]["text"]
        assert "has 10 wei" in said and f"send funds to {made.address(1)}" in said and made.nonce(1) == 1
        made.chain.rpc("anvil_setBalance", made.address(1), hex(10**20))
        wait_until(lambda: bool(node.events("propose")), "it goes on when there are funds")


@pytest.mark.slow
def test_endpoints__the_first_stands_still__is_not_ready_until_it_has_switched_and_votes(pair: NodeCollective) -> None:
    with anvil("--no-mining") as stuck:
        stuck.rpc("anvil_loadState", pair.chain.rpc("anvil_dumpState"))
        stuck.mine()
        node = pair.start(1, rpc=[stuck.url, pair.chain.url], metrics__listen="127.0.0.1:0")
        rests(node)
        wait_until(lambda: node.get("/readyz")[1] == "ok\n", "it sees nothing amiss")
        pair.propose(pair.store.put(trained()))
        pair.chain.rpc("anvil_mine", hex(20))
        wait_until(lambda: "blocks behind" in node.get("/readyz")[1], "it says that it sees an old chain")
        wait_until(lambda: bool(node.events("vote")), "it votes", deadline_s=60)
        [said] = node.events("endpoint")
        assert said["level"] == "warning" and said["text"].endswith(f"behind {pair.chain.url}: switched to that")
        wait_until(lambda: node.get("/readyz")[1] == "ok\n", "it is ready again")


@pytest.mark.slow
def test_motion__waits_for_this_members_vote__is_told_once(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3) as made:
        node = made.start(1)
        rests(node)
        made.sender(0).move_add_member(made.address(5))
        wait_until(lambda: bool(node.events("motions")), "it says so")
        [motion] = made.motions()
        assert f"0x{motion.id.hex()}" in node.events("motions")[0]["text"]
        made.vote_motion(1)
        wait_until(lambda: len(node.events("motions")) == 2, "it has voted by other means")
