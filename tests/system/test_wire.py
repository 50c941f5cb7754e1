"""Real nodes whose weights travel with half the bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.founding.record import load_deployment
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import wait_until
from ..kit.collective import JOINT_RULES, ORDER
from ..kit.nodes import node_collective


@pytest.mark.slow
def test_nodes__weights_travel_shorter__merges_are_exact_and_the_audit_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with node_collective(tmp_path, 3, rules=JOINT_RULES, merge_order=ORDER, wire="bfloat16") as made:
        nodes = [made.start(index, verify_merge=True) for index in range(3)]
        wait_until(lambda: made.view().accepted_round >= 4, "rounds are accepted", deadline_s=120)
        for node in nodes:
            node.process.terminate()
            assert node.wait() == 0, node.text
        schema = load_deployment(tmp_path / "deployment.json").schema
        assert schema.wire == "bfloat16"
        accepted = [one.record for one in made.history().rounds if one.record.state is RoundState.ACCEPTED]
        assert all(one.claim is not None for one in accepted if one.round)
        for one in accepted:
            assert one.weights is not None
            data = LocalStore("weights").get(one.weights)
            tree = decode(data, schema)
            assert encode(tree, schema) == data
            assert Schema.of(tree).wire is None and len(data) < len(encode(tree))
        capsys.readouterr()
        assert main(["audit", "--store", "weights"]) == 0, capsys.readouterr().out
        assert main(["recompute", str(accepted[-1].round), "--store", "weights"]) == 0
        assert main(["info"]) == 0
        assert "they travel as bfloat16" in capsys.readouterr().out
