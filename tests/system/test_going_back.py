"""Members go back to earlier accepted weights, and one of them replaces its key, while their nodes run."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.chain.keys import write_keystore

from ..kit.anvil import wait_until
from ..kit.collective import PASSWORD
from ..kit.nodes import NodeCollective, node_collective


def has_accepted(made: NodeCollective, rounds: int) -> bool:
    return sum(r.state.name == "ACCEPTED" for r in made.decided()) >= rounds


@pytest.mark.slow
def test_revert__nodes_run__all_adopt_the_earlier_weights_and_train_on_from_them(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3) as made:
        nodes = [made.start(i) for i in range(3)]
        wait_until(lambda: has_accepted(made, 4), "four rounds are accepted")
        made.sender(0).move_revert_to(1)
        made.vote_motion(1)
        wait_until(lambda: bool([m for m in made.motions() if m.first_round]), "it is carried out")
        [motion] = made.motions()
        first = motion.first_round or 0
        wait_until(lambda: any(r.round >= first and r.weights for r in made.decided()), "they propose again")
        [built] = [r for r in made.records() if r.round >= first and r.weights is not None][:1]
        assert (built.parent_round, built.parent) == (1, made.record(1).weights.sha256)
        assert not [line for n in nodes for line in n.lines if line["level"] == "error"]


@pytest.mark.slow
def test_replace_key__old_and_new_node_run__the_new_one_votes_and_the_old_one_follows(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3) as made:
        nodes = [made.start(i) for i in (0, 1, 2)]
        wait_until(lambda: has_accepted(made, 1), "a round is accepted")
        made.sender(2).replace_member(made.address(4))
        wait_until(lambda: made.address(4) in made.contract.snapshot().members(), "it is carried out")
        wait_until(lambda: "not a member" in nodes[2].events("wait")[-1]["text"], "the old one says so")
        assert nodes[2].process.poll() is None
        write_keystore(made.account(4), tmp_path / "key-4.json", PASSWORD, iterations=2)
        made.start(4)
        here = made.view().round
        wait_until(
            lambda: any(r.round > here and r.proposer == made.address(4) for r in made.decided()), "it has its turn"
        )
        assert not [line for line in nodes[2].lines if line["level"] == "error"]
