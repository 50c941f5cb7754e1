"""Node processes on real local networks: chain, IPFS daemons, a key and a learner for each stakeholder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from colearn_node.demo import Setup, set_up
from colearn_node.fleet import Fleet

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import RoundRecord, RoundState
from colearn_ledger.core.results import Results
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.tasks import Training, get_task

from ..kit.anvil import wait_until
from ..kit.learners import linear_learners
from ..kit.network import local_network, need

ROOT = Path(__file__).resolve().parents[2]
LINEAR = "tests.kit.node_learners:make"


@pytest.fixture(autouse=True)
def _learners_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)


def records(network: LocalNetwork, setup: Setup) -> list[RoundRecord]:
    contract = CollectiveContract(connect([network.rpc_url]), load_deployment(setup.deployment).address)
    return list(contract.snapshot().rounds(1, 1000))


def compare(found: list[RoundRecord], expected: Results) -> None:
    """Proposers, decisions, bytes, and votes where they were cast."""
    for record, result in zip(found, expected.rounds, strict=False):
        assert record.weights is not None
        assert record.weights.sha256.hex() == result.weights_sha256, record.round
        assert record.proposer_seat == result.proposer
        assert (record.state is RoundState.ACCEPTED) == result.accepted
        for seat, vote in enumerate(result.votes):
            assert not record.approvals >> seat & 1 or vote is True
            assert not record.rejections >> seat & 1 or vote is False
    accepted = [r.weights.sha256.hex() for r in found[: len(expected.rounds)] if r.state is RoundState.ACCEPTED]
    assert accepted[-1] == expected.final_sha256


@pytest.mark.slow
def test_network__three_nodes_with_ipfs_daemons__as_in_one_process() -> None:
    rounds = 10
    with local_network(stakeholders=3) as network:
        setup = set_up(network, LINEAR, {"seed": 1})
        shown: list[str] = []
        with Fleet(setup.configs, ["--until-round", str(rounds)], shown.append) as fleet:
            fleet.wait()
        found = records(network, setup)
        compare(found, run(rounds, linear_learners(3, 1), 0.5))
        assert sum("voted to" in line for line in shown) >= rounds
        accepted = [r for r in found[:rounds] if r.state is RoundState.ACCEPTED]
        for person in network.stakeholders:
            store = IpfsStore(person.ipfs_api)
            assert all(store.has(r.weights) for r in accepted if r.weights)  # kept for good, as nodes do by default
            store.close()


@pytest.mark.slow
def test_network__an_ipfs_daemon_that_crashes__its_node_waits_for_it(tmp_path: Path) -> None:
    with local_network(stakeholders=2) as network:
        setup = set_up(network, LINEAR, {"seed": 1}, log={"level": "debug"})
        shown: list[str] = []
        with Fleet(setup.configs, [], shown.append) as fleet:
            threading.Thread(target=fleet.wait, daemon=True).start()
            wait_until(lambda: len(records(network, setup)) > 3, "rounds pass")
            network.stop_ipfs(1, hard=True)
            wait_until(lambda: any("ERROR" in s and "IPFS" in s for s in shown), "the node says what is missing")
            network.start_ipfs(1)
            before = len(records(network, setup))
            wait_until(lambda: len(records(network, setup)) > before + 2, "rounds pass again")


@pytest.fixture(scope="module")
def mnist() -> Results:
    """Ten rounds of the demo's task in this process."""
    return run(10, get_task("KERAS_MNIST").make_learners(5, seed=3).learners, 0.5)


@pytest.fixture(params=["anvil", "geth", "hardhat"])
def chain(request: pytest.FixtureRequest) -> str:
    need(request.param, "kubo")
    kind: str = request.param
    return kind


@pytest.mark.slow
@pytest.mark.long
def test_network__ten_rounds_of_mnist_on_each_chain__same_bytes_as_in_one_process(chain: str, mnist: Results) -> None:
    with local_network(chain, stakeholders=5) as network:
        setup = set_up(network, "colearn_node.task_learner:task_learner", {"task": "KERAS_MNIST", "seed": 3})
        with Fleet(setup.configs, ["--until-round", "10"], lambda text: None) as fleet:
            fleet.wait()
        compare(records(network, setup), mnist)


@pytest.mark.slow
def test_demo__small_run__shows_all_nodes_and_leaves_nothing(tmp_path: Path) -> None:
    need("anvil", "kubo")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "colearn_node.demo",
            "-t",
            "SKLEARN_DIGITS",
            "-n",
            "3",
            "-p",
            "3",
            "--secret",
            "-l",
            "0.01",
            "-a",
            "0.5",
        ],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'node'}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for name in ("stakeholder-1", "stakeholder-2", "stakeholder-3"):
        assert f"{name} " in done.stdout
    assert "committed to" in done.stdout and "revealed the vote" in done.stdout
    assert "everything is stopped" in done.stdout
    (folder,) = (tmp_path / "colearn-network-demo").iterdir()
    assert f"record, picture, weights and final model are in {folder.relative_to(tmp_path)}" in done.stdout
    alone = run(3, get_task("SKLEARN_DIGITS").make_learners(3, Training(learning_rate=0.01, alpha=0.5)).learners)
    assert alone.final_sha256 in done.stdout
    kept = {p.name for p in (folder / "weights").iterdir()}
    assert kept == {r.cid for r in (alone.initial, *alone.rounds) if r.accepted}
    running = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running
    # A lock's file stays, so that nobody has a lock on one that another process is about to remove.
    files = [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(tmp_path / "colearn-network-demo")]
    locks = [p for p in files if p.parent == tmp_path and re.fullmatch(r"colearn-node-[0-9a-f]{16}\.lock", p.name)]
    assert files == locks and len(locks) == 3 and not any(p.stat().st_size > 20 for p in locks)
