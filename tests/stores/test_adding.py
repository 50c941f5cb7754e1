"""Weights on their way into a daemon, which break off and go on."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.peak import cost_of
from benchmarks.transfer import MOST_MEMORY
from colearn_ledger.core.cid import CHUNK, cid_digest, cid_text
from colearn_ledger.core.weights import weights_ref
from colearn_ledger.member.mapped import mapped
from colearn_ledger.network import LocalNetwork
from colearn_ledger.stores.daemon import Daemon
from colearn_ledger.stores.ipfs import IpfsStore
from tests.kit.ports import Forwarder

pytestmark = pytest.mark.slow

LEAVES = 9


@pytest.fixture
def api(network: LocalNetwork) -> str:
    return network.stakeholders[0].ipfs_api


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


@pytest.mark.large
@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="it reads Linux's /proc")
def test_put_and_get__gigabytes_with_a_break__go_on_and_take_a_quarter_of_one_at_most(
    network: LocalNetwork, tmp_path: Path
) -> None:
    """Between two daemons; above 1 GiB there are nodes above nodes. It takes four times the size on disk."""
    count, sent, cut = 4 * 1024 - 200, 0, False
    block = os.urandom(CHUNK - 8)
    with open(tmp_path / "weights", "w+b") as file:
        for i in range(count):
            file.write(i.to_bytes(8, "big") + block)
        data = mapped(file, count * CHUNK)
    (tmp_path / "weights").unlink()  # folders of tests stay for a while

    def asked(request: bytes) -> None:
        nonlocal sent, cut
        sent += len(request)
        if sent > 0.6 * len(data) and not cut:
            cut = True
            raise ConnectionAbortedError

    apis = [person.ipfs_api for person in network.stakeholders]
    with closing(forwarder_to(apis[0])) as forwarder:
        forwarder.asked = asked
        with closing(IpfsStore(forwarder.url)) as store, closing(IpfsStore(apis[1])) as other:
            ref, adding = cost_of(lambda: store.put(data))
            assert cut and sent < 1.1 * len(data)
            _, getting = cost_of(lambda: other.get_to(tmp_path / "weights", ref))  # it compares all of them
    (tmp_path / "weights").unlink()
    print(f"{adding.memory / 1e6:.0f} MB and {getting.memory / 1e6:.0f} MB")
    assert max(adding.memory, getting.memory) < MOST_MEMORY
