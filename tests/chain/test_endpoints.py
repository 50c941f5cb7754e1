"""Several endpoints: real Anvils that die, come back, and are the wrong chain."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from web3 import Web3

from colearn_ledger.chain.endpoint import READ_TIMEOUT_S
from colearn_ledger.chain.endpoints import (
    EndpointsProvider,
    Heads,
    begin_view,
    compare_heads,
    connect,
    switch_endpoint,
)
from colearn_ledger.errors import ChainError, UsageError, WrongChain

from ..kit.anvil import Anvil, anvil
from ..kit.ports import refusing_port


@pytest.fixture
def pair() -> Iterator[tuple[Anvil, Anvil]]:
    with anvil() as first, anvil() as second:
        second.mine()  # so that it can be told which one answers: heads 0 and 1
        yield first, second


def quickly(*urls: str, cool_down_s: float = 30.0, probe_s: float = 30.0) -> Web3:
    """Connected, and soon sure that what is stopped is away."""
    return connect(urls, retry_s=0.01, cool_down_s=cool_down_s, probe_s=probe_s)


def unused_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_connect__first_dies__the_view_fails_and_the_next_one_is_the_seconds(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = quickly(first.url, second.url)
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


def test_begin_view__the_first_is_back__it_is_preferred_again(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = quickly(first.url, second.url, cool_down_s=0.0)
    first.stop()
    with pytest.raises(ChainError):
        web3.eth.get_block("latest")
    begin_view(web3)
    assert web3.eth.block_number == 1
    with anvil(port=first.port):
        begin_view(web3)
        assert web3.eth.block_number == 0


def test_begin_view__it_came_back_as_another_chain__the_next_one_is_used(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = quickly(first.url, second.url, cool_down_s=0.0)
    first.stop()
    with pytest.raises(ChainError):
        web3.eth.get_block("latest")
    with anvil("--chain-id", "77", port=first.port):
        begin_view(web3)
        assert web3.eth.block_number == 1
        second.stop()
        with pytest.raises(ChainError):
            web3.eth.get_block("latest")
        with pytest.raises(ChainError, match="is the chain 77") as raised:
            begin_view(web3)
        assert not isinstance(raised.value, WrongChain), "what passes ends no node"
    with anvil(port=first.port):
        begin_view(web3)
        assert web3.eth.block_number == 0


def test_connect__expected_chain_is_another__refused(pair: tuple[Anvil, Anvil]) -> None:
    with pytest.raises(WrongChain, match="is the chain 31337") as raised:
        connect([pair[0].url], expected_chain_id=1)
    assert raised.value.expected == "the chain 1"


def test_connect__endpoints_of_two_chains__refused(pair: tuple[Anvil, Anvil]) -> None:
    with anvil("--chain-id", "77") as odd, pytest.raises(WrongChain):
        connect([pair[0].url, odd.url])


def test_connect__one_of_two_answers__is_enough(pair: tuple[Anvil, Anvil]) -> None:
    with refusing_port() as port:
        web3 = quickly(f"http://127.0.0.1:{port}", pair[1].url)
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
        quickly(f"http://user:hunter2@127.0.0.1:{port}/v3/apikey?token=t0ken")
    assert not any(secret in str(raised.value) for secret in ("hunter2", "apikey", "t0ken", "user"))
    assert raised.value.exit_code == 41


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


@pytest.mark.slow
def test_connect__node_is_about_to_start__waits_for_it() -> None:
    port = unused_port()
    found: list[int] = []
    url = f"http://127.0.0.1:{port}"
    thread = threading.Thread(target=lambda: found.append(connect([url], retry_s=2.0).eth.chain_id))
    thread.start()
    with anvil(port=port):
        thread.join()
    assert found == [31337]


def test_one_endpoint__nothing_to_switch_to(pair: tuple[Anvil, Anvil]) -> None:
    web3 = connect([pair[0].url])
    assert not switch_endpoint(web3)
    assert isinstance(web3.provider, EndpointsProvider) and str(web3.provider) == pair[0].url


# ------------------------------------------------------------------------------------------------ heads


@contextlib.contextmanager
def stuck_copy_of(chain: Anvil) -> Iterator[Anvil]:
    """A chain that is as long as the other is now, and goes no further unless it is told to."""
    with anvil("--no-mining") as copy:
        copy.rpc("anvil_mine", chain.rpc("eth_blockNumber"))
        yield copy


@pytest.fixture
def stuck_and_good() -> Iterator[tuple[Anvil, Anvil]]:
    """Both at block 3, then the second goes on to block 8."""
    with anvil() as good:
        good.rpc("anvil_mine", hex(3))
        with stuck_copy_of(good) as stuck:
            good.rpc("anvil_mine", hex(5))
            yield stuck, good


def test_compare_heads__the_first_is_stuck__says_how_far_behind_it_is(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url)
    assert compare_heads(web3) == Heads(stuck.url, 3, good.url, 8, lag=5)
    assert web3.eth.block_number == 3  # nothing has changed
    begin_view(web3)
    assert web3.eth.block_number == 3


def test_compare_heads__this_one_is_the_best__no_lag(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    assert compare_heads(quickly(good.url, stuck.url)) == Heads(good.url, 8, good.url, 8, lag=0)
    web3 = quickly(stuck.url, good.url)
    assert switch_endpoint(web3)
    begin_view(web3)
    stuck.rpc("anvil_mine", hex(5))
    assert compare_heads(web3) == Heads(good.url, 8, good.url, 8, lag=0)  # of equals it is this one


def test_compare_heads__nothing_to_compare_with__is_none(pair: tuple[Anvil, Anvil]) -> None:
    assert compare_heads(connect([pair[0].url])) is None
    assert compare_heads(Web3(Web3.HTTPProvider(pair[0].url))) is None


def test_compare_heads__one_doesnt_answer__is_left_out(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url)
    good.stop()
    assert compare_heads(web3) == Heads(stuck.url, 3, stuck.url, 3, lag=0)
    assert not switch_endpoint(web3)
    begin_view(web3)
    assert web3.eth.block_number == 3


def test_compare_heads__the_current_one_doesnt_answer__its_number_is_unknown(
    stuck_and_good: tuple[Anvil, Anvil],
) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url)
    stuck.stop()
    assert compare_heads(web3) == Heads(stuck.url, None, good.url, 8, lag=0)
    good.stop()
    assert compare_heads(web3) is None and not switch_endpoint(web3)


def test_heads__one_that_has_become_another_chain__is_never_the_best(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url)
    good.stop()
    with anvil("--chain-id", "77", port=good.port) as other:
        other.rpc("anvil_mine", hex(50))
        assert compare_heads(web3) == Heads(stuck.url, 3, stuck.url, 3, lag=0)
        assert not switch_endpoint(web3)


@pytest.mark.slow
def test_compare_heads__one_never_answers__takes_no_longer_than_it_may(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = quickly(first.url, second.url, probe_s=1.0)
    second.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert compare_heads(web3) == Heads(first.url, 0, first.url, 0, lag=0)
        waited = time.monotonic() - began
        assert 0.9 < waited < READ_TIMEOUT_S
        began = time.monotonic()
        for _ in range(10):  # while it cools down, it isn't waited for again
            assert compare_heads(web3) is not None
        assert time.monotonic() - began < 5 * waited
    finally:
        second.process.send_signal(signal.SIGCONT)


def test_compare_heads__the_current_one_is_slow_to_say__goes_on_being_used(pair: tuple[Anvil, Anvil]) -> None:
    first, second = pair
    web3 = quickly(first.url, second.url, probe_s=0.5)
    first.process.send_signal(signal.SIGSTOP)
    try:
        assert compare_heads(web3) == Heads(first.url, None, second.url, 1, lag=0)
    finally:
        first.process.send_signal(signal.SIGCONT)
    begin_view(web3)
    assert web3.eth.block_number == 0


def test_switch__three_endpoints__goes_to_the_best_one(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    with stuck_copy_of(stuck) as slow:
        slow.mine()
        web3 = quickly(stuck.url, slow.url, good.url)
        assert switch_endpoint(web3)
        assert web3.eth.block_number == 3  # the view goes on where it began
        for _ in range(2):
            begin_view(web3)
            assert web3.eth.block_number == 8
        assert compare_heads(web3) == Heads(good.url, 8, good.url, 8, lag=0)


def test_switch__no_other_is_as_far__stays(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(good.url, stuck.url)
    assert not switch_endpoint(web3)
    begin_view(web3)
    assert web3.eth.block_number == 8


def test_switch__the_one_that_misled_hasnt_moved__is_not_used_again_even_when_it_is_the_last(
    stuck_and_good: tuple[Anvil, Anvil],
) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url, cool_down_s=0.0)
    assert switch_endpoint(web3)
    begin_view(web3)
    assert web3.eth.block_number == 8
    good.stop()
    with pytest.raises(ChainError, match="can't be reached"):
        web3.eth.get_block("latest")
    with pytest.raises(ChainError, match="still stands at block 3"):
        begin_view(web3)
    stuck.mine()
    begin_view(web3)
    assert web3.eth.block_number == 4


def test_switch__the_one_that_misled_has_caught_up__is_preferred_again(stuck_and_good: tuple[Anvil, Anvil]) -> None:
    stuck, good = stuck_and_good
    web3 = quickly(stuck.url, good.url, cool_down_s=300.0)
    assert switch_endpoint(web3)
    begin_view(web3)
    stuck.rpc("anvil_mine", hex(4))
    assert compare_heads(web3) == Heads(good.url, 8, good.url, 8, lag=0)
    begin_view(web3)
    assert web3.eth.block_number == 8  # still behind: it cools down
    stuck.mine()
    compare_heads(web3)
    stuck.mine()
    begin_view(web3)
    assert web3.eth.block_number == 9
