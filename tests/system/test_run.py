"""Node processes, each with its own key and learner, on Anvil and a shared folder of weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import RoundState

from ..kit.anvil import wait_until
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
def test_run__round_after_round__store_keeps_the_accepted_weights_and_their_parent_and_not_what_was_before(
    tmp_path: Path,
) -> None:
    with node_collective(tmp_path, 3) as made:
        nodes = [made.start(i) for i in range(3)]

        def old() -> list[int]:
            """Rounds of the first five whose weights the folder still has, and nobody needs."""
            view, records = made.view(0), made.records()
            accepted = next((r for r in records if r.round == view.accepted_round), None)
            needed = {view.accepted.sha256, accepted.parent if accepted else None}
            first = [r for r in records if r.weights is not None and r.round <= 5 and r.weights.sha256 not in needed]
            return [r.round for r in first if made.store.has(r.weights)]

        wait_until(lambda: made.view(0).round > 9 and not old(), "what isn't needed is gone", deadline_s=90)
        view = made.view(0)
        assert made.store.has(view.accepted)
        for node in nodes:
            node.process.terminate()
        assert [node.wait() for node in nodes] == [0, 0, 0]
