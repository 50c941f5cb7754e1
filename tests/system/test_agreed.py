"""Nodes that go by what the members agreed on: a plan, its target, a successor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.cli.main import main
from colearn_ledger.core.protocol import Rules, View
from colearn_ledger.errors import ConfigError
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.plan.code import code_hash
from colearn_ledger.plan.document import Plan, Target

from ..kit.anvil import wait_until
from ..kit.nodes import ROOT, NodeCollective, node_collective

FACTORY = "tests.kit.node_learners:make"
SPEC = LearnerSpec(FACTORY, {}, (ROOT,))
PLAN = Plan(learner=FACTORY, own=("index",), modules=("tests",), code=code_hash(["tests"], SPEC.path), text="agreed")


@pytest.mark.slow
def test_plan__one_node_differs_and_one_refuses__both_say_where_and_one_goes_on(tmp_path: Path) -> None:
    agreed = replace(PLAN, options={"features": 4})
    with node_collective(tmp_path, 3, plan=agreed) as made:
        same, other = {"index": 0, "features": 4}, {"index": 1, "seed": 1, "features": 4}
        nodes = [
            made.start(0, "--rounds", "2", learner__options=same),
            made.start(1, "--rounds", "2", learner__options=other),
        ]
        strict = made.start(2, plan="refuse", learner__options={"index": 2, "seed": 2, "features": 4})
        assert strict.wait() == ConfigError.exit_code
        assert "learner.options.seed is 2, and the plan says left out" in strict.text
        assert not strict.events("propose") and not strict.events("vote")
        strict = made.start(2, "--rounds", "2", plan="refuse", learner__options={"index": 2, "features": 4})
        for node in [*nodes, strict]:
            assert node.wait() == 0
        as_agreed, differs, refused = ([line["text"] for line in node.events("plan")] for node in [*nodes, strict])
        assert agreed.sha256.hex()[:8] in as_agreed[0] and len(as_agreed) == len(refused) == 1
        assert ["learner.options.seed is 1, and the plan says left out" in text for text in differs] == [True]


@pytest.mark.slow
def test_plan__nobody_has_it__is_told_with_its_hash_and_found_once_it_is_there(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2, plan=PLAN) as made:
        kept = made.store.folder / made.store.put(PLAN.to_bytes()).cid
        kept.unlink()
        (tmp_path / "deployment.plan.json").write_bytes(replace(PLAN, text="a lie").to_bytes())
        strict = made.start(0, plan="refuse")
        wait_until(lambda: strict.events("plan") and strict.events("wait"), "it waits for the plan", deadline_s=60)
        assert PLAN.sha256.hex() in strict.events("plan")[0]["text"] and not strict.events("train")
        assert "is another plan" in strict.events("plan")[0]["text"]
        (tmp_path / "deployment.plan.json").write_bytes(PLAN.to_bytes())
        wait_until(lambda: strict.events("propose"), "it goes on", deadline_s=90)
        assert kept.read_bytes() == PLAN.to_bytes(), "by this member others find it, too"


@pytest.mark.slow
def test_target__the_published_mean_reaches_it__nodes_decline_to_train_and_say_so(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2, plan=replace(PLAN, target=Target(-1e6)), rules=Rules(propose_window=2)) as made:
        nodes = [made.start(index, publish_scores=True, metrics__listen="127.0.0.1:0") for index in range(2)]
        wait_until(lambda: all(node.events("declined") for node in nodes), "both decline", deadline_s=90)
        assert "the plan's target is reached" in nodes[0].events("declined")[0]["text"]
        accepted = made.view().accepted_round
        assert accepted > 0
        count = len(nodes[0].events("declined"))
        wait_until(lambda: len(nodes[0].events("declined")) > count + 1, "its turn comes again", deadline_s=90)
        assert made.view().accepted_round == accepted
        assert 'colearn_node_events_total{event="declined",level="warning"}' in nodes[0].get("/metrics")[1]


@pytest.mark.slow
def test_successor__agreed_on__nodes_that_were_told_go_on_there_and_others_say_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with node_collective(tmp_path, 5, plan=PLAN) as made:
        (tmp_path / "deployment.plan.json").write_bytes(PLAN.to_bytes())
        nodes = [made.start(0), made.start(1)]
        wait_until(lambda: made.view().proposal is not None, "the first proposes", deadline_s=60)
        others_vote(made, True)
        wait_until(lambda: made.view().accepted_round == 1, "it is accepted", deadline_s=60)
        key = ["--rpc", made.chain.url, "--keystore", "key-4.json", "--password-file", "password.txt", "--yes"]
        there = ["--store-folder", "weights", "--succeeds", "deployment.json", "-o", "deployment-2.json"]
        assert main(["deploy", *key, *there, "--plan", "deployment.plan.json"]) == 0
        new = load_deployment(tmp_path / "deployment-2.json")
        assert new.genesis.sha256 == made.view().accepted.sha256
        for node in nodes:
            node.process.terminate()
            assert node.wait() == 0
        nodes = [made.start(index, follow="deployment-2.json") for index in range(2)]
        wait_until(lambda: made.view().proposal is not None, "the second proposes", deadline_s=60)
        others_vote(made, False)
        wait_until(lambda: made.view().round == 3, "it is rejected", deadline_s=60)
        agree_on_successor(made)
        contract = CollectiveContract(made.chain.web3, new.address)

        def view() -> View:
            return contract.snapshot().view(made.address(1))

        wait_until(lambda: view().proposal is not None, "the first proposes in the successor", deadline_s=90)
        wait_until(lambda: view().voted, "the second votes there", deadline_s=90)
        assert all("going on there" in node.events("successor")[0]["text"] for node in nodes)
        stays = made.start(4)
        wait_until(lambda: stays.events("successor"), "it says what to do", deadline_s=60)
        assert new.address in stays.events("successor")[0]["text"]
        assert "set deployment" in stays.events("successor")[0]["text"] and stays.process.poll() is None
        stays.kill()
        made.start(4, deployment="deployment-2.json")
        wait_until(lambda: contract.snapshot().view(made.address(4)).voted, "it takes part there", deadline_s=90)
        capsys.readouterr()
        across = ["--deployment", "deployment-2.json", "--across", "deployment.json"]
        assert main(["audit", *across, "--store-folder", "weights"]) == 0
        assert "succession  ok" in capsys.readouterr().out
        assert main(["info"]) == 0
        assert f"successor   {new.address} on chain 31337" in capsys.readouterr().out


def others_vote(made: NodeCollective, approve: bool) -> None:
    """The members without nodes vote alike; the last one may be too late for the decision."""
    proposal = made.proposal
    for index in (2, 3, 4):
        made.sender(index).vote(proposal, approve)


def agree_on_successor(made: NodeCollective) -> None:
    """The members without nodes move it, and approve of it."""
    who = ["--keystore", "key-2.json", "--password-file", "password.txt"]
    assert main(["motion", "propose", "successor", "deployment-2.json", *who]) == 0
    made.vote_motion(3, 4)
