"""What an endpoint may answer, method by method."""

from __future__ import annotations

import json
from typing import Any

import pytest
from web3.types import RPCEndpoint

from colearn_ledger.chain.answers import BadAnswer
from colearn_ledger.chain.jsonrpc import may_refuse, read_answer, read_batch

from ..kit.odd_bodies import ODD_BODIES

HASH = "0x" + "ab" * 32
BLOCK = {"number": "0x5", "hash": HASH, "timestamp": "0x64", "baseFeePerGas": "0x7", "extraData": {"odd": [1]}}
RECEIPT = {"transactionHash": HASH, "blockNumber": "0x5", "status": "0x1", "gasUsed": "0x5208", "logs": "odd"}
LOG = {
    "address": "0x" + "Ab" * 20,
    "topics": [HASH],
    "data": "0x",
    "blockNumber": "0x5",
    "logIndex": "0x0",
    "transactionHash": HASH,
    "blockTimestamp": 100,
}


def answer_to(method: str, params: list[Any], **said: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 7, **said}).encode()
    return read_answer(body, RPCEndpoint(method), params)


GOOD: list[tuple[str, list[Any], Any, Any]] = [
    ("eth_chainId", [], "0x7a69", "0x7a69"),
    ("eth_chainId", [], "0X0001", "0x1"),
    ("eth_blockNumber", [], "0x0", "0x0"),
    ("eth_call", [{}, {}], "0xAB", "0xab"),
    ("eth_call", [{}, {}], "0x", "0x"),
    ("eth_getCode", ["0x", "latest"], "0x", "0x"),
    ("eth_getBalance", ["0x", "latest"], "0x" + "f" * 64, "0x" + "f" * 64),
    ("eth_getTransactionCount", ["0x", "latest"], "0x2", "0x2"),
    ("eth_estimateGas", [{}], "0x5208", "0x5208"),
    ("eth_gasPrice", [], "0x3b9aca00", "0x3b9aca00"),
    ("eth_maxPriorityFeePerGas", [], "0x0", "0x0"),
    ("eth_sendRawTransaction", ["0x"], HASH, HASH),
    ("eth_getTransactionReceipt", [HASH], None, None),
    ("eth_getTransactionReceipt", [HASH], RECEIPT, {k: v for k, v in RECEIPT.items() if k != "logs"}),
    ("eth_getBlockByNumber", ["latest", False], BLOCK, {k: v for k, v in BLOCK.items() if k != "extraData"}),
    ("eth_getBlockByNumber", ["0x5", False], BLOCK, {k: v for k, v in BLOCK.items() if k != "extraData"}),
    ("eth_getBlockByNumber", ["0x6", False], None, None),
    ("eth_getBlockByNumber", ["pending", False], {"timestamp": "0x65", "hash": None}, {"timestamp": "0x65"}),
    ("eth_getBlockByNumber", ["pending", False], None, None),
    ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x5"}], [], []),
    ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x5"}], [LOG], [{**LOG, "address": "0x" + "ab" * 20}]),
    ("web3_clientVersion", [], {"any": ["thing"]}, {"any": ["thing"]}),
]


@pytest.mark.parametrize("method, params, said, read", GOOD)
def test_read_answer__right_result__is_had_in_its_plain_form(
    method: str, params: list[Any], said: Any, read: Any
) -> None:
    for extra in ({}, {"error": None}, {"jsonrpc": "1.0"}, {"id": "7"}, {"id": None}):
        assert answer_to(method, params, result=said, **extra)["result"] == read


