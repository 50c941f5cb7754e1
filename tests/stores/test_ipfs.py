"""The IPFS store against real daemons: the suite of all stores, two daemons of one swarm, and daemons that lie."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from colearn_ledger.core.cid import CHUNK, MAX_LINKS, cid_digest, cid_text
from colearn_ledger.core.decide import Adopt, Judge
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.weights import check_head, encode, weights_ref
from colearn_ledger.errors import ConfigError, InvalidWeights, StoreError, UnavailableWeights, UsageError
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.work import Verdict
from colearn_ledger.network import LocalNetwork
from colearn_ledger.network.http import call_ipfs
from colearn_ledger.stores.base import ANYBODY
from colearn_ledger.stores.ipfs import IpfsStore
from colearn_ledger.stores.spec import StoreSpec
from tests.kit.anvil import wait_until
from tests.kit.builders import proposal
from tests.kit.learners import LinearLearner
from tests.kit.network import need, port_of
from tests.kit.ports import Forwarder
from tests.kit.quick import few
from tests.kit.store_conformance import SIZES, StoreConformance, pattern


@dataclass(frozen=True)
class Daemon:
    """An IPFS daemon: Kubo's program, and where its RPC is."""

    ipfs: Path
    api: str
    socket: str


@contextlib.contextmanager
def guarded_daemon(folder: Path) -> Iterator[Daemon]:
    """A daemon whose RPC wants a token, on loopback and on a socket in ``folder``."""
    from colearn_ledger.network.tools import find_kubo

    with socket.create_server(("127.0.0.1", 0)) as probe:
        ipfs, port = find_kubo(), probe.getsockname()[1]
    daemon = Daemon(ipfs, f"/ip4/127.0.0.1/tcp/{port}", f"/unix{folder}/Api.sock")
    environment = {**os.environ, "IPFS_PATH": str(folder / "repository"), "IPFS_TELEMETRY": "off"}
    subprocess.run([ipfs, "init", "--profile=test", "--empty-repo"], env=environment, capture_output=True, check=True)
    path = folder / "repository" / "config"
    config = json.loads(path.read_text())
    config["Addresses"] |= {"API": [daemon.socket, daemon.api], "Gateway": [], "Swarm": []}
    config |= {"Bootstrap": [], "AutoConf": {"Enabled": False}, "AutoTLS": {"Enabled": False}}
    config["Routing"] = {"Type": "none"}
    allowed = {"AllowedPaths": ["/api/v0"]}
    config["API"]["Authorizations"] = {
        "user": {"AuthSecret": "basic:me:secret one", **allowed},
        "token": {"AuthSecret": "bearer:secret-two", **allowed},
    }
    path.write_text(json.dumps(config))
    with open(folder.parent / "daemon.log", "wb") as log:
        process = subprocess.Popen([ipfs, "daemon"], env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder.parent / "daemon.log").read_text()
            with contextlib.suppress(StoreError), closing(IpfsStore(daemon.socket, token="secret-two")) as store:
                return bool(store.check()) and bool(IpfsStore(daemon.api, token="secret-two").check())
            return False

        wait_until(answers, "the daemon answers")
        yield daemon
    finally:
        process.terminate()
        process.wait(30)


def remove_blocks(store: IpfsStore, ref: WeightsRef) -> None:
    """Unpin it, and remove all its blocks from the daemon."""
    store.discard(ref)
    call_ipfs(port_of(store), "block/rm", arg=cid_text(ref.cid_digest, ref.size))
    assert not store.has(ref)


IMPORT = ["--cid-version=1", "--raw-leaves", "--chunker=size-1048576", "--max-file-links=1024"]


