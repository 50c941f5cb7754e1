"""Commands through endpoints that limit, refuse, lag and fail; and no key of a URL is shown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.errors import ChainError

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective
from ..kit.ports import refusing_port
from ..kit.proxy import Proxy, Refusal, proxy_of

History = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def told() -> Iterator[Collective[Anvil]]:
    with anvil() as chain:
        story = Collective.found(chain, 3)
        for what in ("one", "two"):
            story.propose(what)
            for seat in range(3):
                view = story.view(seat)
                if view.proposal is not None and view.proposal.proposer_seat != seat and not view.voted:
                    story.vote(seat)
        yield story


@pytest.fixture
def proxy(told: Collective[Anvil]) -> Iterator[Proxy]:
    with proxy_of(told.chain.url) as made:
        yield made


@pytest.fixture
def history(told: Collective[Anvil], capsys: pytest.CaptureFixture[str]) -> History:
    def run(*urls: str, words: tuple[str, ...] = ("history", "--json")) -> tuple[int, Any, str]:
        rpc = [word for url in urls for word in ("--rpc", url)]
        code = main([*words, "--address", told.contract.address, *rpc])
        out, err = capsys.readouterr()
        if "--json" not in words or code:
            return code, out, err
        read = json.loads(out)
        del read["time"]  # goes on with the chain's clock
        return code, read, err

    return run


ERROR = json.dumps(
    {"jsonrpc": "2.0", "id": 0, "error": {"code": -32005, "message": "query returned more than 10 results"}}
)


def every(n: int, *reply: object) -> Callable[[str], tuple[int, bytes, dict[str, str]] | None]:
    """That reply to every n-th request."""
    count = itertools.count(1)
    return lambda method: reply if next(count) % n == 0 else None  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize("status, headers", [(429, {"Retry-After": "0"}), (429, {}), (502, {}), (503, {})])
def test_history__every_third_answer_is_a_limit_or_a_gateways__is_read_all_the_same(
    history: History, told: Collective[Anvil], proxy: Proxy, status: int, headers: dict[str, str]
) -> None:
    right = history(told.chain.url)
    assert right[0] == 0 and right[1]["rounds"][1]["gas"] > 0
    proxy.replies = every(3, status, b"<html>", headers)
    assert history(proxy.url) == right


@pytest.mark.slow
def test_history__a_second_endpoint_is_named__serves_when_the_first_never_does(
    history: History, told: Collective[Anvil], proxy: Proxy
) -> None:
    right = history(told.chain.url)
    proxy.answers["eth_getBlockByNumber"] = lambda params, ask: None
    assert history(proxy.url, told.chain.url) == right
    with refusing_port() as port:
        assert history(f"http://127.0.0.1:{port}", told.chain.url) == right


@pytest.mark.slow
@pytest.mark.parametrize("status", [200, 400, 413])
def test_history__ranges_are_capped__takes_smaller_ones_whatever_the_status(
    history: History, told: Collective[Anvil], proxy: Proxy, status: int
) -> None:
    right = history(told.chain.url)

    def capped(method: str) -> tuple[int, bytes, dict[str, str]] | None:
        return (status, ERROR.encode(), {}) if method == "eth_getLogs" and next(logs) < 2 else None

    logs = itertools.count()
    proxy.replies = capped
    assert history(proxy.url) == right and proxy.methods.count("eth_getLogs") > 3


@pytest.mark.parametrize("body", [b"<html>Forbidden</html>", ERROR.encode(), b""])
def test_history__no_events_for_this_account__is_told_from_storage(history: History, proxy: Proxy, body: bytes) -> None:
    proxy.replies = lambda method: (403, body, {}) if method == "eth_getLogs" else None
    code, out, err = history(proxy.url)
    assert code == 0 and len(out["rounds"]) == 4 and "note: times, transactions, gas" in err


@pytest.mark.slow
@pytest.mark.parametrize("status, body", [(200, b"[]"), (400, b""), (405, b"<html>")])
def test_history__batches_are_refused__asks_one_by_one(
    history: History, told: Collective[Anvil], proxy: Proxy, status: int, body: bytes
) -> None:
    right = history(told.chain.url)
    proxy.replies = lambda method: (status, body, {}) if method == "batch" else None
    assert history(proxy.url) == right
    transactions = [one["hash"] for round_ in right[1]["rounds"] for one in round_["transactions"]]
    assert proxy.methods.count("eth_getTransactionReceipt") == len(set(transactions)) > 3


def test_history__receipts__are_asked_for_in_batches(history: History, proxy: Proxy) -> None:
    assert history(proxy.url)[0] == 0
    assert "eth_getTransactionReceipt" not in proxy.methods and proxy.methods.count("batch") == 1


def test_history__pending_is_refused__the_head_is_the_clock(
    history: History, told: Collective[Anvil], proxy: Proxy
) -> None:
    def pending(params: list[object], ask: Callable[[list[object]], object]) -> object:
        if params[0] == "pending":
            raise Refusal("pending is not supported")
        return ask(params)

    proxy.answers["eth_getBlockByNumber"] = pending
    assert history(proxy.url)[0] == 0


@pytest.mark.slow
def test_history__the_next_backend_lags__is_waited_for(history: History, told: Collective[Anvil], proxy: Proxy) -> None:
    right = history(told.chain.url)
    calls = itertools.count()

    def lagging(params: list[object], ask: Callable[[list[object]], object]) -> object:
        if next(calls) % 4:
            raise Refusal("header not found")
        return ask(params)

    proxy.answers["eth_call"] = lagging
    assert history(proxy.url) == right


def test_deployment__endpoint_is_not_synced_to_it__says_so_and_not_that_there_is_no_contract(
    told: Collective[Anvil], proxy: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = told.save(tmp_path)
    proxy.answers["eth_getBlockByNumber"] = lambda params, ask: ask(["0x0", False])
    words = ["members", "--deployment", str(folder / "deployment.json"), "--rpc"]
    assert main([*words, proxy.url]) == ChainError.exit_code
    assert "the endpoint shows block 0, and the contract was deployed in 1" in capsys.readouterr().err
    assert main([*words, proxy.url, "--rpc", told.chain.url]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["http://user:s3cret@{}/s3cret?s3cret#s3cret", "ws://user:s3cret@{}/", "s3cret@{}", "http://s3cret@["]
)
@pytest.mark.parametrize("words", [("history",), ("members",), ("show", "1"), ("motion", "list")])
def test_commands__url_with_a_key__is_never_shown(history: History, url: str, words: tuple[str, ...]) -> None:
    with refusing_port() as port:
        code, out, err = history(url.format(f"127.0.0.1:{port}"), words=words)
    assert code in (2, ChainError.exit_code) and "s3cret" not in out + err
