"""New heads over a WebSocket, from a real server that can be told to stop."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from colearn_node.heads import HeadSubscription, find_subscription, try_subscription
from colearn_node.wakeup import Wake
from websockets.sync.server import ServerConnection, serve

from colearn_ledger.backoff import Backoff
from colearn_ledger.errors import ChainError
from tests.kit.quick import few

from ..kit.anvil import wait_until
from ..kit.fakes import Clock, Lines
from ..kit.ports import refusing_port


class Chain:
    """A chain's WebSocket: takes a subscription, and says what it is told to."""

    def __init__(self, answer: dict[str, object] | str | bytes) -> None:
        self.answer = answer
        self.subscribed: list[ServerConnection] = []
        self.heights: Iterator[str] = itertools.repeat("0x1")

    def serve(self, connection: ServerConnection) -> None:
        asked = json.loads(connection.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        said = self.answer
        connection.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}) if isinstance(said, dict) else said)
        self.subscribed.append(connection)
        for message in connection:
            asked = json.loads(message)
            assert asked["method"] == "eth_blockNumber"
            connection.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": next(self.heights)}))

    def mine(self) -> None:
        self.say('{"method": "eth_subscription"}')

    def say(self, message: str | bytes) -> None:
        self.subscribed[-1].send(message)

    def hang_up(self) -> None:
        self.subscribed[-1].close()


