"""A weight store that is an IPFS daemon (Kubo), asked through its RPC.

What the daemon says is never believed: the root block is hashed and its sizes are added up before anything below it is
fetched, what arrives is counted, capped and hashed, and a new CID is compared with the locally computed one.

The client library is old, and is used around its faults: ``Client`` rather than ``connect`` (which refuses today's
Kubo), parameters in ``opts`` (its own arguments are sent wrongly), one client per thread (its session isn't safe to
share), and Kubo's own ``timeout`` beside the socket's (which counts from one read to the next).

Pins are this store's own, whoever else keeps the same content: :mod:`.pins` says how.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..core.cid import CHUNK, MAX_LINKS, cid_text, first_leaf, inner_nodes, root_block_size_check, root_node
from ..core.protocol import WeightsRef
from ..core.weights import weights_ref
from ..errors import InvalidWeights, StoreError, UnavailableWeights, UsageError
from .address import parse_api, shown_api
from .base import ANYBODY, archive_of, check_small, contributor_of, training_of
from .kubo import KUBO_MINIMUM
from .pieces import checked_pieces, into_file
from .pins import kept_cid, pin_cid, pin_name, pinned_block

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
    "pin": "false",  # a pin of its own comes after it
    "quieter": "true",
}
_NO_HOST = "/dns/localhost/tcp/80/http"  # for a socket's client, whose requests all go to the socket
_MIN_S = 0.05  # a deadline that has passed still asks, for what the daemon has itself
_SLACK_S = 2.0  # the socket waits longer than the daemon, so that the daemon's own answer is the one that comes
_LOCAL_S = 30.0  # what needs no other peer
_TRIES = 4  # garbage may be collected at any moment, with what was added and isn't pinned yet
_FIRST_PIN_S = 2.0
_FULL = ("no space left", "disk quota", "storage limit", "StorageMax", "not enough space")


class IpfsStore:
    """Weights in IPFS, by a Kubo daemon on this machine. Safe to use from several threads.

    Nothing is asked before the first use. Then the daemon's version is checked, once.

    Parameters
    ----------
    api: address of the daemon's RPC, such as ``/ip4/127.0.0.1/tcp/5001``, ``http://127.0.0.1:5001`` or
        ``/unix/run/ipfs.sock``.
    owner: for whom it keeps weights: what it pins is pinned under this name, and nothing else is ever unpinned.
    deadline_s: how long :meth:`get` tries when it is given no deadline.
    allow_remote: take an RPC that isn't on loopback. Whoever can reach such an RPC owns the daemon.
    token: what the daemon wants as ``Authorization`` (see :func:`.http.authorization`); never shown.

    Raises
    ------
    UsageError: the address can't be understood, or isn't on loopback.
    ConfigError: the token can't be sent.
    """

    def __init__(
        self,
        api: str = DEFAULT_API,
        *,
        owner: str = ANYBODY,
        deadline_s: float = 60.0,
        allow_remote: bool = False,
        token: str | None = None,
    ) -> None:
        self._address = parse_api(api)
        self.api = self._address.multiaddress
        self.owner = owner
        self.deadline_s = deadline_s
        if not allow_remote and not self._address.is_local:
            raise UsageError(
                f"the IPFS RPC {shown_api(api)} isn't on this machine",
                expected="a loopback address, since whoever reaches the RPC owns the daemon",
                fix="run an IPFS daemon on this machine, or reach the other's RPC through a tunnel",
            )
        if token is None and self._address.credentials is not None:
            token = ":".join(self._address.credentials)
        self._authorization = None
        if token is not None:
            from .http import authorization

            self._authorization = authorization(token)
        self._local = threading.local()
        self._clients: dict[threading.Thread, Any] = {}
        self._lock = threading.Lock()
        self._version = ""

    def __repr__(self) -> str:
        return f"IpfsStore({self.api!r})"

    # ---- the store

    def put(self, data: bytes | memoryview) -> WeightsRef:
        from ipfshttpclient.exceptions import ErrorResponse

        view = memoryview(data).cast("B")
        with self._asking("add weights to"):
            for tries in range(1, _TRIES + 1):
                ref = self._add(view)
                try:
                    self._pin(self.owner, ref.cid, time.monotonic() + _LOCAL_S, offline="true")
                    break
                except ErrorResponse as e:
                    if tries == _TRIES or not _is_gone(str(e)):
                        raise
        return ref

    def _add(self, view: memoryview) -> WeightsRef:
        with ThreadPoolExecutor(1) as beside:
            client = self._checked()
            naming = beside.submit(weights_ref, view)  # both sides hash all bytes: at the same time
            parts = (bytes(view[i : i + CHUNK]) for i in range(0, len(view), CHUNK))
            had = client.add_bytes(parts, opts=_IMPORT, timeout=_LOCAL_S + len(view) / CHUNK)
            ref = naming.result()
            if had != ref.cid:
                raise StoreError(
                    f"the IPFS daemon at {self.api} names the weights {had}",
                    expected=f"{ref.cid}, their CID by the import parameters that were sent",
                    fix="use a Kubo of a version that this program is tested with",
                )
        return ref

    def get(
        self,
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> bytes:
        """As :meth:`.Store.get`. What it returns is pinned for this owner; what is invalid isn't, unless it was."""
        with self._fetching(ref, deadline_s, check_head) as pieces:
            data = io.BytesIO()
            if ref.size > 0:  # all of the room at once: what grows is copied, and takes more than it needs
                data.seek(ref.size - 1)
                data.write(b"\0")
                data.seek(0)
            for piece in pieces:
                data.write(piece)
            return data.getvalue()  # doesn't copy

    def get_small(self, sha256: bytes, *, deadline_s: float | None = None) -> bytes:
        cid, end = cid_text(sha256, 1), time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        with self._asking(f"get {cid} from", end):
            self._checked(end)
            return check_small(self._block(cid, end), sha256)

    def get_to(
        self,
        path: str | os.PathLike[str],
        ref: WeightsRef,
        *,
        deadline_s: float | None = None,
        check_head: Callable[[memoryview], None] | None = None,
    ) -> None:
        """As :meth:`.Store.get_to`; pins as :meth:`get` does."""
        with self._fetching(ref, deadline_s, check_head) as pieces, into_file(path) as write:
            for piece in pieces:
                write(piece)

    def has(self, ref: WeightsRef) -> bool:
        """As :meth:`.Store.has`: whether it is pinned, by whomever, so that it stays."""
        with self._asking("look into"):
            self._checked()
            # Whether somebody else's pin has it below it is dear to know where there are many pins: last.
            return self._is_pinned(pin_cid(self.owner, ref.cid)) or self._is_pinned(ref.cid, kind="all")

    def kept(self) -> frozenset[str]:
        return self._pinned_for(self.owner)

    def _pinned_for(self, owner: str) -> frozenset[str]:
        named = (kept_cid(owner, pinned, name) for pinned, name in self._pins(owner).items())
        return frozenset(cid for cid in named if cid is not None)

    def _pins(self, named: str) -> dict[str, str]:
        """What is pinned by a name that has this in it: names by CIDs."""
        with self._asking("look into"):
            client = self._checked()
            opts = {"names": "true", "name": named}
            pins = client.pin.ls(type="recursive", opts=opts, timeout=_LOCAL_S).as_json().get("Keys") or {}
        return {pinned: pin.get("Name", "") for pinned, pin in pins.items()}

    def discard(self, ref: WeightsRef | str) -> None:
        """As :meth:`.Store.discard`. The daemon frees the room when it collects its garbage."""
        self._discard_for(self.owner, ref)

    def _discard_for(self, owner: str, ref: WeightsRef | str) -> None:
        with self._asking("unpin weights on"):
            self._checked()
            self._unpin(pin_cid(owner, ref if isinstance(ref, str) else ref.cid))

    def archive(self, ref: WeightsRef) -> None:
        with self._asking("pin weights on"):
            self._checked()
            self._pin(archive_of(self.owner), ref.cid, time.monotonic() + _LOCAL_S, offline="true")

    def archived(self) -> frozenset[str]:
        return self._pinned_for(archive_of(self.owner))

    def unarchive(self, ref: WeightsRef | str) -> None:
        """As :meth:`.Store.unarchive`. The daemon frees the room when it collects its garbage."""
        self._discard_for(archive_of(self.owner), ref)

    def keep_contribution(self, ref: WeightsRef, training: int) -> None:
        with self._asking("pin weights on"):
            self._checked()
            self._pin(contributor_of(self.owner, training), ref.cid, time.monotonic() + _LOCAL_S, offline="true")

    def contributions(self) -> frozenset[tuple[int, str]]:
        found = set[tuple[int, str]]()
        for pinned, name in self._pins(self.owner).items():
            contributor = name.rpartition("/")[0]
            training, cid = training_of(self.owner, contributor), kept_cid(contributor, pinned, name)
            if training is not None and cid is not None:
                found.add((training, cid))
        return frozenset(found)

    def discard_contribution(self, training: int, cid: str) -> None:
        """As :meth:`.Store.discard_contribution`. The daemon frees the room when it collects its garbage."""
        self._discard_for(contributor_of(self.owner, training), cid)

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
            clients, self._clients = list(self._clients.values()), {}
            self._local = threading.local()
        for client in clients:
            client.close()

    # ---- pieces

    def _check_blocks(self, cid: str, ref: WeightsRef, end: float) -> tuple[bytes, str | None]:
        """Check the blocks that say how large the weights are, before the daemon fetches what they lead to.

        Returns the root block, and the CID of the first chunk; None where the root is that.
        """
        root = self._block(cid, end)
        root_block_size_check(root, ref)
        if ref.size <= CHUNK:
            return root, None
        head = first_leaf(root, root_node(ref))
        waiting = inner_nodes(root, root_node(ref))  # above 1 GiB there are nodes between the root and the leaves
        while waiting:
            node = waiting.pop(0)
            block = self._block(node.cid, end)
            head = head or first_leaf(block, node)
            waiting = inner_nodes(block, node) + waiting
        return root, head

    def _block(self, cid: str, end: float) -> bytes:
        block = self._client().block.get(cid, opts=_timeout(end), timeout=_left(end) + _SLACK_S)
        assert isinstance(block, bytes)
        return block

    @contextlib.contextmanager
    def _fetching(
        self, ref: WeightsRef, deadline_s: float | None, check_head: Callable[[memoryview], None] | None
    ) -> Iterator[Iterator[bytes]]:
        """The weights piece by piece, checked at their end; what is invalid isn't pinned, unless it was."""
        cid = ref.cid
        end = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        with self._asking(f"get the weights {cid} from", end):
            self._checked(end)
            if ref.size == 0:  # known without asking anybody, and no peer would send an empty block
                self.put(b"")
            root, head = self._check_blocks(cid, ref, end)
            if check_head is not None:
                check_head(memoryview(root if head is None else self._block(head, end)))
            kept = self._is_pinned(pin_cid(self.owner, cid), end)
            try:
                if not kept:  # first: a pin fetches the blocks four times faster than a read does
                    self._pull(self.owner, cid, end)
                # A body that was cut short looks complete (the error is in a trailer): so it is counted.
                stream = [root] if ref.size <= CHUNK else self._stream(cid, ref.size, end)
                yield checked_pieces(_pieces(stream), ref)
            except InvalidWeights:
                if not kept:
                    self._unpin(pin_cid(self.owner, cid))
                raise

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
                            f"the weights {cid} have more than {size:,} bytes", expected=f"{size:,}, as on chain"
                        )
                    yield part
                    if count < size and time.monotonic() > end:
                        raise UnavailableWeights(
                            f"only {count:,} of {size:,} bytes of the weights {cid} came in time",
                            fix="try again, with more time",
                        )
            if count == before:  # asked for the rest, and there is none: it isn't the transfer that was cut
                raise InvalidWeights(f"the weights {cid} have only {count:,} bytes", expected=f"{size:,}, as on chain")

    def _pull(self, owner: str, cid: str, end: float) -> None:
        """Pin what the daemon may have to fetch. Given up and begun anew now and then: when garbage is collected before
        the pin is there, it waits for the owner's block, which no peer has. What was fetched until then stays.
        """
        from ipfshttpclient.exceptions import ErrorResponse

        pause = _FIRST_PIN_S
        while (part := time.monotonic() + pause) < end:
            try:
                return self._pin(owner, cid, part)
            except ErrorResponse as e:
                if not _is_missing(str(e)):
                    raise
            pause *= 2
        self._pin(owner, cid, end)

    def _pin(self, owner: str, cid: str, end: float, **options: str) -> None:
        """Keep it for the owner, with all that is below it, which the daemon fetches unless it is ``offline``."""
        block, pin = pinned_block(owner, cid), pin_cid(owner, cid)
        opts = {"cid-codec": "dag-cbor", "mhtype": "sha2-256"}
        had = self._client().block.put(io.BytesIO(block), opts=opts, timeout=_patience(end))["Key"]
        if had != pin:
            raise StoreError(f"the IPFS daemon at {self.api} names a block {had}", expected=pin)
        opts = {"name": pin_name(owner, cid), **_timeout(end), **options}
        self._client().pin.add(pin, opts=opts, timeout=_left(end) + _SLACK_S)

    def _is_pinned(self, cid: str, end: float | None = None, *, kind: str = "recursive") -> bool:
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self._client().pin.ls(cid, type=kind, timeout=_patience(end))
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
            path = self._address.socket_path
            client = ipfshttpclient.Client(_NO_HOST if path else self.api, session=True, chunk_size=CHUNK)
            session = client._client._session
            if path is not None:
                from .http import SocketAdapter

                session.mount("http://", SocketAdapter(path))
            # A proxy from the environment must not be asked for what is on this machine.
            session.trust_env = not self._address.is_local
            if self._authorization is not None:
                from .http import Token

                session.auth = Token(self._authorization)
            self._local.client = client
            with self._lock:
                gone = [thread for thread in self._clients if not thread.is_alive()]
                over = [self._clients.pop(thread) for thread in gone]
                self._clients[threading.current_thread()] = client
            for one in over:  # threads come and go, and their connections with them
                one.close()
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
            full = any(word in message for word in _FULL)
            raise StoreError(
                f"can't {doing} the IPFS daemon at {self.api}: {message}",
                expected="room on the daemon's disk" if full else "",
                fix="make room on its disk, or collect its garbage (`ipfs repo gc`); it is tried again"
                if full
                else "look at the daemon's log",
            ) from e
        except exceptions.StatusError as e:
            raise self._refused(doing, e) from e
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

    def _refused(self, doing: str, error: Any) -> StoreError:
        """An answer with a status that has no message of a daemon with it."""
        status = getattr(getattr(error.original, "response", None), "status_code", None)
        what = f"can't {doing} the IPFS daemon at {self.api}: it answers {status}"
        if status in (401, 403):
            sent = "none was sent" if self._authorization is None else "the one that was sent isn't among them"
            return StoreError(
                f"{what}, it refuses this client",
                expected=f"a token of its API.Authorizations ({sent}), or an RPC that needs none",
                fix="put the token into a file, and name it by store.token_file (a node's) or --ipfs-token-file; "
                "or correct the address: a gateway isn't the RPC",
            )
        return StoreError(
            what,
            expected="the RPC of an IPFS daemon (Kubo)",
            fix="check that the address is that of the RPC, not of a gateway or of another program",
        )


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


def _left(end: float) -> float:
    return max(_MIN_S, end - time.monotonic())


def _patience(end: float | None) -> float:
    """How long to wait for an answer that needs no other peer."""
    return _LOCAL_S if end is None else min(_LOCAL_S, _left(end) + _SLACK_S)


def _timeout(end: float) -> dict[str, str]:
    """Kubo's own deadline: it then answers that the context's deadline was exceeded."""
    return {"timeout": f"{_left(end):.3f}s"}


def _is_missing(message: str) -> bool:
    return _is_gone(message) or any(word in message for word in ("deadline exceeded", "context canceled"))


def _is_gone(message: str) -> bool:
    return any(word in message for word in ("not found", "could not find"))
