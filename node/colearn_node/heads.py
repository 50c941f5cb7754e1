"""New heads of the chain over a WebSocket. They only say "look again"; state decides."""

from __future__ import annotations

import json
import threading

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from colearn_ledger.backoff import Backoff
from colearn_ledger.errors import ChainError

from .log import Log
from .wakeup import Wake

__all__ = ["HeadSubscription", "try_subscription"]

_BROKEN = (OSError, ValueError, AttributeError, TimeoutError, WebSocketException)
_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})


def try_subscription(url: str) -> None:
    """Raises ChainError unless the endpoint lets one subscribe to new blocks."""
    try:
        with connect(url, open_timeout=10) as socket:
            _subscribe(socket)
    except _BROKEN as e:
        raise ChainError(
            f"the chain's WebSocket at {url} can't be used: {type(e).__name__}: {e}",
            expected="an endpoint that offers eth_subscribe",
            fix="correct `ws`, or remove it: the node then polls",
        ) from e


def _subscribe(socket: ClientConnection) -> None:
    socket.send(_SUBSCRIBE)
    answer = json.loads(socket.recv(timeout=10))
    if "result" not in answer:
        raise ValueError(f"no subscription: {answer.get('error')}")


class HeadSubscription:
    """Listens for new blocks over a WebSocket, in a thread, and connects again when it breaks.

    ``connected`` says whether new heads would be heard of now: while they wouldn't, the loop must poll.
    """

    def __init__(self, url: str, wake: Wake, log: Log, *, backoff: Backoff | None = None) -> None:
        self._url, self._wake, self._log = url, wake, log
        self._failures = backoff or Backoff(1.0, 30.0)
        self.connected = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        told = False
        while True:
            try:
                with connect(self._url, open_timeout=10, ping_interval=20) as socket:
                    _subscribe(socket)
                    self.connected, told = True, False
                    self._failures.clear()
                    self._log.debug("news", "woken by the chain's WebSocket from now on")
                    self._wake()  # what came before the subscription was missed
                    for _ in socket:
                        self._wake()
                    reason = "it was closed"
            except _BROKEN as e:
                reason = f"{type(e).__name__}: {e}"
            self.connected = False
            if not told:
                self._log.warning("news", f"the chain's WebSocket can't be used, polling instead ({reason})")
                told = True
            self._wake()
            threading.Event().wait(self._failures.add())
