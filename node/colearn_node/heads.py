"""New heads of the chain over a WebSocket. They only say "look again"; state decides."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, InvalidURI, ProxyError
from websockets.sync.client import ClientConnection, connect

from colearn_ledger.backoff import Backoff
from colearn_ledger.chain.transport import proxy_for
from colearn_ledger.errors import ChainError, how_to_install
from colearn_ledger.formats.json import parse_shallow_json
from colearn_ledger.formats.urls import shown_url

from .log import Log
from .wakeup import Wake

__all__ = ["HeadSubscription", "find_subscription", "try_subscription"]

_ANSWER_S = 10.0
_GOODBYE_S = 1.0  # for the endpoint's part of closing a connection
_SILENCE_S = 30.0  # after which the endpoint is asked whether there were blocks
_SETTLED_S = 60.0  # a connection that lasts so long is a good one
_MOST_BYTES, _MOST_DEPTH = 1 << 20, 32
_FIRST_BLOCK = {"jsonrpc": "2.0", "id": 0, "method": "eth_getBlockByNumber", "params": ["0x0", False]}
_GAPS = 8  # between heads, from which it is known when the next one is due


class _Unusable(Exception):
    """The endpoint said what can't be; the text says what."""


def try_subscription(url: str) -> None:
    """Raises ChainError unless the endpoint lets one subscribe to new blocks."""
    try:
        with _open(url) as socket:
            _subscribe(socket)
    except Exception as e:
        raise ChainError(
            f"the chain's WebSocket at {shown_url(url)} can't be used: {_why(e)}",
            expected="an endpoint that offers eth_subscribe",
            fix="correct `ws`, or remove it: the node then polls",
        ) from e


def find_subscription(rpc: str, first_block: bytes, *, answer_s: float = 2.0) -> str | None:
    """The WebSocket that tells of new blocks, where clients have it beside the endpoint ``rpc``; None if none does.

    That is at the same address, or, as geth and Besu have it, at the next port. ``first_block``: the hash of the
    chain's, by which it is known. ``answer_s``: seconds for each answer.
    """
    parts = urlsplit(rpc)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme)
    if scheme is None:
        return None
    places = [parts.netloc]
    if parts.port is not None and not parts.username and parts.port < 65535:
        places.append(f"{parts.netloc.rpartition(':')[0]}:{parts.port + 1}")
    for place in places:
        url = urlunsplit((scheme, place, parts.path, parts.query, ""))
        with contextlib.suppress(Exception), _open(url, answer_s) as socket:  # else it's no such WebSocket
            socket.send(json.dumps(_FIRST_BLOCK))
            if _read(socket.recv(timeout=answer_s))["result"]["hash"] == "0x" + first_block.hex():
                _subscribe(socket, answer_s)
                return url
    return None


