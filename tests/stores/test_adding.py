"""Weights on their way into a daemon, which break off and go on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from colearn_ledger.core.cid import CHUNK, cid_digest, cid_text
from colearn_ledger.core.weights import weights_ref
from colearn_ledger.stores.daemon import Daemon
from colearn_ledger.stores.ipfs import IpfsStore
from tests.kit.network import local_network
from tests.kit.ports import Forwarder

pytestmark = pytest.mark.slow

LEAVES = 9


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with local_network(stakeholders=1) as network:
        yield network.stakeholders[0].ipfs_api


def forwarder_to(api: str) -> Forwarder:
    return Forwarder(f"http://127.0.0.1:{api.split('/')[4]}")


def test_put__the_connection_breaks_in_the_middle__only_what_the_daemon_lacks_is_sent_again(
    api: str,
) -> None:
    """Cut twice; the daemon holds what it got, less the few chunks that it was about to write."""
    count = 40
    data, sent, cuts = os.urandom(count * CHUNK - 9), list[int](), [22 * CHUNK, 4 * CHUNK]

    def asked(request: bytes) -> None:
        if request.startswith(b"POST ") and b"/api/v0/add?" in request:
            sent.append(0)
        if sent:
            sent[-1] += len(request)
            if cuts and len(sent) + len(cuts) == 3 and sent[-1] > cuts[0]:
                cuts.pop(0)
                raise ConnectionAbortedError

    with closing(forwarder_to(api)) as forwarder:
        forwarder.asked = asked
        with closing(IpfsStore(forwarder.url, deadline_s=20.0)) as store:
            ref = store.put(data)
            assert ref == weights_ref(data) and ref.cid in store.kept()
            assert store.get(ref) == data
    assert not cuts and len(sent) == 3
    assert sent[-1] < (count - 10) * CHUNK, "at least ten of them weren't sent a second time"


@pytest.mark.parametrize("had", [1, LEAVES - 1, LEAVES])
def test_put__an_attempt_before_has_left_some_of_it__the_rest_alone_is_sent(api: str, had: int) -> None:
    data, sent = os.urandom(LEAVES * CHUNK - 5), 0
    for i in range(had):
        leaf = data[i * CHUNK : (i + 1) * CHUNK]
        with closing(Daemon(api, allow_remote=False, token=None)) as daemon:
            assert daemon.put_block(leaf, "raw", time.monotonic() + 20) == cid_text(cid_digest(leaf), len(leaf))

    def asked(request: bytes) -> None:
        nonlocal sent
        sent += len(request)

    with closing(forwarder_to(api)) as forwarder:
        forwarder.asked = asked
        with closing(IpfsStore(forwarder.url, deadline_s=20.0)) as store:
            ref = store.put(data)
            assert ref == weights_ref(data) and store.get(ref) == data
    assert (LEAVES - had - 1) * CHUNK < sent < (LEAVES - had) * CHUNK + 20_000
