"""A real node whose endpoint says what can't be, is another chain for a while, or lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from colearn_ledger.core.protocol import RoundState

from ..kit.anvil import wait_until
from ..kit.nodes import NodeCollective, NodeProcess, node_collective, trained
from ..kit.odd_bodies import ODD_BODIES
from ..kit.proxy import Proxy, proxy_of

pytestmark = pytest.mark.slow

Reply = tuple[int, bytes, dict[str, str]]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[NodeCollective]:
    """Two members; nobody runs yet."""
    with node_collective(tmp_path, 2) as made:
        yield made


@pytest.fixture
def proxy(pair: NodeCollective) -> Iterator[Proxy]:
    with proxy_of(pair.chain.url) as made:
        yield made


def rests(node: NodeProcess) -> None:
    wait_until(lambda: bool(node.events("wait")), "it rests")


def a_few_times(method: str, body: bytes, times: int = 3) -> tuple[Callable[[str], Reply | None], list[str]]:
    """Instead of the next answers to this method; and which it was asked for."""
    asked: list[str] = []

    def reply(to: str) -> Reply | None:
        if to != method or len(asked) >= times:
            return None
        asked.append(to)
        return 200, body, {}

    return reply, asked


def test_endpoint__says_all_that_it_should_not__the_node_waits_and_votes_when_it_is_well(
    pair: NodeCollective, proxy: Proxy
) -> None:
    node = pair.start(1, rpc=[proxy.url])
    rests(node)
    for body in list(ODD_BODIES.values())[::3]:
        proxy.replies = lambda method: (200, body, {})  # noqa: B023
        before = len(proxy.methods)
        wait_until(lambda: len(proxy.methods) > before or node.process.poll() is not None, "it asks")  # noqa: B023
    assert node.process.poll() is None, node.text
    assert node.events("chain")
    proxy.replies = lambda method: None
    pair.propose(pair.store.put(trained()))
    wait_until(lambda: bool(node.events("vote")), "it votes")
    assert "Traceback" not in node.text


@pytest.mark.parametrize(
    "method",
    [
        "eth_call",
        "eth_estimateGas",
        "eth_getTransactionCount",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "eth_getTransactionReceipt",
    ],
)
def test_endpoint__odd_in_one_method_while_the_node_votes__it_votes_once(
    pair: NodeCollective, proxy: Proxy, method: str
) -> None:
    node = pair.start(1, rpc=[proxy.url])
    rests(node)
    results = (b'{"a": 1}', b'"0x"') if method == "eth_getTransactionReceipt" else (b"null", b'"0x"')
    for result in results:
        body = b'{"jsonrpc": "2.0", "id": 0, "result": ' + result + b"}"
        proxy.replies, asked = a_few_times(method, body)
        if pair.view().round == 1 and pair.view().state is RoundState.PROPOSING:
            pair.propose(pair.store.put(trained()))
        wait_until(lambda: bool(asked or node.events("vote")) or node.process.poll() is not None, "it meets it")  # noqa: B023

    def voted() -> bool:
        # The contract knows. Of a vote whose receipt can't be read until the next round is open, there is no line.
        record = pair.records()[0]
        return record.approvals.bit_count() + record.rejections.bit_count() == 1

    wait_until(lambda: voted() or node.process.poll() is not None, "it votes")
    assert node.process.poll() is None and "Traceback" not in node.text, node.text


def test_endpoint__is_another_chain_for_a_while__the_node_says_so_and_waits(pair: NodeCollective, proxy: Proxy) -> None:
    node = pair.start(1, rpc=[proxy.url])
    rests(node)
    proxy.replies = lambda method: (503, b"", {})  # so that it asks again which chain it is
    wait_until(lambda: len(node.events("chain")) >= 1, "it is away")
    proxy.answers["eth_chainId"] = lambda params, ask: "0x1"
    proxy.replies = lambda method: None
    wait_until(lambda: any("is the chain 1" in line["text"] for line in node.events("chain")), "it says so")
    assert node.process.poll() is None
    proxy.answers.clear()
    pair.propose(pair.store.put(trained()))
    wait_until(lambda: bool(node.events("vote")), "it votes")


def test_endpoint__shows_another_proposal_beside_its_id__is_not_believed(pair: NodeCollective, proxy: Proxy) -> None:
    good, bad = pair.store.put(trained()), pair.store.put(b"no weights")
    node = pair.start(1, rpc=[proxy.url])
    rests(node)
    proxy.answers["eth_call"] = lambda params, ask: ask(params).replace(bad.sha256.hex(), good.sha256.hex())
    pair.propose(bad)
    wait_until(lambda: any("isn't its content's" in line["text"] for line in node.events("chain")), "it sees that")
    assert pair.nonce(1) == 0
    proxy.answers.clear()
    wait_until(lambda: bool(node.events("vote")), "it votes")
    assert "reject" in node.events("vote")[0]["text"]


def revealing(answer: str) -> str:
    """The same view, but reveals are open: the state is the third word of the struct."""
    at = 2 + 64 * 3
    state = int(answer[at : at + 64], 16)
    return answer[:at] + f"{RoundState.REVEALING:064x}" + answer[at + 64 :] if state == RoundState.VOTING else answer


def test_quorum__one_endpoint_opens_the_reveals__the_vote_stays_secret_until_both_do(tmp_path: Path) -> None:
    with node_collective(tmp_path, 3, secret=True) as made, proxy_of(made.chain.url) as liar:
        node = made.start(1, rpc=[liar.url, made.chain.url], quorum=2, metrics={"listen": "127.0.0.1:0"})
        rests(node)
        made.propose(made.store.put(trained()))
        wait_until(lambda: bool(node.events("commit")), "it commits")
        selector = Web3.keccak(text="viewFor(address,uint256)")[:4].hex()

        def lie(params: list[Any], ask: Callable[[list[Any]], Any]) -> Any:
            answer = ask(params)
            return revealing(answer) if selector in json.dumps(params[0]) else answer

        liar.answers["eth_call"] = lie
        made.chain.mine()
        wait_until(lambda: any("disagree" in line["text"] for line in node.events("chain")), "it sees that they differ")
        wait_until(lambda: node.get("/readyz")[0] == 503, "it isn't ready")
        assert "no 2 endpoints agree" in node.get("/readyz")[1]
        made.commit(2)
        made.chain.mine()
        assert not node.events("reveal") and made.nonce(1) == 1
        liar.answers.clear()
        wait_until(lambda: bool(node.events("reveal")), "it reveals when both say so")
        wait_until(lambda: node.get("/readyz")[0] == 200, "it is ready")
        assert len([line for line in node.events("chain") if "disagree" in line["text"]]) < 12, (
            "it isn't said each time"
        )


def test_quorum__two_of_three_agree__goes_on(pair: NodeCollective, proxy: Proxy) -> None:
    with proxy_of(pair.chain.url) as other:
        node = pair.start(1, rpc=[proxy.url, other.url, pair.chain.url], quorum=2)
        rests(node)
        proxy.replies = lambda method: (200, b"null", {})
        pair.propose(pair.store.put(trained()))
        wait_until(lambda: bool(node.events("vote")), "it votes")
