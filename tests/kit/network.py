"""A real local network for tests. What it needs and can't be had is a visible skip for a user, and a failure in CI."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from colearn_ledger.errors import NetworkError
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.tools import find_anvil, find_geth, find_hardhat, find_kubo, find_node
from colearn_ledger.stores.ipfs import IpfsStore

__all__ = ["local_network", "need", "port_of"]

_FIND: dict[str, Any] = {
    "anvil": find_anvil,
    "geth": find_geth,
    "hardhat": lambda: (find_hardhat(), find_node()),
    "kubo": find_kubo,
}


@functools.cache
def _missing(tool: str) -> NetworkError | None:
    try:
        _FIND[tool]()
    except NetworkError as error:
        return error
    return None


def need(*tools: str) -> None:
    """Have these tools (``kubo`` and ``geth`` are built if need be, once), or skip; in CI, or fail."""
    for tool in tools:
        error = _missing(tool)
        if error is not None and os.environ.get("CI") == "true":
            pytest.fail(f"{tool} can't be had: {error}")
        if error is not None:
            pytest.skip(f"{tool} can't be had: {error.what}")


@contextlib.contextmanager
def local_network(chain: str = "anvil", stakeholders: int = 2, **options: Any) -> Iterator[LocalNetwork]:
    need(chain, *(["kubo"] if options.get("ipfs", True) else []))
    with LocalNetwork(chain, stakeholders, **options) as network:
        yield network


def port_of(store: IpfsStore) -> int:
    """Of the RPC of the daemon that a store is at."""
    return int(store.api.split("/")[4])