@contextmanager
def chain(answer: dict[str, object] | str | bytes) -> Iterator[tuple[Chain, str]]:
    made = Chain(answer)
    with serve(made.serve, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made, f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def warnings(log: Lines) -> list[str]:
    return [text for level, _, text, _ in log.lines if level == "warning"]


def quick() -> Backoff:
    return Backoff(0.01, 0.05)


Subscribe = Callable[..., HeadSubscription]


@pytest.fixture
def subscribe() -> Iterator[Subscribe]:
    """Makes a subscription that ends with the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(closing(HeadSubscription(*args, **options)))


def listeners() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "heads"}


def test_close__connected_or_in_vain__ends_the_thread(subscribe: Subscribe) -> None:
    before = listeners()
    with chain({"result": "0x1"}) as (_, url), refusing_port() as port:
        connected, log = subscribe(url, Wake(), Lines(), backoff=quick()), Lines()
        in_vain = subscribe(f"ws://127.0.0.1:{port}", Wake(), log, backoff=Backoff(600, 600))
        wait_until(lambda: connected.connected and bool(log.lines), "one is connected, one waits for ten minutes")
        connected.close()
        in_vain.close()
        wait_until(lambda: listeners() <= before, "both have ended")
        assert not connected.connected and len(log.lines) == 1


def test_subscription__a_new_head__wakes(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake = Wake()
        heads = subscribe(url, wake, Lines(), backoff=quick())
        wait_until(lambda: heads.connected, "it is subscribed")
        assert wake.wait(30), "what came before the subscription was missed"
        for _ in range(3):
            made.mine()
            assert wake.wait(30)


def test_subscription__hung_up__polls_meanwhile_says_so_once_and_comes_back(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake, log = Wake(), Lines()
        heads = subscribe(url, wake, log, backoff=quick())
        wait_until(lambda: heads.connected, "it is subscribed")
        for times in (1, 2):
            wake.wait(0)
            made.mine()
            assert wake.wait(30), "it worked, so that it is told of again when it breaks"
            made.hang_up()
            wait_until(lambda: len(made.subscribed) == times + 1 and heads.connected, "it has come back")  # noqa: B023
            assert len(warnings(log)) == times and "polling instead (it was closed)" in warnings(log)[-1]


def test_subscription__refused__is_said_once_however_often_it_is_tried(subscribe: Subscribe) -> None:
    with chain({"error": {"message": "no such method"}}) as (made, url):
        log, begun = Lines(), time.monotonic()
        heads = subscribe(url, Wake(), log, backoff=Backoff(0.1, 0.1, draw=lambda: 1.0))
        wait_until(lambda: len(made.subscribed) >= 4, "it has tried again and again")
        assert time.monotonic() - begun >= 0.3, "it pauses before it tries again"
        assert not heads.connected and len(log.lines) == 1 and "no such method" in log.lines[0][2]


def test_try_subscription__good_and_bad__nothing_or_what_is_wrong() -> None:
    with chain({"result": "0x1"}) as (_, url):
        try_subscription(url)
    with chain({"error": {"message": "no such method"}}) as (_, url), pytest.raises(ChainError, match="no such method"):
        try_subscription(url)


ODD = [
    "5",
    "null",
    "[]",
    "{}",
    '"text"',
    "<html>",
    "",
    "NaN",
    "[" * 100_000,
    '{"result":' * 50_000,
    b"\xff\xfe\x00",
    b"5",
    '{"result": null}',
    '{"result": {}}',
    '{"error": 5}',
    '{"error": {"message": {}}}',
    "x" * (2 << 20),
]


def name_of(message: str | bytes) -> str:
    return repr(message[:12])


@few(5, "answer", ODD, ids=name_of)
def test_subscription__odd_answer__is_said_once_and_tried_again(subscribe: Subscribe, answer: str | bytes) -> None:
    with chain(answer) as (made, url):
        log = Lines()
        heads = subscribe(url, Wake(), log, backoff=quick())
        wait_until(lambda: len(made.subscribed) >= 3, "it has tried again and again")
        assert not heads.connected and len(log.lines) == 1 and "polling instead (" in log.lines[0][2]
        made.answer = {"result": "0x1"}
        wait_until(lambda: heads.connected, "it works by now")
        made.answer = answer
        with pytest.raises(ChainError, match="can't be used"):
            try_subscription(url)


@few(5, "message", [one for one in ODD if one != ""], ids=name_of)
def test_subscription__odd_message_later__connects_again(subscribe: Subscribe, message: str | bytes) -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake, log = Wake(), Lines()
        heads = subscribe(url, wake, log, backoff=quick())
        for times in (1, 2, 3):
            wait_until(lambda: len(made.subscribed) == times and heads.connected, "it is subscribed")  # noqa: B023
            made.say(message)
        wait_until(lambda: len(made.subscribed) == 4 and heads.connected, "it is subscribed again")
        assert len(warnings(log)) == 1, "a connection that was no use doesn't have it said anew"
        made.mine()
        wake.wait(0)
        made.mine()
        assert wake.wait(30)


def test_quiet__heads_by_the_clock__until_the_next_one_is_overdue(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake, clock = Wake(), Clock()
        heads = subscribe(url, wake, Lines(), backoff=quick(), clock=clock)
        wait_until(lambda: heads.connected, "it is subscribed")
        wake.wait(30)

        def mined(after: float) -> None:
            clock.now += after
            made.mine()
            assert wake.wait(30)

        mined(0)
        assert heads.quiet_s == 0, "one head tells nothing of the next"
        for gap in (12, 12, 24, 12):
            mined(gap)
            assert heads.quiet_s >= 24
        clock.now += 23
        assert heads.quiet_s == 1
        clock.now += 2
        assert heads.quiet_s == 0
        made.hang_up()
        wait_until(lambda: len(made.subscribed) == 2 and heads.connected, "it is subscribed again")
        assert heads.quiet_s == 0


def test_subscription__silent_while_blocks_are_mined__connects_again(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        made.heights = map(hex, itertools.count(1))
        log = Lines()
        subscribe(url, Wake(), log, backoff=quick(), silence_s=0.02)
        wait_until(lambda: len(made.subscribed) >= 2, "it has connected again")
        assert "new blocks that it didn't tell of" in warnings(log)[0]


def test_subscription__silent_since_nothing_is_mined__stays(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        wake, log = Wake(), Lines()
        heads = subscribe(url, wake, log, backoff=quick(), silence_s=0.02)
        wait_until(lambda: heads.connected, "it is subscribed")
        wake.wait(1)
        assert not wake.wait(0.5), "twenty questions later"
        assert heads.connected and len(made.subscribed) == 1
        made.mine()
        assert wake.wait(30)


def test_subscription__that_answers_nothing_any_more__connects_again(subscribe: Subscribe) -> None:
    with chain({"result": "0x1"}) as (made, url):
        made.heights = itertools.repeat("zero")
        log = Lines()
        subscribe(url, Wake(), log, backoff=quick(), silence_s=0.02)
        wait_until(lambda: len(made.subscribed) >= 2, "it has connected again")
        assert "doesn't say how high" in warnings(log)[0]


@pytest.mark.parametrize(
    "url, why",
    [
        ("http://user:s3cret@127.0.0.1:1/v3/s3cret", "isn't one of ws or wss"),
        ("ws://user:s3cret@[::1/v3/s3cret", "can't be used"),
        ("ws://user:s3cret@127.0.0.1:{port}/v3/s3cret?key=s3cret", "refused"),
        ("s3cret", "isn't one of ws or wss"),
    ],
)
def test_subscription__url_with_a_key__is_never_shown(subscribe: Subscribe, url: str, why: str) -> None:
    with refusing_port() as port:
        url = url.format(port=port)
        log = Lines()
        subscribe(url, Wake(), log, backoff=quick())
        wait_until(lambda: bool(log.lines), "it is said")
        with pytest.raises(ChainError) as raised:
            try_subscription(url)
        said = [log.lines[0][2], str(raised.value)]
        assert "s3cret" not in "".join(said) and why in said[1].lower()


def test_subscription__proxy_in_the_environment__is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_port() as port, chain({"result": "0x1"}) as (_, url):
        for name in ("http_proxy", "https_proxy", "all_proxy", "socks_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"socks5://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        try_subscription(url)


@pytest.mark.parametrize("url", ["ws://chain.invalid/", "wss://chain.invalid/"])
def test_subscription__proxy_that_is_away__says_so_without_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("all_proxy", f"http://user:s3cret@127.0.0.1:{port}")
        with pytest.raises(ChainError, match=r"chain\.invalid can't be used: .*refused") as raised:
            try_subscription(url)
        assert "s3cret" not in str(raised.value)
        monkeypatch.setenv("all_proxy", "gopher://user:s3cret@127.0.0.1")
        with pytest.raises(ChainError, match="the proxy that the environment names") as raised:
            try_subscription(url)
        assert "s3cret" not in str(raised.value)
        monkeypatch.setenv("no_proxy", "chain.invalid")
        with pytest.raises(ChainError) as raised:
            try_subscription(url)
        assert "proxy" not in str(raised.value)


@pytest.mark.parametrize("offset, is_found", [(0, True), (-1, True), (-2, False)])
def test_find_subscription__beside_the_endpoint__at_its_port_or_the_next(offset: int, is_found: bool) -> None:
    def answer(connection: ServerConnection) -> None:
        results = {"eth_getBlockByNumber": {"hash": "0x" + "ab" * 32}, "eth_subscribe": "0x1"}
        for message in connection:
            asked = json.loads(message)
            connection.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]}))

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            found = find_subscription(f"http://127.0.0.1:{port + offset}", bytes.fromhex("ab" * 32))
            assert found == (f"ws://127.0.0.1:{port}" if is_found else None)
            assert find_subscription(f"http://127.0.0.1:{port}", bytes(32)) is None, "of another chain"
        finally:
            server.shutdown()
            thread.join()
