"""A Flower app's clients on real nodes: ``colearn-node run --flower-app``, without a server of Flower's."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="Flower is not installed")

from colearn_node.demo import set_up

from colearn_ledger import run
from colearn_ledger.learners.flower_app import FlowerApp
from colearn_ledger.learners.loading.factory import FLOWER

from ..conftest import ROOT
from ..kit.network import local_network, need
from ..kit.nodes import run_to_the_end

pytestmark = [pytest.mark.slow, pytest.mark.long]

LINES = ROOT / "tests" / "learners" / "apps" / "numpy_lines"
OPTIONS = {"criterion": "squared_errors", "higher_is_better": False, "vote_policy": "margin:-0.01"}


def test_nodes__of_a_flower_app__end_with_the_bytes_of_one_process(tmp_path: Path) -> None:
    need("anvil")
    with local_network("anvil", stakeholders=2, ipfs=False) as network:
        setup = set_up(network, FLOWER, {"folder": str(LINES), **OPTIONS}, log={"format": "json", "level": "info"})
        for path in setup.configs.values():
            path.write_text(path.read_text().replace(str(LINES), "elsewhere"))
        accepted = run_to_the_end(setup, "--flower-app", str(LINES), "--until-round", "2", cwd=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = FlowerApp(LINES)
        learners = [app.learner(i, 2, **OPTIONS) for i in range(2)]
    results = run(2, learners)
    assert all(result.accepted for result in results.rounds)
    assert accepted == results.final_sha256
