"""Node processes, each with its own key and learner, on Anvil and a shared folder of weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.driver import run
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import RoundRecord, RoundState, seats

from ..kit.anvil import wait_until
from ..kit.collective import JOINT_RULES, ORDER
from ..kit.learners import linear_learners
from ..kit.nodes import node_collective

ROUNDS = 5


@pytest.mark.slow
@pytest.mark.parametrize("secret", [False, True])
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
@pytest.mark.parametrize("secret", [False, True])
def test_run__joint_rounds__same_decisions_merges_and_bytes_as_in_one_process(tmp_path: Path, secret: bool) -> None:
    expected = run(ROUNDS, linear_learners(3, 1), 0.5, rounds="joint")
    assert {r.accepted for r in expected.rounds} == {True, False}
    with node_collective(tmp_path, 3, secret=secret, rules=JOINT_RULES, merge_order=ORDER) as made:
        nodes = [made.start(i, "--until-round", str(ROUNDS)) for i in range(3)]
        codes = [node.wait() for node in nodes]
        assert codes == [0, 0, 0], "".join(node.text for node in nodes)
        for record, result in zip(made.records()[:ROUNDS], expected.rounds, strict=True):
            assert record.proposer_seat == result.proposer
            assert (record.state is RoundState.ACCEPTED) == result.accepted
            assert record.weights is not None and record.weights.sha256.hex() == result.weights_sha256
            assert record.claim is not None and result.merge is not None
            assert seats(record.claim.seats) == result.merge.merged
            assert Rule(record.claim.rule).text == result.merge.rule
        assert made.accepted_sha256() == expected.final_sha256


@pytest.mark.slow
def test_run__joint_rounds_by_momentum__same_bytes_as_in_one_process_and_recomputed_by_voters_and_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = (Rule.MOMENTUM, Rule.MEDIAN)
    expected = run(ROUNDS, linear_learners(3, 1), 0.5, rounds="joint", merge_order=order)
    accepted = [(r.round, r.merge.rule) for r in expected.rounds if r.accepted and r.merge is not None]
    by_momentum = [number for number, rule in accepted if rule == "momentum"]
    assert len(by_momentum) >= 2, "the later one has something before its parent"
    with node_collective(tmp_path, 3, rules=JOINT_RULES, merge_order=order) as made:
        nodes = [made.start(i, "--until-round", str(ROUNDS), verify_merge=True) for i in range(3)]
        assert [node.wait() for node in nodes] == [0, 0, 0], "".join(node.text for node in nodes)
        for record, result in zip(made.records()[:ROUNDS], expected.rounds, strict=True):
            assert record.weights is not None and record.weights.sha256.hex() == result.weights_sha256
        assert not any("nobody here knows" in node.text or "can't be had" in node.text for node in nodes)
        options = ["--deployment", str(tmp_path / "deployment.json"), "--rpc", made.chain.url]
        assert main(["recompute", str(by_momentum[-1]), *options, "--store-folder", str(tmp_path / "weights")]) == 0
        assert "contributions by momentum" in capsys.readouterr().out
        assert main(["audit", *options, "--store-folder", str(tmp_path / "weights"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["checked"]["merges"] == len(accepted)


@pytest.mark.slow
def test_run__joint_rounds_and_one_member_is_never_there__costs_one_train_window_and_no_training(
    tmp_path: Path,
) -> None:
    # The train window begins before the nodes do, which take seconds on a busy machine.
    rules = JOINT_RULES.changed(train_window=30, propose_window=8, vote_window=40)
    with node_collective(tmp_path, 4, rules=rules, merge_order=ORDER, chain_options=("--block-time", "1")) as made:
        nodes = [made.start(i) for i in range(3)]
        wait_until(lambda: made.view(0).round > 12, "rounds go on", deadline_s=300)
        for node in nodes:
            node.process.terminate()
        assert [node.wait() for node in nodes] == [0, 0, 0]
        decided = [r for r in made.records() if r.state.decided]
        merged = [r for r in decided if r.claim is not None]
        assert len(merged) > 5 and all(r.claim is not None and r.claim.seats == 0b111 for r in merged)
        assert all(r.proposer_seat == 3 for r in decided if r.state is RoundState.MISSED)
        view = made.view(0)
        assert view.training is not None and view.training.expected == 0b111, "nobody waits for the absent one any more"
        trained, rounds = len(nodes[0].events("contribute")), len(merged)
        assert trained <= rounds, "nobody trains again since a proposer was away, or since the others rejected"


@pytest.mark.slow
def test_run__joint_rounds_and_a_node_is_killed_in_its_training__contributes_the_same_when_it_is_back(
    tmp_path: Path,
) -> None:
    expected = run(2, linear_learners(3, 1), 0.5, rounds="joint")
    with node_collective(tmp_path, 3, rules=JOINT_RULES, merge_order=ORDER) as made:
        (tmp_path / "hold-train-0").touch()
        factory = {"learner__factory": "tests.kit.node_learners:make_gated"}
        options = {"learner__options": {"index": 0, "folder": str(tmp_path)}}
        held = made.start(0, **factory, **options)
        others = [made.start(i, "--until-round", "2") for i in (1, 2)]
        wait_until(lambda: bool(list(tmp_path.glob("train-0-*"))), "it trains")
        held.kill()
        (tmp_path / "hold-train-0").unlink()
        nodes = [made.start(0, "--until-round", "2", **factory, **options), *others]
        assert [node.wait() for node in nodes] == [0, 0, 0], "".join(node.text for node in nodes)
        assert [r.weights.sha256.hex() for r in made.records()[:2] if r.weights is not None] == [
            r.weights_sha256 for r in expected.rounds
        ]


@pytest.mark.slow
def test_run__joint_rounds_and_all_contributions_are_lost__each_member_makes_its_own_again_and_rounds_go_on(
    tmp_path: Path,
) -> None:
    with node_collective(tmp_path, 2, rules=JOINT_RULES, merge_order=ORDER) as made:
        first = made.start(0)
        wait_until(lambda: bool(first.events("contribute")), "it has contributed")
        first.kill()
        training = made.view(0).training
        assert training is not None
        for one in training.contributions:
            (tmp_path / "weights" / one.weights.cid).unlink()
        nodes = [made.start(i, "--until-round", "1") for i in range(2)]
        assert [node.wait() for node in nodes] == [0, 0], "".join(node.text for node in nodes)
        assert "contribution, and has it again: it was trained again, to the same bytes" in nodes[0].text
        claim = made.record(1).claim
        assert claim is not None and claim.seats == 0b11


@pytest.mark.slow
def test_run__round_after_round__store_keeps_the_accepted_weights_and_their_parent_and_not_what_was_before(
    tmp_path: Path,
) -> None:
    with node_collective(tmp_path, 3) as made:
        nodes = [made.start(i, store__keep="current") for i in range(3)]

        def sorted_out() -> tuple[list[RoundRecord], list[RoundRecord]]:
            """Rounds whose weights are needed, as the accepted ones or their parent; and those of the first five."""
            view, proposed = made.view(0), [r for r in made.records() if r.weights is not None]
            names = {view.accepted.sha256, *(r.parent for r in proposed if r.round == view.accepted_round)}
            needed = [r for r in proposed if r.weights is not None and r.weights.sha256 in names]
            return needed, [r for r in proposed if r.round <= 5 and r not in needed]

        def tidy() -> bool:
            _, old = sorted_out()
            return made.view(0).round > 9 and not any(made.store.has(r.weights) for r in old if r.weights is not None)

        wait_until(tidy, "what isn't needed is gone", deadline_s=90)
        for node in nodes:
            node.process.terminate()
        assert [node.wait() for node in nodes] == [0, 0, 0]
        needed, old = sorted_out()
        assert len(old) >= 3 and len(needed) == 2, "the accepted weights and their parent"
        assert all(made.store.has(r.weights) for r in needed if r.weights is not None)
