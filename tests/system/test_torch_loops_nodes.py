"""Lightning's modules and a Trainer on real nodes: the bytes of one process."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning", reason="Lightning is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from colearn_node.demo import set_up

from colearn_ledger import run

from ..kit import torch_loops
from ..kit.network import local_network, need
from ..kit.nodes import run_to_the_end

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize("name", ["make_lightning", "make_trainer_learner"])
def test_nodes__of_another_library_s_loop__end_with_the_bytes_of_one_process(name: str, tmp_path: Path) -> None:
    need("anvil")
    make: Any = functools.partial(getattr(torch_loops, name), steps_per_round=10)
    with local_network("anvil", stakeholders=2, ipfs=False) as network:
        factory = f"tests.kit.torch_loops:{name}"
        setup = set_up(network, factory, {"steps_per_round": 10}, log={"format": "json", "level": "info"})
        accepted = run_to_the_end(setup, "--until-round", "2", cwd=tmp_path, OMP_NUM_THREADS="1")
    results = run(2, [make(i) for i in range(2)])
    assert any(result.accepted for result in results.rounds)
    assert accepted == results.final_sha256
