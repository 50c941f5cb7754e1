"""New heads over a WebSocket, from a real server that can be told to stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from colearn_node.heads import HeadSubscription, try_subscription
from colearn_node.wakeup import Wake
from websockets.sync.server import ServerConnection, serve

from colearn_ledger.backoff import Backoff
from colearn_ledger.errors import ChainError

from ..kit.anvil import wait_until
from ..kit.fakes import Lines


class Chain:
    """A chain's WebSocket: takes a subscription, and says what it is told to."""

    def __init__(self, answer: dict[str, object]) -> None:
        self.answer = answer
        self.subscribed: list[ServerConnection] = []

    def serve(self, connection: ServerConnection) -> None:
        asked = json.loads(connection.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        connection.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **self.answer}))
        self.subscribed.append(connection)
        for _ in connection:
            pass

    def mine(self) -> None:
        self.subscribed[-1].send('{"method": "eth_subscription"}')

    def hang_up(self) -> None:
        self.subscribed[-1].close()


@contextmanager
def chain(answer: dict[str, object]) -> Iterator[tuple[Chain, str]]:
    made = Chain(answer)
    with serve(made.serve, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made, f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def quick() -> Backoff:
    return Backoff(0.01, 0.05)


def test_subscription__a_new_head__wakes() -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake = Wake()
        heads = HeadSubscription(url, wake, Lines(), backoff=quick())
        wait_until(lambda: heads.connected, "it is subscribed")
        assert wake.wait(30), "what came before the subscription was missed"
        for _ in range(3):
            made.mine()
            assert wake.wait(30)


def test_subscription__hung_up__polls_meanwhile_says_so_once_and_comes_back() -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake, log = Wake(), Lines()
        heads = HeadSubscription(url, wake, log, backoff=quick())
        wait_until(lambda: heads.connected, "it is subscribed")
        for times in (1, 2):
            made.hang_up()
            wait_until(lambda: len(made.subscribed) == times + 1 and heads.connected, "it has come back")  # noqa: B023
            polling = [line for line in log.lines if line[0] == "warning"]
            assert len(polling) == times and "polling instead (it was closed)" in polling[-1][2]


def test_subscription__refused__is_said_once_however_often_it_is_tried() -> None:
    with chain({"error": {"message": "no such method"}}) as (made, url):
        log, begun = Lines(), time.monotonic()
        heads = HeadSubscription(url, Wake(), log, backoff=Backoff(0.1, 0.1, draw=lambda: 1.0))
        wait_until(lambda: len(made.subscribed) >= 4, "it has tried again and again")
        assert time.monotonic() - begun >= 0.3, "it pauses before it tries again"
        assert not heads.connected and len(log.lines) == 1 and "no such method" in log.lines[0][2]


def test_try_subscription__good_and_bad__nothing_or_what_is_wrong() -> None:
    with chain({"result": "0x1"}) as (_, url):
        try_subscription(url)
    with chain({"error": {"message": "no such method"}}) as (_, url), pytest.raises(ChainError, match="no such method"):
        try_subscription(url)