def run_kubo(network: LocalNetwork, *arguments: str) -> str:
    """What Kubo's own program says, asked of the first daemon."""
    from colearn_ledger.network.tools import find_kubo

    command = [str(find_kubo()), "--api", network.stakeholders[0].ipfs_api, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class TestIpfsStoreConforms(StoreConformance):
    @pytest.fixture(autouse=True)
    def _network(self, network: LocalNetwork) -> Iterator[None]:
        self.network, self.opened = network, list[IpfsStore]()
        yield
        for store in self.opened:
            store.close()

    deadline = 1.0

    def open(self, tmp_path: Path, owner: str = ANYBODY) -> IpfsStore:
        self.opened.append(IpfsStore(self.network.stakeholders[0].ipfs_api, owner=owner, deadline_s=20.0))
        return self.opened[-1]

    def put_by_others(self, tmp_path: Path, data: bytes) -> WeightsRef:
        """By Kubo's own program, which pins it under no name."""
        (tmp_path / "file").write_bytes(data)
        answer = run_kubo(self.network, "add", "-Q", *IMPORT, str(tmp_path / "file"))
        assert answer == weights_ref(data).cid
        return weights_ref(data)

    def collect_garbage(self) -> None:
        run_kubo(self.network, "repo", "gc", "-q")

    def lose(self, store: Any, ref: WeightsRef) -> None:
        remove_blocks(store, ref)

    # These take a daemon long; the quick run has them with a folder.

    @pytest.mark.slow
    def test_get_to__large__holds_some_pieces_of_it_in_memory(self, store: Any, tmp_path: Path) -> None:
        super().test_get_to__large__holds_some_pieces_of_it_in_memory(store, tmp_path)

    @few(2, "size", SIZES)
    def test_get_to__any_size__the_file_has_the_bytes_and_they_are_kept(
        self, mine: Any, theirs: Any, tmp_path: Path, size: int
    ) -> None:
        super().test_get_to__any_size__the_file_has_the_bytes_and_they_are_kept(mine, theirs, tmp_path, size)

    @few(1, "size", [CHUNK + 11, 300])
    def test_discard__another_owner_keeps_the_same__it_stays_until_both_have_discarded_it(
        self, mine: Any, theirs: Any, size: int
    ) -> None:
        super().test_discard__another_owner_keeps_the_same__it_stays_until_both_have_discarded_it(mine, theirs, size)

    def test_get_small__damaged__is_invalid(self, store: Any) -> None:
        """Damage on the daemon's disk is never handed on."""
        data = pattern(700, salt=8)
        ref = store.put(data)
        repository = self.network.stakeholders[0].ipfs_repository
        [block] = [path for path in repository.glob("blocks/*/*.data") if path.read_bytes() == data]
        block.chmod(0o600)
        for wrong in (pattern(700, salt=9), data[:-1], data + b"\0"):
            block.write_bytes(wrong)
            with pytest.raises(InvalidWeights):
                store.get_small(ref.sha256, deadline_s=self.deadline)
        block.write_bytes(data)
        assert store.get_small(ref.sha256) == data

    @pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
    @few(1, "how", ["flipped", "short", "long", "empty"])
    def test_get__damaged__is_invalid_and_put_repairs_it(self, store: Any, size: int, how: str) -> None:
        """Damage on the daemon's disk is never handed on. (It has no repair: a daemon doesn't write what it has.)"""
        data = pattern(size, salt=len(how) + 50)
        wrong = {
            "flipped": lambda d: d[:-1] + bytes([d[-1] ^ 1]),
            "short": lambda d: d[:-1],
            "long": lambda d: d + b"\0",
            "empty": lambda d: b"",
        }[how]
        ref = store.put(data)
        leaf = weights_ref(data[-(size % CHUNK or CHUNK) :])  # the last, or only, block
        repository = self.network.stakeholders[0].ipfs_repository
        [block] = [
            path for path in repository.glob("blocks/*/*.data") if path.read_bytes() == data[-(size % CHUNK or CHUNK) :]
        ]
        good = block.read_bytes()
        block.chmod(0o600)
        block.write_bytes(wrong(good))
        try:
            with pytest.raises(InvalidWeights):
                store.get(ref, deadline_s=self.deadline)
        finally:
            block.write_bytes(good)
        assert store.get(ref) == data and leaf.size == len(good)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_get__put_on_another_daemon__the_same_bytes_and_pinned(stores: list[IpfsStore], size: int) -> None:
    data = pattern(size, salt=1)
    ref = stores[0].put(data)
    assert not stores[1].has(ref)
    assert stores[1].get(ref) == data
    assert stores[1].has(ref)
    stores[1].discard(ref)
    assert not stores[1].has(ref) and stores[0].has(ref)


@few(3, "size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK])
def test_cid__any_size__is_the_one_that_kubo_gives_by_its_own_program(
    network: LocalNetwork, tmp_path: Path, size: int
) -> None:
    """Asked by Kubo's command line and its own profile, so that nothing of ours takes part."""
    (tmp_path / "file").write_bytes(pattern(size, salt=2))
    answer = run_kubo(network, "add", "-Q", "--only-hash", *IMPORT, str(tmp_path / "file"))
    assert answer == cid_text(cid_digest(pattern(size, salt=2)), size)


@pytest.mark.slow
def test_put_and_get__more_chunks_than_links_in_a_node__the_same_cid_and_bytes(stores: list[IpfsStore]) -> None:
    """Above 1 GiB there are nodes between root and leaves: they are checked, too, before anything is fetched."""
    data = b"".join(i.to_bytes(4, "big") + bytes(CHUNK - 4) for i in range(MAX_LINKS + 2)) + b"end"
    ref = stores[0].put(data)  # compares Kubo's CID with ours
    assert stores[1].get(ref, deadline_s=600.0) == data


def test_get__never_there__is_unavailable_when_time_is_up(stores: list[IpfsStore]) -> None:
    start = time.monotonic()
    with pytest.raises(UnavailableWeights, match="deadline exceeded"):
        stores[0].get(weights_ref(b"never anywhere"), deadline_s=0.5)
    assert 0.4 < time.monotonic() - start < 5


@pytest.mark.slow
def test_get__a_leaf_is_missing_everywhere__is_unavailable_not_invalid(stores: list[IpfsStore]) -> None:
    data = pattern(3 * CHUNK, salt=3)
    ref = stores[0].put(data)
    stores[0].discard(ref)
    call_ipfs(port_of(stores[0]), "block/rm", arg=cid_text(weights_ref(data[:CHUNK]).cid_digest, CHUNK))
    with pytest.raises(UnavailableWeights):
        stores[1].get(ref, deadline_s=1.0)
    assert not stores[1].has(ref)


def test_get__invalid__is_not_kept_unless_it_was_pinned_before(stores: list[IpfsStore]) -> None:
    """A false hash on chain for a real CID costs no disk, and takes nothing from who has those weights for good."""
    ref = stores[0].put(pattern(2 * CHUNK, salt=4))
    for store, before in zip(stores, (True, False), strict=True):
        with pytest.raises(InvalidWeights, match="sha256"):
            store.get(replace(ref, sha256=bytes(32)))
        assert store.has(ref) is before


class TestLies:
    """Blocks that honest software wouldn't make, put into a real daemon; another one fetches them."""

    SIZE = 4 * CHUNK

    def put_block(self, store: IpfsStore, block: bytes, codec: str) -> bytes:
        from ipfshttpclient import Client

        with Client(store.api) as client:
            import io

            answer = client.block.put(io.BytesIO(block), opts={"cid-codec": codec, "mhtype": "sha2-256"})
        digest = hashlib.sha256(block).digest()
        assert answer["Key"] == cid_text(digest, 0 if codec == "raw" else CHUNK + 1)
        return digest

    def honest(self, store: IpfsStore) -> tuple[WeightsRef, bytes]:
        import urllib.request

        ref = store.put(pattern(self.SIZE, salt=5))
        url = f"http://127.0.0.1:{port_of(store)}/api/v0/block/get?arg={cid_text(ref.cid_digest, ref.size)}"
        with urllib.request.urlopen(urllib.request.Request(url, b"")) as response:
            return ref, response.read()

    def test_get__root_that_claims_more__is_refused_before_anything_else_is_fetched(
        self, stores: list[IpfsStore], network: LocalNetwork
    ) -> None:
        ref, _ = self.honest(stores[0])
        with pytest.raises(InvalidWeights, match="add up"):
            stores[1].get(replace(ref, size=self.SIZE - CHUNK))
        leaf = cid_text(weights_ref(pattern(self.SIZE, salt=5)[:CHUNK]).cid_digest, CHUNK)
        assert leaf not in self.local_refs(stores[1])

    def test_get__one_block_linked_to_many_times__is_refused_by_its_first_bytes(self, stores: list[IpfsStore]) -> None:
        """Zeros are one block however many there are: they cost their maker two blocks, and a voter no more."""
        size = 64 * CHUNK
        ref = stores[0].put(bytes(size))
        tracemalloc.start()
        try:
            with pytest.raises(InvalidWeights, match="header"):
                stores[1].get(ref, check_head=partial(check_head, size=size))
            assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK
        finally:
            tracemalloc.stop()
        assert not stores[1].has(ref)
        stores[0].discard(ref)

    def test_get__leaves_shorter_than_the_root_says__is_invalid_and_not_kept(self, stores: list[IpfsStore]) -> None:
        """The root is consistent with the size on chain, but its leaves hold less: only counting finds it."""
        ref, root = self.honest(stores[0])
        data = pattern(self.SIZE, salt=5)
        short = data[-CHUNK:-9]
        digest = self.put_block(stores[0], short, "raw")
        lie = root.replace(hashlib.sha256(data[-CHUNK:]).digest(), digest)
        assert lie != root
        false_root = self.put_block(stores[0], lie, "dag-pb")
        claimed = WeightsRef(ref.sha256, false_root, self.SIZE)
        with pytest.raises(InvalidWeights, match=f"only {self.SIZE - 9:,} bytes"):
            stores[1].get(claimed)
        assert not stores[1].has(claimed)

    def test_get__leaves_longer_than_the_root_says__is_invalid_and_not_kept(self, stores: list[IpfsStore]) -> None:
        ref, root = self.honest(stores[0])
        data = pattern(self.SIZE, salt=5)
        digest = self.put_block(stores[0], data[-CHUNK:] + bytes(9), "raw")
        false_root = self.put_block(stores[0], root.replace(hashlib.sha256(data[-CHUNK:]).digest(), digest), "dag-pb")
        claimed = WeightsRef(ref.sha256, false_root, self.SIZE)
        with pytest.raises(InvalidWeights, match=f"more than {self.SIZE:,} bytes"):
            stores[1].get(claimed)
        assert not stores[1].has(claimed)

    def test_get__the_right_bytes_cut_in_other_places__is_invalid(self, stores: list[IpfsStore]) -> None:
        """Bytes and size are those on chain, but the CID isn't the one that these bytes have: one name, one thing."""
        ref, root = self.honest(stores[0])
        data = pattern(self.SIZE, salt=5)
        lie = root
        for old, new in (
            (slice(0, CHUNK), slice(0, CHUNK - 1)),
            (slice(CHUNK, 2 * CHUNK), slice(CHUNK - 1, 2 * CHUNK)),
        ):
            digest = self.put_block(stores[0], data[new], "raw")
            lie = lie.replace(hashlib.sha256(data[old]).digest(), digest)
        claimed = WeightsRef(ref.sha256, self.put_block(stores[0], lie, "dag-pb"), self.SIZE)
        with pytest.raises(InvalidWeights, match="CID"):
            stores[1].get(claimed)
        assert not stores[1].has(claimed)

    def local_refs(self, store: IpfsStore) -> str:
        import urllib.request

        url = f"http://127.0.0.1:{port_of(store)}/api/v0/refs/local"
        with urllib.request.urlopen(urllib.request.Request(url, b"")) as response:
            return str(response.read().decode())


@pytest.mark.slow
def test_get__daemon_killed_and_started_again__goes_on(stores: list[IpfsStore], network: LocalNetwork) -> None:
    """What was put survives a crash, the peers find each other again, and old connections don't get in the way."""
    data = pattern(2 * CHUNK, salt=6)
    ref = stores[0].put(data)
    network.stop_ipfs(0, hard=True)
    with pytest.raises(UnavailableWeights):
        stores[1].get(ref, deadline_s=0.5)
    with pytest.raises(StoreError, match="nobody listens") as error:
        stores[0].has(ref)
    assert error.value.fix and not isinstance(error.value, UnavailableWeights)
    network.start_ipfs(0)
    assert stores[0].has(ref)
    assert stores[1].get(ref) == data


@contextlib.contextmanager
def collects_garbage_at(store: IpfsStore, command: bytes) -> Iterator[IpfsStore]:
    """The store, whose daemon collects its garbage once, right before it does this."""
    collected = list[bytes]()

    def asked(data: bytes) -> None:
        if command in data and not collected:
            collected.append(data)
            call_ipfs(port_of(store), "repo/gc", quiet="true", silent="true")

    with closing(Forwarder(f"http://127.0.0.1:{port_of(store)}")) as forwarder:
        forwarder.asked = asked
        with closing(IpfsStore(forwarder.url, owner="me", deadline_s=20.0)) as through:  # so no peer has its block
            yield through
    assert collected


@pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
def test_put__garbage_is_collected_before_the_pin__adds_it_again(stores: list[IpfsStore], size: int) -> None:
    data, begun = os.urandom(size), time.monotonic()
    with collects_garbage_at(stores[0], b"/api/v0/pin/add") as store:
        ref = store.put(data)
        assert ref.cid in store.kept()
    assert stores[0].get(ref) == data
    assert time.monotonic() - begun < 15, "nobody waits for what no peer has"


@pytest.mark.slow
@pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
def test_get__garbage_is_collected_before_the_pin__pins_it_again(stores: list[IpfsStore], size: int) -> None:
    data, begun = os.urandom(size), time.monotonic()
    ref = stores[1].put(data)
    with collects_garbage_at(stores[0], b"/api/v0/pin/add") as store:
        assert store.get(ref) == data and ref.cid in store.kept()
    assert time.monotonic() - begun < 15, "the deadline is later"


@pytest.mark.slow
def test_tidy__daemon_was_away__is_made_up_for_and_no_pin_is_left(network: LocalNetwork, tmp_path: Path) -> None:
    """What the member has judged while its daemon came and went: at the end it keeps what it needs, and that alone."""
    with closing(IpfsStore(network.stakeholders[0].ipfs_api, owner=f"a/{secrets.token_hex(4)}")) as store:
        first = encode({"w": np.zeros(4)})
        member = Preparer(LinearLearner(0, seed=1), store, max_size=1 << 20)
        genesis = store.put(first)
        member.prepare(Adopt(0, genesis))
        for value in range(4):
            proposed = store.put(encode({"w": np.full(4, float(value + 1))}))
            assert isinstance(member.prepare(Judge(1, proposal(weights=proposed), secret=False)), Verdict)
            network.stop_ipfs(0, hard=True)
            with pytest.raises(StoreError, match="nobody listens"):
                member.tidy([genesis])
            network.start_ipfs(0)
        assert len(store.kept()) == 5
        member.tidy([genesis])
        assert store.kept() == {genesis.cid, proposed.cid}, "the adopted ones, and the last that it verified"


@pytest.mark.slow
def test_store__several_threads__each_gets_its_own(stores: list[IpfsStore]) -> None:
    items = [pattern(CHUNK + 100, salt) for salt in range(60, 68)]
    with ThreadPoolExecutor(4) as pool:
        refs = list(pool.map(stores[0].put, items))
        assert list(pool.map(stores[1].get, refs)) == items


@pytest.mark.slow
def test_store__threads_that_have_ended__keep_no_connection_open(stores: list[IpfsStore]) -> None:
    ref = stores[0].put(b"some weights")
    process = psutil.Process()

    def used_by_threads() -> int:
        for _ in range(5):  # as each merge has threads of its own to pull by
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(stores[1].get, [ref] * 8)) == [b"some weights"] * 8
        return process.num_fds()

    first = used_by_threads()
    assert max(used_by_threads() for _ in range(3)) <= first + 4


@pytest.mark.slow
def test_get__large__holds_it_little_more_than_once(stores: list[IpfsStore]) -> None:
    size = 24 * CHUNK
    ref = stores[0].put(bytes(size))
    stores[0].get(ref)
    tracemalloc.start()
    try:
        data = stores[0].get(ref)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data) == size and peak < 1.5 * size


