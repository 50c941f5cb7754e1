"""A learner that finds too little memory on a real node: said once, with what to try, and the node goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.core.protocol import Rules

from ..kit.anvil import wait_until
from ..kit.nodes import node_collective, trained

__all__ = ["assert_said_once_and_votes_on"]


def assert_said_once_and_votes_on(folder: Path, factory: str, says: str, **options: object) -> None:
    """A node whose training finds no memory says so once, and votes in the next round."""
    with node_collective(folder, 2) as made:
        node = made.start(0, learner__factory=factory, learner__options={"index": 0, **options})
        wait_until(lambda: len(node.events("failed")) >= 3, "it tries again")
        made.chain.pass_time(Rules().propose_window + 1)
        wait_until(lambda: made.view(1).round == 2, "the turn has passed")
        made.propose(made.store.put(trained(1)))
        wait_until(lambda: bool(node.events("vote")), "it votes on")
        told = [line for line in node.lines if line["level"] in ("warning", "error") and "memory" in line["text"]]
        assert len(told) == 1, node.text
        assert says in told[0]["text"] and "batch_size=32, or less" in told[0]["text"]
        assert not node.events("trace") and not node.events("worker_died") and node.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["MemoryError", "ResourceExhaustedError"])
def test_node__an_own_learner_finds_too_little_memory__says_so_once_with_the_batch_size_to_try_and_votes_on(
    tmp_path: Path, kind: str
) -> None:
    says = "training found too little memory on this machine, or the device that it computes on"
    assert_said_once_and_votes_on(tmp_path, "tests.kit.node_learners:make_greedy", says, kind=kind)
