"""A chain that goes back, is another one for a while, or is begun anew: running nodes wait, say so, and go on."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from colearn_ledger.core.protocol import Rules

from ..kit.anvil import anvil, wait_until
from ..kit.nodes import NodeCollective, NodeProcess, node_collective
from ..kit.ports import Forwarder

pytestmark = pytest.mark.slow

# Windows that no test outlasts: what goes on does so by transactions.
LASTING = Rules(propose_window=10_000, vote_window=10_000)


@contextlib.contextmanager
def running(folder: Path, rules: Rules = LASTING) -> Iterator[tuple[NodeCollective, list[NodeProcess], Forwarder]]:
    """Two nodes that have passed three rounds, through an endpoint whose chain can be changed."""
    with (
        node_collective(folder, 2, rules=rules) as made,
        contextlib.closing(Forwarder(made.chain.url)) as endpoint,
    ):
        nodes = [made.start(i, rpc=[endpoint.url], metrics__listen="127.0.0.1:0") for i in range(2)]
        wait_until(lambda: made.view().round > 3, "three rounds are decided")
        yield made, nodes, endpoint


def go_on(made: NodeCollective, nodes: list[NodeProcess]) -> None:
    """Rounds go on, and no node has left."""
    first = made.view().round
    wait_until(lambda: made.view().round > first + 1, "rounds go on", deadline_s=20)
    assert [node.process.poll() for node in nodes] == [None, None]


def test_rollback__on_a_chain_that_mines_on_demand__is_a_reorg(tmp_path: Path) -> None:
    with running(tmp_path) as (made, nodes, _):
        for _ in range(3):
            made.chain.rpc("anvil_rollback", 4)
            go_on(made, nodes)


def test_chain__begun_anew_for_a_while__is_said_and_waited_for(tmp_path: Path) -> None:
    with running(tmp_path) as (made, nodes, endpoint), anvil() as other:
        endpoint.cut()
        endpoint.target = other.port
        gone = "the contract isn't on this chain any more"
        wait_until(lambda: all(any(gone in e["text"] for e in n.events("chain")) for n in nodes), "they say so")
        wait_until(lambda: gone in nodes[0].get("/readyz")[1], "it is not ready")
        endpoint.cut()
        endpoint.target = made.chain.port
        go_on(made, nodes)
        wait_until(lambda: nodes[0].get("/readyz")[1] == "ok\n", "it is ready again")


def test_chain__is_another_one_for_a_while__is_said_and_waited_for(tmp_path: Path) -> None:
    with running(tmp_path) as (made, nodes, endpoint), anvil("--chain-id", "5") as other:
        endpoint.cut()
        wait_until(lambda: all(node.events("chain") for node in nodes), "they say that it is away")
        endpoint.target = other.port
        wait_until(lambda: all(any("chain 5" in e["text"] for e in n.events("chain")) for n in nodes), "they say so")
        endpoint.cut()
        endpoint.target = made.chain.port
        go_on(made, nodes)


def test_chain__restarted_on_an_earlier_state__goes_on_from_there(tmp_path: Path) -> None:
    with running(tmp_path) as (made, nodes, endpoint), anvil() as restarted:
        state = made.chain.rpc("anvil_dumpState")
        first = made.view().round
        wait_until(lambda: made.view().round > first + 1, "two more rounds are decided")
        endpoint.cut()
        made.chain.stop()
        restarted.rpc("anvil_loadState", state)
        restarted.mine()
        made.follow(restarted)
        endpoint.target = restarted.port
        go_on(made, nodes)


def test_chain__goes_back_to_a_proposal_that_nobody_has__its_proposer_makes_it_again(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2, rules=LASTING) as made:
        proposer = made.start(0)
        wait_until(lambda: made.view().proposal is not None, "it has proposed")
        snapshot, proposal = made.chain.rpc("evm_snapshot"), made.view().proposal
        assert proposal is not None
        nodes = [proposer, made.start(1)]
        wait_until(lambda: made.view().round > 3, "three rounds are decided")
        made.chain.rpc("evm_revert", snapshot)
        (made.store.folder / proposal.weights.cid).unlink()  # not before: adopted ones come back
        wait_until(lambda: made.view().round > 1, "it is decided again", deadline_s=60)
        assert made.record(1).weights == proposal.weights and made.record(1).state.decided
        wait_until(lambda: any("has it again" in e["text"] for e in proposer.events("store")), "it says so")
        go_on(made, nodes)


def test_chain__nine_thousand_rounds_pass_at_once__act_within_a_look_or_two_and_are_counted(tmp_path: Path) -> None:
    rules = dataclasses.replace(LASTING, propose_window=10)
    with running(tmp_path, rules=rules) as (made, nodes, _):
        made.chain.pass_time(90_000)
        go_on(made, nodes)
        first = made.view().round

        def missed() -> float:
            lines = nodes[0].get("/metrics")[1].splitlines()
            return next((float(line.split()[1]) for line in lines if 'outcome="missed"' in line), 0.0)

        wait_until(lambda: missed() >= 8_990, "all are counted")
        assert made.view().round > first, "and rounds went on meanwhile"
