"""A model that real nodes agreed on, with weights in IPFS: taken home from another member's daemon, and scored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from colearn_node.cli import main as node
from colearn_node.demo import set_up
from colearn_node.fleet import Fleet

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.cli.main import main
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.history import mean_scores, read_history
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.tasks import Training, get_task

from ..kit.network import local_network, need

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_export__of_nodes_on_anvil_and_kubo__checked_opened_and_nothing_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    need("anvil", "kubo")
    monkeypatch.chdir(tmp_path)
    with local_network("anvil", stakeholders=3) as network:
        task = {"task": "SKLEARN_DIGITS", "seed": 3}
        setup = set_up(network, "colearn_node.task_learner:task_learner", task, publish_scores=True)
        with Fleet(setup.configs, ["--until-round", "4"], lambda text: None) as fleet:
            fleet.wait()
        record = load_deployment(setup.deployment)
        contract = CollectiveContract(connect([network.rpc_url]), record.address)
        history = read_history(contract.snapshot(), deployed_block=record.block)
        daemons = [IpfsStore(person.ipfs_api) for person in network.stakeholders]
        before = [daemon.kept() for daemon in daemons]
        config = str(list(setup.configs.values())[1])
        capsys.readouterr()
        assert main(["export", "--config", config, "--best"]) == 0
        opens = capsys.readouterr().out.splitlines()[-1].partition("open it in Python: ")[2]
        words = ["--deployment", str(setup.deployment), "--round", "0", "--out", "genesis"]
        assert main(["export", *words, "--ipfs", network.stakeholders[2].ipfs_api]) == 0
        best = max(
            (r for r in history.rounds if mean_scores(r) is not None and r.record.state.name == "ACCEPTED"),
            key=lambda r: (mean_scores(r)[1], r.record.round),  # type: ignore[index]
        )
        assert best.record.weights is not None
        folder = Path(f"colearn-model-{best.record.round}")
        data = (folder / "weights.safetensors").read_bytes()
        assert hashlib.sha256(data).digest() == best.record.weights.sha256
        first = (tmp_path / "genesis" / "weights.safetensors").read_bytes()
        assert hashlib.sha256(first).digest() == record.genesis.sha256
        names: dict[str, Any] = {}
        exec(opens, names)
        learner = get_task("SKLEARN_DIGITS").make_learners(3, Training(), seed=3).learners[1]
        learner.load(folder / "weights.safetensors")
        x, y = learner.test_set
        assert (names["model"].predict(x) == learner.predict(x)).all()
        capsys.readouterr()
        assert node(["evaluate", "--config", config, "--round", str(best.record.round), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["test_score"] == pytest.approx((learner.predict(x) == y).mean())
        assert [daemon.kept() for daemon in daemons] == before
        assert all(not IpfsStore(p.ipfs_api, owner="colearn/once").kept() for p in network.stakeholders)
