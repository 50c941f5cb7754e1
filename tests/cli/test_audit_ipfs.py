"""``colearn-ledger audit`` with an IPFS daemon: weights are verified, and no pin of the audit's stays."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.network.tools import find_kubo
from colearn_ledger.stores.ipfs import IpfsStore

from ..kit.anvil import anvil
from ..kit.collective import Collective
from ..kit.network import local_network


@pytest.mark.slow
def test_audit__weights_in_ipfs__are_verified_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with anvil() as chain, local_network("anvil", 2) as network:
        api = network.stakeholders[0].ipfs_api
        store = IpfsStore(api, owner="somebody")
        data = encode({"w": np.arange(4.0)})
        story = Collective.found(chain, 2, weights=store.put(data))
        monkeypatch.chdir(story.save(tmp_path, schema=Schema.of({"w": np.zeros(4)})))

        def pins() -> list[str]:
            command = [str(find_kubo()), "--api", api, "pin", "ls", "--names"]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

        before = sorted(pins())
        assert main(["audit", "--ipfs", api, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["checked"]["weights"] == 1
        assert sorted(pins()) == before
