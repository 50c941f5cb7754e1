"""Several endpoints: real Anvils that die, come back, and are the wrong chain."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from colearn_ledger.chain import endpoints
from colearn_ledger.chain.endpoints import EndpointsProvider, begin_view, connect, shown_url, switch_endpoint
from colearn_ledger.errors import ChainError, UsageError, WrongChain

from ..kit.anvil import Anvil, anvil
from ..kit.ports import refusing_port


@pytest.fixture
def pair() -> Iterator[tuple[Anvil, Anvil]]:
    with anvil() as first, anvil() as second:
        second.mine()  # so that it can be told which one answers: heads 0 and 1
        yield first, second


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_BACKOFF_S", 0.01)


def unused_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_connect__first_dies__the_view_fails_and_the_next_one_is_the_seconds(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = connect([first.url, second.url])
    begin_view(web3)
    assert web3.eth.block_number == 0
    first.stop()
    for _ in range(2):  # never completed through the other endpoint
        with pytest.raises(ChainError, match="can't be reached"):
            web3.eth.get_block("latest")
    begin_view(web3)
    assert web3.eth.block_number == 1


def test_connect__two_threads__each_has_its_own_view(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = connect([first.url, second.url])
    begin_view(web3)
    assert switch_endpoint(web3)
    seen: list[int] = []

    def other() -> None:
        begin_view(web3)
        seen.append(web3.eth.block_number)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [1] and web3.eth.block_number == 0  # the view that began before the switch stays where it was
    begin_view(web3)
    assert web3.eth.block_number == 1


def test_begin_view__the_first_is_back__it_is_preferred_again(
    pair: tuple[Anvil, Anvil], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "_COOL_DOWN_S", 0.0)
    first, second = pair
    web3 = connect([first.url, second.url])
    assert switch_endpoint(web3)
    begin_view(web3)
    assert web3.eth.block_number == 0


def test_begin_view__it_came_back_as_another_chain__refused(
    pair: tuple[Anvil, Anvil], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "_COOL_DOWN_S", 0.0)
    first, second = pair
    web3 = connect([first.url, second.url])
    first.stop()
    with pytest.raises(ChainError):
        web3.eth.get_block("latest")
    with anvil("--chain-id", "77", port=int(first.url.rsplit(":", 1)[1])), pytest.raises(WrongChain, match="chain 77"):
        begin_view(web3)


def test_connect__expected_chain_is_another__refused(pair: tuple[Anvil, Anvil]) -> None:
    with pytest.raises(WrongChain, match="is the chain 31337") as raised:
        connect([pair[0].url], expected_chain_id=1)
    assert raised.value.expected == "the chain 1"


def test_connect__endpoints_of_two_chains__refused(pair: tuple[Anvil, Anvil]) -> None:
    with anvil("--chain-id", "77") as odd, pytest.raises(WrongChain):
        connect([pair[0].url, odd.url])


def test_connect__one_of_two_answers__is_enough(pair: tuple[Anvil, Anvil]) -> None:
    with refusing_port() as port:
        web3 = connect([f"http://127.0.0.1:{port}", pair[1].url])
        assert web3.eth.block_number == 1


def test_connect__proxy_in_the_environment__is_not_asked_for_this_machine(
    pair: tuple[Anvil, Anvil], monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing_port() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert connect([pair[1].url]).eth.block_number == 1


def test_connect__nothing_answers__says_so_without_secrets() -> None:
    with refusing_port() as port, pytest.raises(ChainError, match="can't be reached") as raised:
        connect([f"http://user:hunter2@127.0.0.1:{port}/v3/apikey?token=t0ken"])
    assert not any(secret in str(raised.value) for secret in ("hunter2", "apikey", "t0ken", "user"))
    assert raised.value.exit_code == 8


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ftp://x", "http://", "http://x:99999", "http://[::1", "ws://x"])
def test_connect__not_a_url__is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        connect([url])


def test_connect__none__is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        connect([])


@pytest.mark.parametrize(
    "status, body",
    [(200, b"<html>"), (200, b"[]"), (200, b'{"result": "x"}'), (200, b'{"result": null}'), (503, b"")],
)
def test_connect__something_else_answers__is_a_chain_error(status: int, body: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            with pytest.raises(ChainError, match="doesn't answer as a chain"):
                connect([f"http://127.0.0.1:{server.server_port}"])
        finally:
            server.shutdown()


def test_connect__node_is_about_to_start__waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_BACKOFF_S", 1.0)
    port = unused_port()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(connect([f"http://127.0.0.1:{port}"]).eth.chain_id))
    thread.start()
    with anvil(port=port):
        thread.join()
    assert found == [31337]


def test_one_endpoint__nothing_to_switch_to(pair: tuple[Anvil, Anvil]) -> None:
    web3 = connect([pair[0].url])
    assert not switch_endpoint(web3)
    assert isinstance(web3.provider, EndpointsProvider) and str(web3.provider) == pair[0].url


def test_shown_url__hides_what_may_be_secret() -> None:
    assert shown_url("https://u:p@host:8/v3/key?x=1") == "https://host:8"
    assert shown_url("http://[::1]:8545/a") == "http://[::1]:8545"