def test_check__real_daemon__version_and_peers(stores: list[IpfsStore]) -> None:
    assert stores[0].check().startswith("0.")
    assert len(stores[0].peers()) == 1


@pytest.mark.parametrize(
    "api", ["/ip4/127.0.0.1/tcp/{}", "/ip4/127.0.0.1/tcp/{}/http", "http://127.0.0.1:{}", "http://localhost:{}/api/v0"]
)
def test_store__each_way_to_write_the_address__works(stores: list[IpfsStore], api: str) -> None:
    store = IpfsStore(api.format(port_of(stores[0])))
    assert store.check()
    store.close()


def test_store__a_proxy_in_the_environment__is_not_asked(
    stores: list[IpfsStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for api in (stores[0].api, f"http://localhost:{port_of(stores[0])}"):
        store = IpfsStore(api)
        assert store.check()
        store.close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    need("kubo")
    with guarded_daemon(tmp_path_factory.mktemp("Kubo-With-Capitals")) as daemon:
        yield daemon


class TestAccess:
    """A daemon of its own, with a token and on a socket, whose path has capitals in it."""

    @pytest.mark.parametrize("where", ["api", "socket"])
    @pytest.mark.parametrize("token", ["me:secret one", "bearer:secret-two", "Bearer secret-two", "secret-two\n"])
    def test_store__token_that_the_daemon_knows__works(self, daemon: Daemon, where: str, token: str) -> None:
        with closing(IpfsStore(getattr(daemon, where), owner="a/b", token=token)) as store:
            data = pattern(CHUNK + 1, salt=70)
            ref = store.put(data)
            assert store.kept() == {ref.cid} and store.get(ref) == data
            store.discard(ref)
            assert store.kept() == frozenset()

    def test_store__user_and_password_in_the_url__works_and_they_are_not_shown(self, daemon: Daemon) -> None:
        url = f"http://me:secret%20one@127.0.0.1:{daemon.api.split('/')[4]}"
        with closing(IpfsStore(url)) as store:
            assert store.check()
            assert "secret" not in f"{store!r} {store.api} {StoreSpec(url)}"

    @pytest.mark.parametrize("where", ["api", "socket"])
    @pytest.mark.parametrize("token, says", [(None, "none was sent"), ("me:secret 0ne", "isn't among them")])
    def test_store__token_missing_or_wrong__says_what_to_do_and_shows_none(
        self, daemon: Daemon, where: str, token: str | None, says: str
    ) -> None:
        with closing(IpfsStore(getattr(daemon, where), token=token)) as store:
            for use in (store.check, lambda: store.put(b"x"), lambda: store.get(weights_ref(b"x"))):
                with pytest.raises(StoreError, match="it answers 403") as error:
                    use()
                assert says in error.value.expected and "token_file" in error.value.fix
                assert "secret" not in str(error.value)

    def test_open__token_in_a_file__is_read_and_one_that_is_none_told(self, daemon: Daemon, tmp_path: Path) -> None:
        file = tmp_path / "token.txt"
        file.write_text("\ufeffsecret-two\n", encoding="utf-8")
        store = StoreSpec(daemon.api, token_file=file).open()
        assert isinstance(store, IpfsStore)
        store.close()
        for text in ("", "two\nlines", "Schlüssel"):
            file.write_text(text, encoding="utf-8")
            with pytest.raises(ConfigError, match="can't be sent"):
                StoreSpec(daemon.api, token_file=file).open()
        with pytest.raises(ConfigError, match="can't be read"):
            StoreSpec(daemon.api, token_file=tmp_path / "none").open()

    def test_store__socket_that_nobody_listens_at__says_so(self, tmp_path: Path) -> None:
        with (
            closing(IpfsStore(f"/unix{tmp_path}/api.sock")) as store,
            pytest.raises(StoreError, match="nobody listens"),
        ):
            store.check()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small file system, as root")
def test_put__daemon_without_room_on_its_disk__says_so_and_works_when_there_is(tmp_path: Path) -> None:
    need("kubo")
    (tmp_path / "disk").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(tmp_path / "disk")]).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        with (
            guarded_daemon(tmp_path / "disk") as daemon,
            closing(IpfsStore(daemon.api, token="secret-two", owner="a/b")) as store,
        ):
            small = store.put(pattern(CHUNK, salt=80))
            with pytest.raises(StoreError, match="no space left") as error:
                store.put(secrets.token_bytes(40 * CHUNK))
            assert "make room" in error.value.fix and not isinstance(error.value, UnavailableWeights)
            assert store.kept() == {small.cid}
            call = ["--api", daemon.api, "--api-auth", "bearer:secret-two", "repo", "gc", "-q"]
            subprocess.run([str(daemon.ipfs), *call], check=True, capture_output=True)
            assert len(store.get(store.put(pattern(2 * CHUNK, salt=81)))) == 2 * CHUNK
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)


