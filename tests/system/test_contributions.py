"""What real nodes keep of what was contributed to joint rounds; and that it lets anybody recompute them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from colearn_node.demo import set_up
from colearn_node.fleet import Fleet

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.cli.main import main
from colearn_ledger.core.merge.rules import DEFAULT_ORDER
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.history import Round, Use, read_history
from colearn_ledger.network.http import call_ipfs
from colearn_ledger.stores.base import owner_of
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import wait_until
from ..kit.collective import JOINT_RULES, ORDER
from ..kit.network import local_network, need
from ..kit.nodes import ROOT, NodeCollective, node_collective


def kept(made: NodeCollective, index: int) -> frozenset[tuple[int, str]]:
    """The contributions that a member's node keeps, by training and CID."""
    owner = owner_of(made.contract.chain_id, made.contract.address, made.address(index))
    return LocalStore(made.folder / "weights", owner=owner).contributions()


def pulled(made: NodeCollective, index: int) -> frozenset[str]:
    """What it keeps otherwise."""
    owner = owner_of(made.contract.chain_id, made.contract.address, made.address(index))
    return LocalStore(made.folder / "weights", owner=owner).kept()


def merged(rounds: tuple[Round, ...], state: RoundState) -> list[Round]:
    return [one for one in rounds if one.record.claim is not None and one.record.state is state]


def recomputed(capsys: Any, *words: str) -> Any:
    capsys.readouterr()
    code = main(["recompute", *words, "--json"])
    return {"code": code, **json.loads(capsys.readouterr().out)}


@pytest.mark.slow
def test_node__joint_rounds_long_past__can_be_recomputed_from_what_members_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with node_collective(tmp_path, 3, rules=JOINT_RULES, merge_order=ORDER) as made:
        nodes = [made.start(index) for index in range(3)]
        wait_until(lambda: made.view().round > 24, "rounds go on", deadline_s=120)
        made.chain.pass_time(61)  # no re-org undoes them any more
        until = made.view().round + 6
        wait_until(lambda: made.view().round > until, "and on", deadline_s=60)
        for node in nodes[:2]:
            node.process.terminate()
            assert node.wait() == 0
        rounds = made.history().rounds
        accepted, rejected = (merged(rounds, state) for state in (RoundState.ACCEPTED, RoundState.REJECTED))
        trainings = {one.training for one in accepted}
        old = [one for one in rejected if one.training not in trainings and one.record.round <= 20]
        assert len(accepted) > 2 and old, "some trainings came to nothing"
        for index in range(3):
            wait_until(
                lambda index=index: not {one.training for one in old} & {n for n, _ in kept(made, index)},  # type: ignore[misc]
                f"what was contributed to those is given up\n{nodes[index].text}",
            )
            mine = {(one.training, c.weights.cid) for one in accepted for c in one.contributions if c.seat == index}
            assert mine <= kept(made, index)
            others = {c.weights.cid for one in accepted[:-2] for c in one.contributions if c.seat != index}
            assert not others & pulled(made, index), "what it pulled to merge it"
        for one in accepted:
            found = recomputed(capsys, str(one.record.round), "--store", "weights")
            assert found["is_the_merge"] is True and found["code"] == 0
        nodes[2].process.terminate()
        assert nodes[2].wait() == 0
        node = made.start(2, store__keep_contributions=False)
        wait_until(lambda: not kept(made, 2), f"one that doesn't want to keep its own gives them up\n{node.text}")
        found = recomputed(capsys, str(accepted[0].record.round), "--store", "weights")
        assert found["is_the_merge"] is None and found["code"] == 40
        assert {one["seat"]: one["found"] for one in found["contributions"]} == {0: "had", 1: "had", 2: "can't be had"}


@pytest.mark.slow
def test_node__another_one_still_trains__who_may_have_to_merge_has_the_rest_already(tmp_path: Path) -> None:
    with node_collective(tmp_path, 4, rules=JOINT_RULES, merge_order=ORDER) as made:
        (tmp_path / "hold-train-3").touch()
        gated = {"learner__factory": "tests.kit.node_learners:make_gated"}
        nodes = [made.start(index) for index in range(3)]
        nodes.append(made.start(3, **gated, learner__options={"index": 3, "folder": str(tmp_path)}))

        def contributions() -> dict[int, str]:
            training = made.view().training
            return {} if training is None else {one.seat: one.weights.cid for one in training.contributions}

        wait_until(lambda: len(contributions()) == 3, "three have contributed", deadline_s=60)
        cids = contributions()
        for index in (0, 1):  # whose turns come first
            others = {cid for seat, cid in cids.items() if seat != index}
            wait_until(lambda index=index, others=others: others <= pulled(made, index), nodes[index].text)  # type: ignore[misc]
        assert made.view().training is not None and made.view().proposal is None
        assert not pulled(made, 2) & {cids[0], cids[1]} and not pulled(made, 3) & set(cids.values())
        (tmp_path / "hold-train-3").unlink()
        wait_until(lambda: made.record(1).claim is not None, "and it merges them")
        claim = made.record(1).claim
        assert claim is not None and claim.seats == 0b1111


@pytest.mark.slow
def test_network__joint_rounds_with_ipfs_daemons__can_be_recomputed_through_any_daemon_after_garbage_was_collected(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    need("anvil", "kubo")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    with local_network(stakeholders=3) as network:
        setup = set_up(network, "tests.kit.node_learners:make", {"seed": 1}, merge_order=DEFAULT_ORDER)
        with Fleet(setup.configs, ["--until-round", "6"], lambda text: None) as fleet:
            fleet.wait()
        record = load_deployment(setup.deployment)
        contract = CollectiveContract(connect([network.rpc_url]), record.address)
        rounds = read_history(contract.snapshot(), deployed_block=record.block).rounds
        accepted = merged(rounds, RoundState.ACCEPTED)
        assert accepted and all(one.use is Use.MERGED for round_ in accepted for one in round_.contributions)
        for index, person in enumerate(network.stakeholders):
            owner = owner_of(record.chain_id, record.address, person.address)
            store = IpfsStore(person.ipfs_api, owner=owner)
            mine = {(one.training, c.weights.cid) for one in accepted for c in one.contributions if c.seat == index}
            assert mine <= store.contributions()
            for cid in store.kept():  # as when it has long been over
                store.discard(cid)
            store.close()
        for person in network.stakeholders:
            call_ipfs(int(person.ipfs_api.rpartition("/")[2]), "repo/gc", quiet="true", silent="true")
        for one in accepted:
            words = ["--deployment", str(setup.deployment), "--ipfs", network.stakeholders[0].ipfs_api]
            assert recomputed(capsys, str(one.record.round), *words)["is_the_merge"] is True
