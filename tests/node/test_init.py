"""What ``init`` fills in by itself: from a local network, and from the deployment's record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from colearn_node.heads import find_subscription
from colearn_node.init import find_ws, missing, values_for

from colearn_ledger.errors import UsageError
from colearn_ledger.founding.record import save_deployment
from colearn_ledger.network import LocalNetwork

from ..founding.test_record import RECORD
from ..kit.network import local_network
from ..kit.ports import refusing_port


@pytest.fixture(scope="module")
def network() -> Iterator[LocalNetwork]:
    with local_network("anvil", 2, ipfs=False) as network:
        yield network


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_values_for__a_stakeholder_of_a_network__has_its_endpoints_and_key(network: LocalNetwork) -> None:
    for number, person in enumerate(network.stakeholders, 1):
        assert values_for({}, {}, str(network.folder), number) == {
            "rpc": (network.rpc_url,),
            "ws": network.ws_url,
            "keystore": person.keystore,
            "password_file": person.password_file,
        }


@pytest.mark.parametrize("who", [None, 0, 3])
def test_values_for__a_stakeholder_that_is_not_there__is_refused(network: LocalNetwork, who: int | None) -> None:
    with pytest.raises(UsageError, match="stakeholder"):
        values_for({}, {}, str(network.folder), who)


def test_values_for__a_key_of_ones_own__does_not_get_the_networks_password(network: LocalNetwork) -> None:
    def given(**flags: str) -> dict[str, object]:
        found: dict[str, object] = values_for(flags, {}, str(network.folder), 1)
        return {key: found.get(key) for key in ("keystore", "password_file")}

    here, person = Path.cwd(), network.stakeholders[0]
    assert given(keystore="k.json") == {"keystore": here / "k.json", "password_file": None}
    assert given(keystore="k.json", password_file="p") == {"keystore": here / "k.json", "password_file": here / "p"}
    assert given(password_file="p") == {"keystore": person.keystore, "password_file": here / "p"}


def test_values_for__a_deployment_in_the_working_folder__is_taken_with_its_endpoint(tmp_path: Path) -> None:
    assert values_for({}, {}, None, None) == {}
    record = dataclasses.replace(RECORD, rpc=("http://elsewhere:1",))
    save_deployment(record, tmp_path / "deployment.json")
    assert values_for({}, {}, None, None) == {"deployment": tmp_path / "deployment.json", "rpc": record.rpc}
    given = {"deployment": "other.json"}
    assert values_for(given, {}, None, None) == {"deployment": tmp_path / "other.json"}
    assert values_for({"rpc": "http://mine:1"}, {}, None, None)["rpc"] == ("http://mine:1",)
    save_deployment(dataclasses.replace(RECORD, rpc=()), tmp_path / "other.json")
    assert values_for(given, {}, None, None) == {"deployment": tmp_path / "other.json"}


def test_find_ws__chain_that_has_one__is_found_by_its_endpoint_alone(network: LocalNetwork) -> None:
    assert find_ws(network.rpc_url) == network.ws_url


def test_find_ws__nobody_there__is_none() -> None:
    with refusing_port() as port:
        assert find_ws(f"http://127.0.0.1:{port}") is None


def test_find_subscription__another_chain__is_not_taken(network: LocalNetwork) -> None:
    assert find_subscription(network.rpc_url, bytes(32)) is None


def test_missing__a_shared_folder__needs_no_daemon() -> None:
    rest = ["rpc", "deployment", "keystore", "learner.factory"]
    assert missing({"store.folder": Path("w")}) == rest
    assert missing({"password_file": Path("p"), "store.ipfs": "x"}) == rest
    assert missing({}) == ["rpc", "deployment", "keystore", "store.ipfs", "learner.factory"]
