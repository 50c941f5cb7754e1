"""Two IPFS daemons of one swarm, and a store on each, for the tests that need real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.ipfs import IpfsStore

from ..kit.network import local_network


@pytest.fixture(scope="module")
def network() -> Iterator[LocalNetwork]:
    with local_network(stakeholders=2) as network:
        yield network


@pytest.fixture
def stores(network: LocalNetwork) -> Iterator[list[IpfsStore]]:
    stores = [IpfsStore(s.ipfs_api, deadline_s=20.0) for s in network.stakeholders]
    yield stores
    for store in stores:
        store.close()
