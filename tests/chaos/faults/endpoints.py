"""Endpoints that refuse, hang, lie, lag or lose things; one member's, or everybody's."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...kit.ports import refusing_port
from ..endpoint import Cut, Edit, Raw
from ..registry import fault
from ..world import World
from .processes import some

Forward = Callable[[bytes], bytes]
METHODS = (
    "eth_call",
    "eth_getBlockByNumber",
    "eth_blockNumber",
    "eth_chainId",
    "eth_getTransactionCount",
    "eth_estimateGas",
    "eth_getTransactionReceipt",
    "eth_sendRawTransaction",
    "eth_maxPriorityFeePerGas",
    "eth_feeHistory",
    "eth_getLogs",
    "eth_getBalance",
    "eth_getCode",
)
ODD: tuple[Any, ...] = (None, {}, [], "0x", "", "a text", 5, -1, True, "0x" + "0" * 64, [[]], {"hash": None})


@contextlib.contextmanager
def at_some(w: World, rng: random.Random, raw: Raw) -> Iterator[str]:
    """One member's endpoint, or each, fails like this."""
    whose = [some(w, rng)] if rng.random() < 0.7 else list(w.members)
    with contextlib.ExitStack() as stack:
        for index in whose:
            stack.enter_context(w.endpoints[index].failing(raw))
        yield f"node {whose[0]}" if len(whose) == 1 else "all"


def for_a_while(w: World, rng: random.Random, raw: Raw, what: str, most: float = 3) -> str:
    seconds = rng.uniform(0.5, most)
    with at_some(w, rng, raw) as whose:
        time.sleep(seconds)
    return f"{what} for {seconds:.1f} s, {whose}"


@fault("other", weight=2)
def endpoint_refuses(w: World, rng: random.Random) -> str:
    def raw(body: bytes, forward: Forward) -> tuple[int, bytes]:
        raise Cut

    return for_a_while(w, rng, raw, "no answer")


@fault("other")
def endpoint_status(w: World, rng: random.Random) -> str:
    status, text = rng.choice([403, 408, 429, 500, 502, 503]), rng.choice([b"", b"<html>busy</html>", b"{}"])
    return for_a_while(w, rng, lambda body, forward: (status, text), f"status {status} with {text!r}")


@fault("other")
def endpoint_hangs(w: World, rng: random.Random) -> str:
    """It takes requests and answers none of them; those that wait are cut when it heals."""
    index, seconds = some(w, rng), rng.uniform(1, 6)
    endpoint = w.endpoints[index]

    def raw(body: bytes, forward: Forward) -> tuple[int, bytes]:
        endpoint.heals.wait(60)
        raise Cut

    with endpoint.failing(raw):
        time.sleep(seconds)
    return f"node {index} for {seconds:.1f} s"


@fault("other")
def endpoint_slow(w: World, rng: random.Random) -> str:
    delay = rng.uniform(0.1, 0.8)

    def raw(body: bytes, forward: Forward) -> tuple[int, bytes]:
        time.sleep(delay)
        return 200, forward(body)

    return for_a_while(w, rng, raw, f"{delay:.1f} s late", 5)


@fault("other", weight=2)
def endpoint_garbage(w: World, rng: random.Random) -> str:
    """What is no JSON-RPC at all."""
    deep = b"[" * 100_000
    body = rng.choice([b"", b"<html></html>", b"null", b"5", b"[]", b"{", b'"text"', deep, b"\xff\xfe", b'{"jsonrpc":'])
    return for_a_while(w, rng, lambda _, forward: (200, body), f"{body[:16]!r}")


@fault("other", weight=6)
def endpoint_odd_result(w: World, rng: random.Random) -> str:
    """One method's result is of another type."""
    method, odd = rng.choice(METHODS), rng.choice(ODD)
    return edited(w, rng, lambda call, reply: {**reply, "result": odd} if call["method"] == method else reply,
                  f"{method} says {odd!r}")  # fmt: skip


