"""A node of a collective that rests after a decision, and of one that has come to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.core.protocol import MotionKind, Rules

from ..kit.anvil import wait_until
from ..kit.nodes import NodeCollective, NodeProcess, node_collective, trained

REST_S = 100_000


def says(node: NodeProcess, what: str) -> bool:
    return any(what in line["text"] for line in node.events("wait"))


def agree_on_end(made: NodeCollective, word: int) -> None:
    """The members without nodes move it, and approve of it."""
    made.sender(1).move_to_agree_on(MotionKind.SET_END, word.to_bytes(32, "big"))
    made.vote_motion(2)


@pytest.mark.slow
def test_node__the_chain_rests_and_later_has_ended__says_so_and_goes_on_watching(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3, rules=Rules(pause=REST_S)) as made:
        node = made.start(0, metrics__listen="127.0.0.1:0")
        wait_until(lambda: made.view().proposal is not None, "round 1 has no pause before it", deadline_s=60)
        for index in (1, 2):
            made.sender(index).vote(made.proposal, True)
        wait_until(lambda: says(node, "the collective rests after a decision"), "it says that it rests", deadline_s=60)
        assert made.view().opens_at > made.view().at and not made.view().ended
        assert node.get("/readyz")[0] == 200

        made.chain.pass_time(REST_S)
        made.send_proposal(made.store.put(trained(1)))
        wait_until(lambda: bool(node.events("vote")), "it votes after the pause", deadline_s=60)
        if made.view().proposal is not None:  # one rejection of two votes decides
            made.sender(2).vote(made.proposal, False)
        agree_on_end(made, made.view().round - 1)
        wait_until(lambda: says(node, "the collective has come to its end"), "it says that it has ended", deadline_s=60)
        assert made.view().ended and node.process.poll() is None
        node.process.terminate()
        assert node.wait() == 0

        again = made.start(0, metrics__listen="127.0.0.1:0")
        wait_until(lambda: says(again, "the collective has come to its end"), "a restart says it, too", deadline_s=60)
        made.chain.pass_time(10 * REST_S)
        assert made.view().ended and again.get("/readyz")[0] == 200 and not again.events("propose")

        agree_on_end(made, 0)
        while made.view().proposer != made.address(0):
            made.chain.pass_time(made.view().deadline + 1 - made.view().at)
        wait_until(lambda: bool(again.events("propose")), "it has gone on watching, and proposes", deadline_s=90)
