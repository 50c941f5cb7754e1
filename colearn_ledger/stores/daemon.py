"""An IPFS daemon (Kubo) as a store asks it, through its RPC: what it is asked, for how long, and what its errors mean.

The client library is old, and is used around its faults: ``Client`` rather than ``connect`` (which refuses today's
Kubo), parameters in ``opts`` (its own arguments are sent wrongly), one client per thread (its session isn't safe to
share), and Kubo's own ``timeout`` beside the socket's (which counts from one read to the next).
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..backoff import Backoff
from ..core.blocks import Buffer
from ..core.cid import CHUNK, MAX_LINKS
from ..errors import InvalidWeights, StoreError, UnavailableWeights, UsageError
from .address import parse_api, shown_api
from .kubo import KUBO_MINIMUM
from .pins import pin_cid, pin_name, pinned_block

__all__ = ["LOCAL_S", "Broken", "Daemon", "is_gone", "is_missing"]

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
LOCAL_S = 30.0  # what needs no other peer
_FULL = ("no space left", "disk quota", "storage limit", "StorageMax", "not enough space")
_GONE_S = 10.0  # a daemon whose connection broke in the middle of a transfer may come back
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class Daemon:
    """One daemon's RPC. Safe to use from several threads; nothing is asked when this is made.

    Parameters
    ----------
    api, allow_remote, token: as for :class:`.ipfs.IpfsStore`, whose errors it raises.
    """

    def __init__(self, api: str, *, allow_remote: bool, token: str | None) -> None:
        self._address = parse_api(api)
        self.api = self._address.multiaddress
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

    # ---- what it is asked

    def add(self, parts: Iterator[Buffer], end: float) -> str:
        """Have it add these bytes, which it doesn't pin; the CID that it gives them."""
        return str(self.client().add_bytes(parts, opts=_IMPORT, timeout=_left(end)))

    def put_block(self, block: bytes, codec: str, end: float) -> str:
        """Have it hold a block, which it doesn't pin; the CID that it gives it."""
        opts = {"cid-codec": codec, "mhtype": "sha2-256"}
        return str(self.client().block.put(io.BytesIO(block), opts=opts, timeout=_patience(end))["Key"])

    def holds(self, cid: str, end: float) -> bool:
        """Whether it has a block itself."""
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self.client().block.stat(cid, opts={"offline": "true", **_timeout(end)}, timeout=_patience(end))
        except ErrorResponse as e:
            if is_gone(str(e)):
                return False
            raise
        return True

    def block(self, cid: str, end: float) -> bytes:
        """A block, which it may have to fetch; ``end``: until when, by ``time.monotonic()``."""
        block = self.client().block.get(cid, opts=_timeout(end), timeout=_left(end) + _SLACK_S)
        assert isinstance(block, bytes)
        return block

    def read(self, cid: str, size: int, end: float) -> Iterator[bytes]:
        """Exactly ``size`` bytes, part by part. Where the connection breaks they go on from there, as soon as they can.

        Raises InvalidWeights where there are more of them, or fewer; UnavailableWeights where they don't come in time.
        """
        count, broken, plainly = 0, Broken(), True
        while count < size:
            before = count
            try:
                for part in self._plain_part(cid, count, end) if plainly else self._part(cid, count, end):
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
            except broken.kinds as e:
                broken.wait(e, count, end)
                continue
            if count == before and not plainly:  # asked for the rest, and there is none: no transfer was cut
                raise InvalidWeights(f"the weights {cid} have only {count:,} bytes", expected=f"{size:,}, as on chain")
            plainly = count > before

    def _plain_part(self, cid: str, start: int, end: float) -> Iterator[bytes]:
        """From there on, fast. It ends where nothing is left, and where the daemon has an error, or was cut off."""
        from .http import plain_answer

        client = self.client()._client
        options = {"offset": str(start), **_timeout(end), "arg": cid}
        url = f"{client._base_url}cat"
        yield from plain_answer(client._session, url, options, _left(end) + _SLACK_S, self._address.socket_path)

    def _part(self, cid: str, start: int, end: float) -> Iterator[bytes]:
        """The same, slower; what ends it is an error that says so, unless nothing is left."""
        opts = {"offset": str(start), **_timeout(end)}
        with self.client().cat(cid, stream=True, opts=opts, timeout=_left(end) + _SLACK_S) as stream:
            yield from stream

    def pin(
        self, owner: str, cid: str, end: float, *, fetched: Callable[[int], None] | None = None, **options: str
    ) -> None:
        """Keep it for the owner, with all that is below it, which the daemon fetches unless it is ``offline``.

        ``fetched`` is called now and then with how many blocks it has by then.
        """
        block, pin = pinned_block(owner, cid), pin_cid(owner, cid)
        had = self.put_block(block, "dag-cbor", end)
        if had != pin:
            raise StoreError(f"the IPFS daemon at {self.api} names a block {had}", expected=pin)
        if fetched is not None:
            opts = {"name": pin_name(owner, cid), "recursive": "true", "progress": "true", **_timeout(end), **options}
            request = self.client()._client.request
            with request(
                "/pin/add", (pin,), decoder="json", stream=True, opts=opts, timeout=_left(end) + _SLACK_S
            ) as told:
                for line in told:
                    if "Pins" in line:
                        return
                    fetched(int(line.get("Progress") or 0))
            # It ended without a word: its error is where no client sees it. What it has fetched stays: asked once more.
        opts = {"name": pin_name(owner, cid), **_timeout(end), **options}
        self.client().pin.add(pin, opts=opts, timeout=_left(end) + _SLACK_S)

    def is_pinned(self, cid: str, end: float | None = None, *, kind: str = "recursive") -> bool:
        """Whether there is a pin of it, of this kind."""
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self.client().pin.ls(cid, type=kind, timeout=_patience(end))
        except ErrorResponse as e:
            if "not pinned" in str(e):
                return False
            raise
        return True

    def unpin(self, cid: str) -> None:
        """Take a pin away; harmless where there is none."""
        from ipfshttpclient.exceptions import ErrorResponse

        try:
            self.client().pin.rm(cid, timeout=LOCAL_S)
        except ErrorResponse as e:
            if "not pinned" not in str(e):
                raise

    def pins(self, named: str) -> dict[str, str]:
        """What is pinned by a name that has this in it: names by CIDs."""
        opts = {"names": "true", "name": named}
        found = self.checked().pin.ls(type="recursive", opts=opts, timeout=LOCAL_S).as_json().get("Keys") or {}
        return {pinned: pin.get("Name", "") for pinned, pin in found.items()}

    def peers(self) -> list[str]:
        """Peer ids of the daemons that it is connected to now."""
        found = self.checked().swarm.peers(timeout=LOCAL_S).as_json().get("Peers") or []
        return sorted(peer["Peer"] for peer in found)

    # ---- how it is reached

    def version(self) -> str:
        """Asked anew, and checked."""
        self._version = ""
        self.checked()
        return self._version

    def close(self) -> None:
        """Close all connections. It can be asked again afterwards."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
            self._local = threading.local()
        for client in clients:
            client.close()

    def client(self) -> Any:
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

    def checked(self, end: float | None = None) -> Any:
        """This thread's client, of a daemon that is new enough."""
        client = self.client()
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
    def asking(self, doing: str, end: float | None = None) -> Iterator[None]:
        """Turn the client's errors into ours: unavailable where only time or peers were missing, else a StoreError."""
        import requests
        from ipfshttpclient import exceptions

        try:
            yield
        except (StoreError, InvalidWeights):
            raise
        except exceptions.ErrorResponse as e:
            message = str(e)
            if end is not None and is_missing(message):
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