BAD_NUMBERS = [
    None,
    5,
    1.5,
    True,
    "5",
    "",
    "0x",
    "0xg",
    "-0x1",
    "0x-1",
    " 0x1",
    "0x1 ",
    "0x" + "f" * 65,
    {},
    [],
    ["0x1"],
]
BAD: list[tuple[str, list[Any], list[Any]]] = [
    ("eth_chainId", [], [*BAD_NUMBERS, "0x" + "f" * 17]),
    ("eth_blockNumber", [], [*BAD_NUMBERS, "0x" + "f" * 16]),
    ("eth_getTransactionCount", ["0x", "latest"], [*BAD_NUMBERS, "0x" + "f" * 16]),
    ("eth_estimateGas", [{}], [*BAD_NUMBERS, "0x" + "f" * 16]),
    ("eth_gasPrice", [], [*BAD_NUMBERS, "0x" + "f" * 33]),
    ("eth_maxPriorityFeePerGas", [], [*BAD_NUMBERS, "0x" + "f" * 33]),
    ("eth_getBalance", ["0x", "latest"], BAD_NUMBERS),
    ("eth_call", [{}, {}], [None, 5, "", "ab", "0xa", "0xzz", {}, [], [HASH], True]),
    ("eth_getCode", ["0x", "latest"], [None, 5, "", "ab", "0xa", "0xzz", {}, [], True]),
    ("eth_sendRawTransaction", ["0x"], [None, 5, "", "0x", HASH[:-2], HASH + "00", {}, []]),
    (
        "eth_getTransactionReceipt",
        [HASH],
        [
            {},
            [],
            "0x",
            5,
            True,
            *({k: v for k, v in RECEIPT.items() if k != gone} for gone in RECEIPT if gone != "logs"),
            {**RECEIPT, "status": "0x2"},
            {**RECEIPT, "status": None},
            {**RECEIPT, "transactionHash": "0x" + "cd" * 32},
            {**RECEIPT, "gasUsed": 21000},
            {**RECEIPT, "contractAddress": "0x1"},
            {**RECEIPT, "from": None},
            {**RECEIPT, "blockNumber": "five"},
        ],
    ),
    (
        "eth_getBlockByNumber",
        ["latest", False],
        [
            None,
            {},
            [],
            "0x",
            *({k: v for k, v in BLOCK.items() if k != gone} for gone in ("number", "hash", "timestamp")),
            {**BLOCK, "hash": None},
            {**BLOCK, "number": None},
            {**BLOCK, "timestamp": "0x" + "f" * 16},
            {**BLOCK, "baseFeePerGas": "seven"},
            {**BLOCK, "transactions": [5]},
            {**BLOCK, "transactions": {}},
        ],
    ),
    ("eth_getBlockByNumber", ["0x6", False], [BLOCK, {}, "0x"]),
    ("eth_getBlockByNumber", ["pending", False], [{}, [], "0x", {"timestamp": None}, {"timestamp": 100}]),
    ("eth_getBlockByHash", ["0x" + "cd" * 32, False], [BLOCK, {}, "0x"]),
    ("eth_getTransactionByHash", [HASH], [{}, [], "0x", {"hash": HASH}, {"hash": HASH, "nonce": "0x1", "from": None}]),
    (
        "eth_getLogs",
        [{"fromBlock": "0x5", "toBlock": "0x5"}],
        [
            None,
            {},
            "0x",
            [None],
            [[]],
            [HASH],
            *([{k: v for k, v in LOG.items() if k != gone}] for gone in LOG if gone != "blockTimestamp"),
            [{**LOG, "topics": []}],
            [{**LOG, "topics": [HASH] * 5}],
            [{**LOG, "topics": [None]}],
            [{**LOG, "topics": HASH}],
            [{**LOG, "data": "0xa"}],
            [{**LOG, "removed": "no"}],
            [{**LOG, "blockTimestamp": {}}],
            [{**LOG, "blockNumber": "0x4"}],
            [{**LOG, "blockNumber": "0x6"}],
        ],
    ),
    ("eth_feeHistory", [], [None, {}, [], {"oldestBlock": "0x1", "baseFeePerGas": [None]}]),
]


@pytest.mark.parametrize("method, params, said", [(m, p, one) for m, p, all_of_them in BAD for one in all_of_them])
def test_read_answer__result_of_another_type__is_refused_by_its_method(
    method: str, params: list[Any], said: Any
) -> None:
    with pytest.raises(BadAnswer, match=f"the result of {method} "):
        answer_to(method, params, result=said)


@pytest.mark.parametrize("name", ODD_BODIES)
def test_read_answer__body_that_is_no_answer__is_refused(name: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(ODD_BODIES[name], RPCEndpoint("eth_chainId"), [])


@pytest.mark.parametrize(
    "data, kept",
    [
        ("0xABcd", "0xabcd"),
        ("Reverted 0xab", "0xab"),
        ({"message": "reverted", "data": "0xab"}, "0xab"),
        ({"result": "0xab"}, "0xab"),
        ("0x", None),
        ("0xa", None),
        ("no hex", None),
        (None, None),
        (5, None),
        ([], None),
        ({"data": {"data": "0xab"}}, None),
        ({}, None),
    ],
)
def test_read_answer__error__has_a_plain_message_and_revert_data_if_there_is_any(data: Any, kept: str | None) -> None:
    error = {"code": 3, "message": "a\x1b[2J\nb" + "c" * 600, "data": data}
    said = answer_to("eth_call", [], error=error, result=None)["error"]
    assert said["message"].startswith("a [2J bccc") and len(said["message"]) == 501
    assert said.get("data") == kept


def test_read_answer__geth_makes_its_index__there_is_no_receipt_yet() -> None:
    error = {"code": -32000, "message": "transaction indexing is in progress"}
    assert answer_to("eth_getTransactionReceipt", [HASH], error=error)["result"] is None
    assert answer_to("eth_getTransactionByHash", [HASH], error=error)["error"]["code"] == -32000


def test_read_batch__in_any_order__is_in_the_order_of_the_requests() -> None:
    requests = [(RPCEndpoint("eth_chainId"), []), (RPCEndpoint("eth_call"), [{}, {}])]
    said = [{"jsonrpc": "2.0", "id": 1, "result": "0xab"}, {"jsonrpc": "2.0", "id": 0, "result": "0x1"}]
    assert [one["result"] for one in read_batch(json.dumps(said).encode(), requests)] == ["0x1", "0xab"]  # type: ignore[index]


@pytest.mark.parametrize("said", [[], {}, None, [{"id": 0, "result": "0x1"}], [{"id": 0, "result": "0x1"}] * 2, [5, 5]])
def test_read_batch__not_one_answer_to_each__is_refused(said: Any) -> None:
    with pytest.raises(BadAnswer):
        read_batch(json.dumps(said).encode(), [(RPCEndpoint("eth_chainId"), [])] * 2)


def test_may_refuse__what_not_all_endpoints_have__and_nothing_else() -> None:
    assert may_refuse("eth_getLogs", [{}]) and may_refuse("eth_maxPriorityFeePerGas", [])
    assert may_refuse("eth_getBlockByNumber", ["pending", False]) and may_refuse("eth_estimateGas", [{}, "pending"])
    assert not may_refuse("eth_getBlockByNumber", ["latest", False]) and not may_refuse("eth_call", [{}, {}])
