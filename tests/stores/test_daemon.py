"""Transfers that break: they go on where they stopped, and say how far they have come."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from colearn_ledger.core.cid import CHUNK, cid_digest, cid_text
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.network.http import call_ipfs
from colearn_ledger.stores.daemon import Daemon
from colearn_ledger.stores.ipfs import IpfsStore
from tests.kit.network import port_of
from tests.kit.ports import Forwarder

pytestmark = pytest.mark.slow

LEAVES = 9


def some_fetched(stores: list[IpfsStore], count: int) -> tuple[bytes, WeightsRef]:
    """Weights that the first daemon has, and of which the second has the root and so many of the leaves."""
    data = os.urandom(LEAVES * CHUNK - 5)
    ref = stores[0].put(data)
    leaves = [data[i : i + CHUNK] for i in range(0, count * CHUNK, CHUNK)]
    for cid in (ref.cid, *(cid_text(cid_digest(leaf), len(leaf)) for leaf in leaves)):
        call_ipfs(port_of(stores[1]), "block/stat", arg=cid)
    return data, ref


def test_get_to__the_connection_breaks_in_the_middle__goes_on_from_there(
    stores: list[IpfsStore], tmp_path: Path
) -> None:
    data = os.urandom(LEAVES * CHUNK)
    ref = stores[0].put(data)
    offsets, passed = list[int](), 0

    def asked(request: bytes) -> None:
        if b"/api/v0/cat?" in request:
            found = re.search(rb"offset=(\d+)", request)
            assert found is not None and b" HTTP/1.0\r\n" in request, "answers to these come without chunks"
            offsets.append(int(found[1]))

    def answered(answer: bytes) -> bool:
        nonlocal passed
        passed += len(answer) if offsets else 0
        return len(offsets) == 1 and passed > 3 * CHUNK

    with closing(Forwarder(f"http://127.0.0.1:{port_of(stores[0])}")) as forwarder:
        forwarder.asked, forwarder.answered = asked, answered
        with closing(IpfsStore(forwarder.url, deadline_s=20.0)) as store:
            store.get_to(tmp_path / "weights", ref)
    assert (tmp_path / "weights").read_bytes() == data
    assert len(offsets) == 2 and offsets[0] == 0 and 2 * CHUNK < offsets[1] <= 3 * CHUNK
    assert passed < (LEAVES + 2) * CHUNK, "nothing was sent twice"


def test_get__some_of_it_was_fetched_before__only_the_rest_is_fetched(stores: list[IpfsStore]) -> None:
    """What a pin that was given up has fetched stays with the daemon, as these blocks do."""
    had = 6
    data, ref = some_fetched(stores, had)
    before = call_ipfs(port_of(stores[1]), "bitswap/stat")["DataReceived"]
    assert stores[1].get(ref) == data
    received = call_ipfs(port_of(stores[1]), "bitswap/stat")["DataReceived"] - before
    assert 0 < received < (LEAVES - had + 1) * CHUNK


def test_pin__the_rest_cannot_be_had__says_how_far_it_has_come_and_why_it_ended(stores: list[IpfsStore]) -> None:
    from ipfshttpclient.exceptions import ErrorResponse

    _, ref = some_fetched(stores, 4)
    stores[0].discard(ref)
    call_ipfs(port_of(stores[0]), "block/rm", arg=ref.cid)
    call_ipfs(port_of(stores[0]), "repo/gc", quiet="true", silent="true")
    daemon, told = Daemon(stores[1].api, allow_remote=False, token=None), list[int]()
    with closing(daemon), pytest.raises(ErrorResponse, match="deadline exceeded"):
        daemon.pin("me", ref.cid, time.monotonic() + 2.5, fetched=told.append)
    assert told and told == sorted(told) and 4 <= told[-1] <= 6, "the owner's block, the root, and the leaves"


def test_read__an_answer_without_an_end_that_shows_brings_nothing__is_asked_for_in_chunks() -> None:
    """What was cut off before its first byte looks as if there were none: an answer whose end shows has to say so."""
    data, versions = os.urandom(3000), list[str]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            versions.append(self.request_version)
            body = b"" if self.request_version == "HTTP/1.0" else data
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    daemon = Daemon(f"http://127.0.0.1:{server.server_port}", allow_remote=False, token=None)
    with closing(daemon):
        assert b"".join(daemon.read("bafy", len(data), time.monotonic() + 20)) == data
    server.shutdown()
    server.server_close()
    assert versions == ["HTTP/1.0", "HTTP/1.1"]