class Broken:
    """A connection that breaks in the middle of a transfer: how often, and whether to try again.

    Attributes
    ----------
    kinds: the errors that say so.
    """

    def __init__(self) -> None:
        import requests
        from ipfshttpclient import exceptions

        self.kinds = (
            exceptions.ConnectionError,
            exceptions.ProtocolError,
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
        )
        self._at, self._since = -1, 0.0
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)

    def wait(self, error: Exception, count: int, end: float) -> None:
        """Pause, or raise the error where nothing was moved for too long. ``count``: bytes that were moved."""
        now = time.monotonic()
        if count > self._at:
            self._at, self._since = count, now
            self._backoff.clear()
        pause = self._backoff.add()
        if now + pause > min(end, self._since + _GONE_S):
            raise error
        time.sleep(pause)


def _left(end: float) -> float:
    return max(_MIN_S, end - time.monotonic())


def _patience(end: float | None) -> float:
    """How long to wait for an answer that needs no other peer."""
    return LOCAL_S if end is None else min(LOCAL_S, _left(end) + _SLACK_S)


def _timeout(end: float) -> dict[str, str]:
    """Kubo's own deadline: it then answers that the context's deadline was exceeded."""
    return {"timeout": f"{_left(end):.3f}s"}


def is_missing(message: str) -> bool:
    """Whether only time or peers were missing."""
    return is_gone(message) or any(word in message for word in ("deadline exceeded", "context canceled"))


def is_gone(message: str) -> bool:
    """Whether it isn't there."""
    return any(word in message for word in ("not found", "could not find"))