class HeadSubscription:
    """Listens for new blocks over a WebSocket, in a thread, and connects again when it breaks.

    Whatever comes, or doesn't come, the thread goes on: what isn't a new head is a reason to connect again, later and
    later, which is said once. ``connected`` says whether new heads would be heard of now: while they wouldn't, the loop
    must poll. ``close`` ends the thread.

    Parameters
    ----------
    backoff: between two attempts.
    silence_s: seconds without a message after which the endpoint is asked whether it has told of all blocks.
    clock: seconds that never go back.
    """

    def __init__(
        self,
        url: str,
        wake: Wake,
        log: Log,
        *,
        backoff: Backoff | None = None,
        silence_s: float = _SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._wake, self._log = url, wake, log
        self._failures = backoff or Backoff(1.0, 30.0)
        self._silence_s, self._now = silence_s, clock
        self._heard = 0.0  # when the last head came
        self._gaps: deque[float] = deque(maxlen=_GAPS)  # seconds between the last ones
        self._told = False
        self.connected = False
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None
        threading.Thread(target=self._listen, name="heads", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        if (socket := self._socket) is not None:
            socket.close()

    @property
    def quiet_s(self) -> float:
        """Seconds for which no news mean that there are none: until the next head is overdue, going by the last ones.

        Where heads come by demand and not by the clock they are soon overdue: a chain may also have gone back, which
        nothing tells of there.
        """
        gaps = list(self._gaps)
        return max(0.0, self._heard + 2 * median(gaps) - self._now()) if self.connected and gaps else 0.0

    def _hears(self) -> None:
        now = self._now()
        if self._heard:
            self._gaps.append(now - self._heard)
        self._heard = now

    def _listen(self) -> None:
        while not self._closed.is_set():
            begun = time.monotonic()
            try:
                with _open(self._url) as socket:
                    self._socket = socket
                    if self._closed.is_set():
                        return
                    _subscribe(socket)
                    self._heard = 0.0
                    self._gaps.clear()
                    self.connected = True
                    self._log.debug("news", "woken by the chain's WebSocket from now on")
                    self._wake()  # what came before the subscription was missed
                    self._hear(socket)
            except Exception as e:  # whatever it is, it is said, and polling goes on
                reason = _why(e)
            self.connected, self._socket = False, None
            if self._closed.is_set():
                return
            if time.monotonic() - begun > _SETTLED_S:
                self._works()
            if not self._told:
                self._log.warning("news", f"the chain's WebSocket can't be used, polling instead ({reason})")
                self._told = True
            self._wake()
            self._closed.wait(self._failures.add())

    def _hear(self, socket: ClientConnection) -> None:
        """Wake for each new head; raises when the connection breaks, or is no good."""
        asked, height, heads = 0, -1, 0
        while True:
            try:
                message = socket.recv(timeout=self._silence_s)
            except TimeoutError:
                # Perhaps nothing is mined, perhaps the subscription was lost on the way: the height tells.
                asked += 1
                number = _ask(socket, asked)
                if number is None:  # a head came instead
                    heads += 1
                    self._hears()
                elif heads == 0 and 0 <= height < number:
                    raise _Unusable("there are new blocks that it didn't tell of") from None
                else:
                    height, heads = number, 0
                    continue
            else:
                if not _is_head(_read(message)):
                    raise _Unusable("it sent something that isn't a new block")
                heads += 1
                self._hears()
            self._works()
            self._wake()

    def _works(self) -> None:
        self._failures.clear()
        self._told = False


def _open(url: str, answer_s: float = _ANSWER_S) -> AbstractContextManager[ClientConnection]:
    """A connection: through the proxy that the environment names, but never to this machine through one."""
    return connect(
        url,
        open_timeout=answer_s,
        ping_interval=20,
        close_timeout=_GOODBYE_S,
        max_size=_MOST_BYTES,
        proxy=proxy_for(url),
    )


def _subscribe(socket: ClientConnection, answer_s: float = _ANSWER_S) -> None:
    socket.send(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "eth_subscribe", "params": ["newHeads"]}))
    answer = _read(socket.recv(timeout=answer_s))
    if not isinstance(answer.get("result"), str):
        error = answer.get("error")
        said = error.get("message") if isinstance(error, dict) else None
        raise _Unusable(f"no subscription: {str(said)[:200]!r}" if said else "no subscription")


def _ask(socket: ClientConnection, number: int) -> int | None:
    """The chain's height; None if a new head came first."""
    socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "eth_blockNumber", "params": []}))
    answer = _read(socket.recv(timeout=_ANSWER_S))
    if _is_head(answer):
        _read(socket.recv(timeout=_ANSWER_S))
        return None
    try:
        return int(answer["result"], 16)
    except (KeyError, TypeError, ValueError):
        raise _Unusable("it doesn't say how high its chain is") from None


def _read(message: str | bytes) -> dict[str, Any]:
    try:
        said = parse_shallow_json(message.encode() if isinstance(message, str) else message, max_depth=_MOST_DEPTH)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise _Unusable("it sent something that isn't JSON-RPC")
    return said


def _is_head(said: dict[str, Any]) -> bool:
    return said.get("method") == "eth_subscription"


def _why(error: Exception) -> str:
    """In a few words, and without the URL, which may hold a key."""
    if isinstance(error, _Unusable):
        return str(error)
    if isinstance(error, ConnectionClosed):
        return "it was closed"
    if isinstance(error, InvalidURI):
        return "its URL isn't one of ws or wss"
    if isinstance(error, InvalidStatus):
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, ProxyError | InvalidProxy):
        return "the proxy that the environment names can't be used"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ImportError):
        return f"the environment names a SOCKS proxy, which needs a package ({how_to_install('socks')})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__