@pytest.mark.parametrize(
    "api", ["/ip4/10.0.0.1/tcp/5001", "http://0.0.0.0:5001", "http://example.org:5001", "/dns/x/tcp/1"]
)
def test_store__rpc_not_on_loopback__refused(api: str) -> None:
    with pytest.raises(UsageError, match="isn't on this machine"):
        IpfsStore(api)
    IpfsStore(api, allow_remote=True)


@pytest.mark.parametrize(
    "api", ["", "5001", "localhost:5001", "ftp://127.0.0.1:1", "/ip4/127.0.0.1", "/ip4/127.0.0.1/tcp/x"]
)
def test_store__no_address__refused(api: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        IpfsStore(api)


class _Answers(BaseHTTPRequestHandler):
    """A program that isn't today's Kubo."""

    body = b""
    status = 200

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments: object) -> None:
        pass


def server(status: int, body: bytes) -> ThreadingHTTPServer:
    handler = type("Handler", (_Answers,), {"status": status, "body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def test_store__daemon_elsewhere__is_asked_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = server(200, b'{"Version": "0.43.0"}')
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    try:
        with closing(IpfsStore("http://ipfs.invalid:5001", allow_remote=True)) as store:
            assert store.check() == "0.43.0"
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize(
    "status, body, says",
    [
        (200, b'{"Version": "0.29.0"}', "Kubo 0.29.0"),
        (200, b'{"Version": "0.4.23-dev"}', "Kubo 0.4.23-dev"),
        (200, b'{"hello": 1}', "of no version"),
        (200, b"<html>", "can't"),
        (404, b"not found", "can't"),
        (403, b"forbidden", "can't"),
    ],
)
def test_store__not_a_kubo_of_today__clear_error_and_nothing_done(status: int, body: bytes, says: str) -> None:
    fake = server(status, body)
    store = IpfsStore(f"http://127.0.0.1:{fake.server_port}")
    try:
        for use in (lambda: store.check(), lambda: store.put(b"x"), lambda: store.get(weights_ref(b"x"))):
            with pytest.raises(StoreError, match=says) as error:
                use()
            assert error.value.fix and not isinstance(error.value, UnavailableWeights)
    finally:
        store.close()
        fake.shutdown()
        fake.server_close()


@pytest.mark.slow
def test_get__a_daemon_that_never_answers__is_unavailable_when_time_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait in its queue for ever
        store = IpfsStore(f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UnavailableWeights, match="doesn't answer"):
            store.get(weights_ref(b"x"), deadline_s=0.3)
        assert time.monotonic() - start < 5
        store.close()


def test_store__nobody_listens__clear_error() -> None:
    store = IpfsStore("/ip4/127.0.0.1/tcp/1")
    with pytest.raises(StoreError, match="nobody listens") as error:
        store.put(b"x")
    assert "ipfs daemon" in error.value.fix


@pytest.mark.slow
def test_import__of_the_store__loads_no_client_library() -> None:
    code = (
        "import sys, colearn_ledger.stores.ipfs; print([m for m in ('ipfshttpclient', 'requests') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
