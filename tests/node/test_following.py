"""Going on in a successor: what of the configuration stays, and what is the successor's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from colearn_node.following import in_successor
from colearn_node.settings import Config

from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import ConfigError
from colearn_ledger.founding.record import DeploymentRecord, save_deployment

from ..kit.builders import ref

OLD = DeploymentRecord(
    31337, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512", 9, b"t" * 32, ref("genesis"), Schema.of({}), ("http://old:1",)
)
NEW = replace(OLD, address="0x5FbDB2315678afecb367f032d93F642f64180aa3", rpc=("http://new:1", "http://new:2"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    save_deployment(OLD, tmp_path / "old.json")
    return Config(
        rpc=("http://mine:1",),
        ws="ws://mine:2",
        deployment=tmp_path / "old.json",
        follow=tmp_path / "new.json",
        learner_factory="m:f",
        store_folder=tmp_path,
    )


def test_in_successor__on_the_same_chain__its_own_endpoints_stay(config: Config) -> None:
    there = in_successor(config, NEW)
    assert there == replace(config, deployment=config.follow, follow=None)


def test_in_successor__on_another_chain__takes_the_files_endpoints_and_no_news_of_the_old_one(config: Config) -> None:
    there = in_successor(config, replace(NEW, chain_id=5))
    assert (there.rpc, there.ws, there.deployment) == (("http://new:1", "http://new:2"), None, config.follow)


@pytest.mark.parametrize(("rpc", "quorum"), [((), 1), (("http://new:1",), 2), (("http://new:1", "http://new:1"), 2)])
def test_in_successor__too_few_endpoints__says_what_to_type(config: Config, rpc: tuple[str, ...], quorum: int) -> None:
    with pytest.raises(ConfigError) as error:
        in_successor(replace(config, quorum=quorum), replace(NEW, chain_id=5, rpc=rpc))
    assert "another chain, 5" in error.value.what and str(config.follow) in error.value.fix
