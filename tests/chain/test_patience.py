"""What passes is waited for by whoever is patient, and ends at its endpoint's expense for whoever isn't."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import ask_many, begin_view, persist
from colearn_ledger.chain.transport import Reply, Unanswered
from colearn_ledger.errors import ChainError, TransactionError, WrongChain

from ..kit.anvil import Anvil, anvil
from ..kit.recorded import Recorded


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def first(chain: Anvil) -> Recorded:
    return Recorded(chain.url)


@pytest.fixture
def second(chain: Anvil) -> Recorded:
    return Recorded(chain.url + "/")


def error(code: int, message: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}).encode()


PASSING = {
    "429": Reply(429, b"slow down"),
    "502": Reply(502, b"<html>"),
    "503": Reply(503, b""),
    "504": Reply(504, error(-32000, "later")),
    "-32005": Reply(200, error(-32005, "limit exceeded")),
    "429 inside": Reply(200, error(429, "Your app has exceeded its compute units per second capacity")),
    "rate limit": Reply(403, error(-32000, "daily request count exceeded, request rate limited: rate limit")),
    "null": Reply(200, b'{"jsonrpc": "2.0", "id": 0, "result": null}'),
    "header not found": Reply(200, error(-32000, "header not found")),
    "unknown block": Reply(200, error(-39001, "Unknown block")),
    "broken": Reply(500, b"oops"),
}


def a_few_times(reply: Reply, times: int) -> Callable[[Any, Any], Reply | None]:
    left = iter([reply] * times)
    return lambda request, answer: next(left, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_patient__what_passes__is_asked_for_again(first: Recorded, name: str) -> None:
    web3 = first.connect(patience_s=60)
    block = web3.eth.get_block("latest")
    first.instead["eth_getBlockByNumber"] = a_few_times(PASSING[name], 2)
    assert web3.eth.get_block("latest") == block
    assert first.asked.count("eth_getBlockByNumber") == 4


@pytest.mark.parametrize("name", PASSING)
def test_impatient__the_same__fails_at_once(first: Recorded, name: str) -> None:
    web3 = first.connect()
    first.instead["eth_getBlockByNumber"] = a_few_times(PASSING[name], 1)
    with pytest.raises(Exception, match=r"can't be reached|header not found|Unknown block"):
        web3.eth.get_block("latest")
    assert first.asked.count("eth_getBlockByNumber") == 1


@pytest.mark.slow
def test_patient__retry_after__is_waited_for(first: Recorded) -> None:
    web3 = first.connect(patience_s=60)
    first.instead["eth_chainId"] = a_few_times(Reply(429, b"", {"Retry-After": "1"}), 1)
    begun = time.monotonic()
    assert web3.eth.chain_id == 31337
    assert time.monotonic() - begun >= 1.0


def test_patient__asked_to_wait_longer_than_that__gives_up_at_once(first: Recorded) -> None:
    web3 = first.connect(patience_s=5)
    first.instead["eth_chainId"] = a_few_times(Reply(429, b"", {"Retry-After": "60"}), 9)
    begun = time.monotonic()
    with pytest.raises(ChainError, match="HTTP status 429"):
        _ = web3.eth.chain_id
    assert time.monotonic() - begun < 5


def test_patient__time_that_ran_out__is_not_asked_for_again(first: Recorded, second: Recorded) -> None:
    web3 = first.connect(second, patience_s=60)

    def hang(request: Any, answer: Any) -> Reply:
        raise Unanswered("no answer in time", worth=0.0)

    first.instead["eth_getBlockByNumber"] = hang
    contract = CollectiveContract(web3, "0x" + "11" * 20)
    head = persist(web3, contract.fetch_head)
    assert head.number == 0
    assert first.asked.count("eth_getBlockByNumber") == 1 == second.asked.count("eth_getBlockByNumber")


def test_persist__first_endpoint_is_bad_for_good__the_second_serves(first: Recorded, second: Recorded) -> None:
    web3 = first.connect(second, patience_s=0.5)
    first.instead["eth_getBlockByNumber"] = lambda request, answer: PASSING["null"]
    assert persist(web3, CollectiveContract(web3, "0x" + "11" * 20).fetch_head).number == 0
    first.instead["eth_chainId"] = lambda request, answer: PASSING["502"]
    begin_view(web3)
    assert web3.eth.chain_id == 31337


def test_persist__fails_through_each__raises_the_last(first: Recorded, second: Recorded) -> None:
    web3 = first.connect(second)
    tried: list[int] = []

    def read() -> None:
        tried.append(0)
        raise ChainError(f"no {len(tried)}")

    with pytest.raises(ChainError, match="no 3"):
        persist(web3, read)


@pytest.mark.parametrize("own", [WrongChain("another"), TransactionError("refused")])
def test_persist__what_does_not_pass__is_raised_at_once(first: Recorded, own: ChainError) -> None:
    tried: list[int] = []

    def read() -> None:
        tried.append(0)
        raise own

    with pytest.raises(type(own)):
        persist(first.connect(), read)
    assert len(tried) == 1


def test_connect__all_are_away_for_a_moment__waits_if_it_is_patient(first: Recorded, second: Recorded) -> None:
    for one in (first, second):
        one.instead["eth_chainId"] = a_few_times(PASSING["503"], 2)
    with pytest.raises(ChainError, match="HTTP status 503"):
        first.connect(second)
    for one in (first, second):
        one.instead["eth_chainId"] = a_few_times(PASSING["503"], 2)
    assert first.connect(second, patience_s=60).eth.chain_id == 31337


def test_failed__retry_after__is_how_long_the_others_come_first(first: Recorded, second: Recorded) -> None:
    web3 = first.connect(second, cool_down_s=0.0)
    first.instead["eth_getBlockByNumber"] = a_few_times(Reply(429, b"", {"Retry-After": "200"}), 1)
    with pytest.raises(ChainError):
        web3.eth.get_block("latest")
    for _ in range(3):
        begin_view(web3)
        web3.eth.get_block("latest")
    assert first.asked.count("eth_getBlockByNumber") == 1 and second.asked.count("eth_getBlockByNumber") == 3


def test_ask_many__batches_are_refused__is_none_and_tells_against_nobody(first: Recorded, second: Recorded) -> None:
    web3 = first.connect(second)
    asked = [("eth_chainId", []), ("eth_blockNumber", [])]
    assert ask_many(web3, asked) == ["0x7a69", "0x0"]  # type: ignore[arg-type]
    for reply in (
        Reply(200, error(-32600, "batches are not supported")),
        Reply(200, b"[]"),
        Reply(200, b"<html>"),
        Reply(400, b""),
        Reply(405, b"<html>"),
        Reply(413, b""),
    ):
        first.instead["batch"] = lambda request, answer: reply  # noqa: B023
        assert ask_many(web3, asked) is None  # type: ignore[arg-type]
    first.instead["batch"] = lambda request, answer: Reply(503, b"")
    with pytest.raises(ChainError):
        ask_many(web3, asked)  # type: ignore[arg-type]