@fault("other", weight=6)
def endpoint_one_field(w: World, rng: random.Random) -> str:
    """One field of one method's result is changed, removed, or of another type."""
    method, pick, odd = rng.choice(METHODS), rng.random(), rng.choice(ODD)

    def edit(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        result = reply.get("result")
        if call["method"] != method or result is None:
            return reply
        if isinstance(result, dict):
            key = sorted(result)[int(pick * len(result))]
            return {**reply, "result": {**result, key: odd}}
        if isinstance(result, str) and len(result) > 3:  # one digit of a number or of the contract's answer
            at = 2 + int(pick * (len(result) - 2))
            return {**reply, "result": result[:at] + ("1" if result[at] == "0" else "0") + result[at + 1 :]}
        return reply

    return edited(w, rng, edit, f"{method} with one thing changed ({pick:.2f}, {odd!r})")


def edited(w: World, rng: random.Random, edit: Edit, what: str) -> str:
    index, seconds = some(w, rng), rng.uniform(0.5, 2.5)
    with w.endpoints[index].editing(edit):
        time.sleep(seconds)
    return f"{what} for {seconds:.1f} s, node {index}"


@fault("other", weight=2)
def endpoint_lost_answer(w: World, rng: random.Random) -> str:
    """The chain has the transactions, and the node isn't told."""

    def raw(body: bytes, forward: Forward) -> tuple[int, bytes]:
        answer = forward(body)
        if b"eth_sendRawTransaction" in body:
            raise Cut
        return 200, answer

    return for_a_while(w, rng, raw, "answers to transactions get lost")


@fault("other", weight=2)
def endpoint_lost_transaction(w: World, rng: random.Random) -> str:
    """It says that it has the transaction, and never passes it on."""
    from eth_utils import keccak

    def raw(body: bytes, forward: Forward) -> tuple[int, bytes]:
        if b"eth_sendRawTransaction" not in body:
            return 200, forward(body)
        call = json.loads(body)
        call = call[0] if isinstance(call, list) else call
        hash_ = "0x" + keccak(hexstr=call["params"][0]).hex()
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": hash_}).encode()

    return for_a_while(w, rng, raw, "transactions get lost", 2)


@fault("other")
def endpoint_frozen(w: World, rng: random.Random) -> str:
    """It says of every question what it said first: an old head, old states, old nonces."""
    said: dict[str, Any] = {}

    def edit(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        question = json.dumps([call["method"], call["params"]])
        return {**reply, "result": said.setdefault(question, reply.get("result"))}

    return edited(w, rng, edit, "frozen")


@fault("other")
def endpoint_wrong_chain_id(w: World, rng: random.Random) -> str:
    return edited(
        w, rng, lambda call, reply: {**reply, "result": "0x1"} if call["method"] == "eth_chainId" else reply,
        "another chain's id",
    )  # fmt: skip


@fault("other", weight=2)
def endpoint_other_chain(w: World, rng: random.Random) -> str:
    """Another chain of the same id is behind it: low, or higher than the right one; the contract isn't there."""
    index, seconds, high = some(w, rng), rng.uniform(1, 3), rng.random() < 0.5
    other = w.start_chain()
    if high:
        other.rpc("anvil_mine", hex(w.chain.web3.eth.block_number + 50))
    right = w.endpoints[index].port
    w.endpoints[index].port = other.port
    try:
        time.sleep(seconds)
    finally:
        w.endpoints[index].port = right
        other.stop()
    return f"a {'higher' if high else 'lower'} one for {seconds:.1f} s, node {index}"


@fault("other", needs="websocket")
def websocket_drops(w: World, rng: random.Random) -> str:
    for news in w.news:
        news.cut()
    time.sleep(seconds := rng.uniform(0.2, 2))
    for news in w.news:
        news.target = w.chain.port
    return f"for {seconds:.1f} s"


@fault("other", needs="websocket")
def websocket_silent(w: World, rng: random.Random) -> str:
    """Connected, and nothing comes."""
    for news in w.news:
        news.silent = True
    time.sleep(seconds := rng.uniform(1, 6))
    for news in w.news:
        news.silent = False
    return f"for {seconds:.1f} s"


@fault("other", needs="websocket")
def websocket_refused(w: World, rng: random.Random) -> str:
    index, seconds = some(w, rng), rng.uniform(0.5, 3)
    with refusing_port() as port:
        w.news[index].cut()
        w.news[index].target = port
        time.sleep(seconds)
    w.news[index].target = w.chain.port
    return f"node {index} for {seconds:.1f} s"
