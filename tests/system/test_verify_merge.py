"""Real nodes that recompute merges before they vote, and a proposer that lies about them with weights that all like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.core.weights import encode

from ..kit.anvil import wait_until
from ..kit.collective import JOINT_RULES, ORDER
from ..kit.nodes import NodeCollective, NodeProcess, node_collective

TRUTH = np.random.default_rng(1).normal(size=4)  # what all data of the linear learners are about


def good(step: float) -> bytes:
    """Weights that everybody likes better than any training's."""
    return encode({"w": TRUTH + step})


def voted(nodes: list[NodeProcess], made: NodeCollective, number: int) -> str:
    """What the node says whose vote has decided this round: the other's may come too late."""
    text = "".join(node.text for node in nodes)
    wait_until(lambda: made.view(0).round > number, f"round {number} is over\n{text}")
    proposal = made.record(number).id
    assert proposal is not None

    def said() -> list[str]:
        votes = [vote for node in nodes for vote in node.events("vote")]
        return [vote["text"] for vote in votes if vote["sent"] and vote["proposal"] == "0x" + proposal.hex()]

    wait_until(lambda: bool(said()), f"one says so\n{text}")
    return said()[0]


@pytest.mark.slow
def test_node__a_proposer_lies_about_its_merge_or_leaves_out_most__is_rejected_whatever_the_weights_score(
    tmp_path: Path,
) -> None:
    with node_collective(tmp_path, 3, rules=JOINT_RULES, merge_order=ORDER) as made:
        nodes = [made.start(index, verify_merge=True) for index in (1, 2)]

        def text() -> str:
            return "".join(node.text for node in nodes)

        def all_contribute(own: bytes) -> None:
            """To the training that goes on; member 0 this."""
            made.contribute(0, made.store.put(own))

            def there() -> bool:
                training = made.view(0).training
                return training is not None and len(training.contributions) == 3

            wait_until(there, "all have contributed" + text())

        def propose(seats: int, weights: bytes) -> int:
            """These weights, as the merge of what these seats contributed, which is named rightly; the round."""
            training, number = made.view(0).training, made.view(0).round
            assert training is not None
            claimed = [(one.seat, one.weights) for one in training.contributions if seats >> one.seat & 1]
            made.merge(made.store.put(weights), seats, claim_digest(claimed))
            return number

        all_contribute(good(0.3))
        number = propose(0b111, good(0.01))
        assert "voted to reject: it isn't the merge that it claims to be" in voted(nodes, made, number)
        assert made.record(number).state is RoundState.REJECTED
        while made.view(0).proposer != made.address(0):
            number = made.view(0).round
            wait_until(lambda: made.view(0).proposal is not None, "the others merge what is there" + text())
            made.vote(0)
            wait_until(lambda number=number: made.view(0).round > number, "and vote" + text())  # type: ignore[misc]
            if made.record(number).state is RoundState.ACCEPTED:
                all_contribute(good(0.1))
        if made.view(0).training is None or not made.view(0).training.contributions:
            all_contribute(good(0.1))
        number = propose(0b001, good(0.1))
        assert "leaves out what the seats 1, 2 contributed, which can be had" in voted(nodes, made, number)
        assert made.record(number).state is RoundState.REJECTED
        accepted = [record for record in made.records() if record.state is RoundState.ACCEPTED]
        assert accepted, "what is true is accepted" + text()
