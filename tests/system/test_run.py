"""Node processes, each with its own key and learner, on Anvil and a shared folder of weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import RoundState

from ..kit.learners import linear_learners
from ..kit.nodes import node_collective

ROUNDS = 5


@pytest.mark.parametrize("secret", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_run__three_processes__same_decisions_and_bytes_as_in_one_process(tmp_path: Path, secret: bool) -> None:
    expected = run(ROUNDS, linear_learners(3, 1), 0.5)
    assert {r.accepted for r in expected.rounds} == {True, False}
    with node_collective(tmp_path, 3, secret=secret) as made:
        nodes = [made.start(i, "--until-round", str(ROUNDS)) for i in range(3)]
        codes = [node.wait() for node in nodes]
        assert codes == [0, 0, 0], "".join(node.text for node in nodes)
        records = made.records()[:ROUNDS]
        for record, result in zip(records, expected.rounds, strict=True):
            assert record.proposer_seat == result.proposer
            assert (record.state is RoundState.ACCEPTED) == result.accepted
            assert record.weights is not None and record.weights.sha256.hex() == result.weights_sha256
            for seat, vote in enumerate(result.votes):
                assert not record.approvals >> seat & 1 or vote is True
                assert not record.rejections >> seat & 1 or vote is False
        assert made.accepted_sha256() == expected.final_sha256


@pytest.mark.slow
def test_run__afterwards__store_keeps_the_accepted_weights_and_their_parent_only(tmp_path: Path) -> None:
    rounds = 9
    expected = run(rounds, linear_learners(3, 1), 0.5)
    accepted = [r.weights_sha256 for r in expected.rounds if r.accepted]
    with node_collective(tmp_path, 3) as made:
        nodes = [made.start(i, "--until-round", str(rounds)) for i in range(3)]
        assert [node.wait() for node in nodes] == [0, 0, 0]
        records = {r.weights.sha256.hex(): r for r in made.records() if r.weights is not None}
        assert all(made.store.has(records[sha256].weights) for sha256 in accepted[-2:])
        gone = [r for r in records.values() if r.round <= rounds - 4 and r.weights.sha256.hex() not in accepted[-2:]]
        assert len(gone) >= 3
        assert not [r.round for r in gone if made.store.has(r.weights)]
