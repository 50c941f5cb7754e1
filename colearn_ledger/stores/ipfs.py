"""A weight store that is an IPFS daemon (Kubo), asked through its RPC.

What the daemon says is never believed: the root block is hashed and its sizes are added up before anything below it is
fetched, what arrives is counted, capped and hashed, and a new CID is compared with the locally computed one.

The client library is old, and is used around its faults: ``Client`` rather than ``connect`` (which refuses today's
Kubo), parameters in ``opts`` (its own arguments are sent wrongly), one client per thread (its session isn't safe to
share), and Kubo's own ``timeout`` beside the socket's (which counts from one read to the next).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ..core.cid import CHUNK, MAX_LINKS, CidHasher, cid_text, inner_nodes, root_block_size_check, root_node
from ..core.protocol import WeightsRef
from ..core.weights import weights_ref
from ..errors import InvalidWeights, StoreError, UnavailableWeights, UsageError
from .kubo import KUBO_MINIMUM

__all__ = ["IpfsStore"]

DEFAULT_API = "/ip4/127.0.0.1/tcp/5001"

# Kubo's profile unixfs-v1-2025. Sent in full, since the defaults differ between versions.
_IMPORT = {
    "cid-version": "1",
    "raw-leaves": "true",
    "hash": "sha2-256",
    "chunker": f"size-{CHUNK}",
    "max-file-links": str(MAX_LINKS),
    "trickle": "false",
    "pin": "true",
    "quieter": "true",
}
_MIN_S = 0.05  # a deadline that has passed still asks, for what the daemon has itself
_SLACK_S = 2.0  # the socket waits longer than the daemon, so that the daemon's own answer is the one that comes
_LOCAL_S = 30.0  # what needs no other peer


class IpfsStore:
    """Weights in IPFS, by a Kubo daemon on this machine. Safe to use from several threads.

    Nothing is asked before the first use. Then the daemon's version is checked, once.

    Parameters
    ----------
    api: address of the daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001`` or ``http://127.0.0.1:5001``.
    deadline_s: how long :meth:`get` tries when it is given no deadline.
    allow_remote: take an RPC that isn't on loopback. Whoever can reach such an RPC owns the daemon.

    Raises
    ------
    UsageError: the address can't be understood, or isn't on loopback.
    """

    def __init__(self, api: str = DEFAULT_API, *, deadline_s: float = 60.0, allow_remote: bool = False) -> None:
        self.api = _multiaddress(api)
        self.deadline_s = deadline_s
        if not allow_remote and not re.match(r"/(ip4/127\.\d+\.\d+\.\d+|ip6/::1|dns[46]?/localhost|unix)/", self.api):
            raise UsageError(
                f"the IPFS RPC {api} isn't on this machine",
                expected="a loopback address, since whoever reaches the RPC owns the daemon",
                fix="run an IPFS daemon on this machine, or reach the other's RPC through a tunnel",
            )
        self._local = threading.local()
        self._clients: list[Any] = []
        self._lock = threading.Lock()
        self._version = ""

    def __repr__(self) -> str:
        return f"IpfsStore({self.api!r})"

    # ---- the store

    def put(self, data: bytes) -> WeightsRef:
        with self._asking("add weights to"), ThreadPoolExecutor(1) as beside:
            client = self._checked()
            naming = beside.submit(weights_ref, data)  # both sides hash all bytes: at the same time
            had = client.add_bytes(data, opts=_IMPORT, timeout=_LOCAL_S + len(data) / CHUNK)
            ref = naming.result()
        wanted = cid_text(ref.cid_digest, ref.size)
        if had != wanted:
            self._unpin(had)
            raise StoreError(
                f"the IPFS daemon at {self.api} names the weights {had}",
                expected=f"{wanted}, their CID by the import parameters that were sent",
                fix="use a Kubo of a version that this program is tested with",
            )
        return ref

    def get(self, ref: WeightsRef, *, deadline_s: float | None = None) -> bytes:
        """As :meth:`.Store.get`. What it returns is pinned on this daemon; what is invalid isn't."""
        cid = cid_text(ref.cid_digest, ref.size)
        end = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        with self._asking(f"get the weights {cid} from", end):
            self._checked(end)
            if ref.size == 0:  # known without asking anybody, and no peer would send an empty block
                self.put(b"")
            root = self._check_blocks(cid, ref, end)
            pinned = self._is_pinned(cid, end)
            try:
                if not pinned:  # first: a pin fetches the blocks four times faster than a read does
                    self._client().pin.add(cid, opts=_timeout(end), timeout=_left(end) + _SLACK_S)
                return self._read(cid, ref, root, end)
            except InvalidWeights:
                if not pinned:
                    self._unpin(cid)
                raise

    def has(self, ref: WeightsRef) -> bool:
        """As :meth:`.Store.has`: whether it is pinned, so that it stays."""
        with self._asking("look into"):
            self._checked()
            return self._is_pinned(cid_text(ref.cid_digest, ref.size))

    def discard(self, ref: WeightsRef) -> None:
        """As :meth:`.Store.discard`. The daemon frees the room when it collects its garbage."""
        with self._asking("unpin weights on"):
            self._checked()
            self._unpin(cid_text(ref.cid_digest, ref.size))

    # ---- about the daemon

    def check(self) -> str:
        """The daemon's version.

        Raises
        ------
        StoreError: it can't be reached, isn't an IPFS daemon, or is too old.
        """
        self._version = ""
        with self._asking("reach"):
            self._checked()
        return self._version

    def peers(self) -> list[str]:
        """Peer ids of the daemons that it is connected to now."""
        with self._asking("ask"):
            client = self._checked()
            found = client.swarm.peers(timeout=_LOCAL_S).as_json().get("Peers") or []
        return sorted(peer["Peer"] for peer in found)

    def close(self) -> None:
        """Close all connections. The store can be used again afterwards."""
        with self._lock:
            clients, self._clients = self._clients, []
            self._local = threading.local()
        for client in clients:
            client.close()

    # ---- pieces

    def _check_blocks(self, cid: str, ref: WeightsRef, end: float) -> bytes:
        """Check the blocks that say how large the weights are, before the daemon fetches what they lead to.

        Returns the root block.
        """
        root = self._block(cid, end)
        root_block_size_check(root, ref)
        if ref.size > CHUNK * MAX_LINKS:  # above 1 GiB there are nodes between the root and the leaves
            waiting = inner_nodes(root, root_node(ref))
            while waiting:
                node = waiting.pop()
                waiting += inner_nodes(self._block(node.cid, end), node)
        return root

    def _block(self, cid: str, end: float) -> bytes:
        block = self._client().block.get(cid, opts=_timeout(end), timeout=_left(end) + _SLACK_S)
        assert isinstance(block, bytes)
        return block

    def _read(self, cid: str, ref: WeightsRef, root: bytes, end: float) -> bytes:
        """Read as a stream. A body that was cut short looks complete (the error is in a trailer): so it is counted."""
        data = io.BytesIO()
        sha, hasher = hashlib.sha256(), CidHasher()

        def hash_both(piece: bytes) -> None:
            sha.update(piece)
            hasher.update(piece)

        hashing: Future[None] | None = None
        with ThreadPoolExecutor(1) as beside:  # hashes one piece while the next one is read
            for piece in _pieces([root] if ref.size <= CHUNK else self._stream(cid, ref.size, end)):
                if hashing is not None:
                    hashing.result()
                hashing = beside.submit(hash_both, piece)
                data.write(piece)
        if sha.digest() != ref.sha256:
            raise InvalidWeights(
                f"the weights' sha256 is {sha.hexdigest()}", expected=f"{ref.sha256.hex()}, as on chain"
            )
        if hasher.digest() != ref.cid_digest:
            raise InvalidWeights(
                f"the weights' CID has the digest {hasher.digest().hex()}",
                expected=f"{ref.cid_digest.hex()}, as on chain",
            )
        return data.getvalue()  # doesn't copy

    def _stream(self, cid: str, size: int, end: float) -> Iterator[bytes]:
        """Exactly ``size`` bytes, part by part."""
        count = 0
        while count < size:
            before = count
            opts = {"offset": str(count), **_timeout(end)}
            with self._client().cat(cid, stream=True, opts=opts, timeout=_left(end) + _SLACK_S) as stream:
                for part in stream:
                    count += len(part)
                    if count > size:
                        raise InvalidWeights(
                            f"the weights {cid} have more than {size} bytes", expected=f"{size}, as on chain"
                        )
                    yield part
                    if count < size and time.monotonic() > end:
                        raise UnavailableWeights(
                            f"only {count} of {size} bytes of the weights {cid} came in time",
                            fix="try again, with more time",
                        )
            if count == before:  # asked for the rest, and there is none: it isn't the transfer that was cut
                raise InvalidWeights(f"the weights {cid} have only {count} bytes", expected=f"{size}, as on chain")

    def _is_pinned(self, cid: str, end: float | None = None) -> bool:
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self._client().pin.ls(cid, type="recursive", timeout=_patience(end))
        except ErrorResponse as e:
            if "not pinned" in str(e):
                return False
            raise
        return True

    def _unpin(self, cid: str) -> None:
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self._client().pin.rm(cid, timeout=_LOCAL_S)
        except ErrorResponse as e:
            if "not pinned" not in str(e):
                raise

    def _client(self) -> Any:
        """This thread's client."""
        client = getattr(self._local, "client", None)
        if client is None:
            import ipfshttpclient

            # Meant for the client library's authors; a person who runs a node can't do anything about it.
            warnings.filterwarnings("ignore", message="The 'strict' parameter", category=FutureWarning)
            client = ipfshttpclient.Client(self.api, session=True, chunk_size=CHUNK)
            # A proxy from the environment must not be asked for what is on this machine.
            client._client._session.trust_env = False
            self._local.client = client
            with self._lock:
                self._clients.append(client)
        return client

    def _checked(self, end: float | None = None) -> Any:
        """This thread's client, of a daemon that is new enough."""
        client = self._client()
        if not self._version:
            answer = client.version(timeout=_patience(end))
            version = str(answer["Version"]) if "Version" in answer else ""
            numbers = tuple(int(n) for n in re.findall(r"\d+", version.split("-")[0]))
            if numbers < KUBO_MINIMUM:
                minimum = ".".join(map(str, KUBO_MINIMUM))
                raise StoreError(
                    f"the IPFS daemon at {self.api} is Kubo {version or 'of no version'}",
                    expected=f"Kubo {minimum} or newer",
                    fix="upgrade Kubo and restart its daemon",
                )
            self._version = version
        return client

    @contextlib.contextmanager
    def _asking(self, doing: str, end: float | None = None) -> Iterator[None]:
        """Turn the client's errors into ours: unavailable where only time or peers were missing, else a StoreError."""
        import requests
        from ipfshttpclient import exceptions

        try:
            yield
        except (StoreError, InvalidWeights):
            raise
        except exceptions.ErrorResponse as e:
            message = str(e)
            if end is not None and _is_missing(message):
                raise UnavailableWeights(
                    f"can't {doing} the IPFS daemon at {self.api}: {message}",
                    expected="a peer that has them, within the deadline",
                    fix="check that the daemon is connected to the other members' daemons; it may be there later",
                ) from e
            raise StoreError(
                f"can't {doing} the IPFS daemon at {self.api}: {message}", fix="look at the daemon's log"
            ) from e
        except (exceptions.TimeoutError, requests.Timeout) as e:
            kind = UnavailableWeights if end is not None else StoreError
            raise kind(
                f"can't {doing} the IPFS daemon at {self.api}: it doesn't answer in time",
                fix="check that the daemon isn't stuck or overloaded",
            ) from e
        except (exceptions.ConnectionError, requests.ConnectionError) as e:
            raise StoreError(
                f"can't {doing} the IPFS daemon at {self.api}: nobody listens there, or the connection broke",
                expected="a running IPFS daemon",
                fix="start it (`ipfs daemon`), or name the address of its RPC",
            ) from e
        except (exceptions.Error, requests.RequestException) as e:
            raise StoreError(
                f"can't {doing} the IPFS daemon at {self.api}: {e}",
                expected="the RPC of an IPFS daemon (Kubo)",
                fix="check that the address is that of the RPC, not of a gateway or of another program",
            ) from e


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces: a daemon sends 4 KiB at a time, and each costs as much to handle as a MiB."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _multiaddress(api: str) -> str:
    """The address as IPFS writes it."""
    url = re.fullmatch(r"(https?)://(\[[0-9a-fA-F:]+\]|[^/:\[\]]+)(?::(\d+))?(?:/|/api/v0/?)?", api)
    if url is None:
        found = api.rstrip("/")
        if not re.fullmatch(r"/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d+(/https?)?|/unix/.+", found):
            raise UsageError(
                f"{api!r} is no address of an IPFS RPC",
                expected="one such as /ip4/127.0.0.1/tcp/5001 or http://127.0.0.1:5001",
            )
        return found
    scheme, host, port = url.groups()
    kind = "ip6" if host.startswith("[") else "ip4" if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host) else "dns"
    return f"/{kind}/{host.strip('[]')}/tcp/{port or {'http': 80, 'https': 443}[scheme]}/{scheme}"


def _left(end: float) -> float:
    return max(_MIN_S, end - time.monotonic())


def _patience(end: float | None) -> float:
    """How long to wait for an answer that needs no other peer."""
    return _LOCAL_S if end is None else min(_LOCAL_S, _left(end) + _SLACK_S)


def _timeout(end: float) -> dict[str, str]:
    """Kubo's own deadline: it then answers that the context's deadline was exceeded."""
    return {"timeout": f"{_left(end):.3f}s"}


def _is_missing(message: str) -> bool:
    return any(word in message for word in ("deadline exceeded", "not found", "could not find", "context canceled"))
