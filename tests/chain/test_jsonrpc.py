"""JSON-RPC as a stranger sends it: what is read, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from web3.types import RPCEndpoint

from colearn_ledger.chain.answers import BadAnswer
from colearn_ledger.chain.jsonrpc import NotJson, may_refuse, read_answer, read_batch, refusal

CHAIN_ID, RECEIPT = RPCEndpoint("eth_chainId"), RPCEndpoint("eth_getTransactionReceipt")


def body(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, **fields}).encode()


def failed(**error: Any) -> Any:
    return read_answer(body(error=error), CHAIN_ID, [])["error"]


def test_read_answer__a_result__is_given_with_its_type() -> None:
    assert read_answer(body(result="0x7A69"), CHAIN_ID, []) == {"jsonrpc": "2.0", "id": 0, "result": "0x7a69"}


def test_read_answer__error_null_beside_a_result__is_a_result() -> None:
    assert read_answer(body(result="0x1", error=None), CHAIN_ID, [])["result"] == "0x1"


@pytest.mark.parametrize("said", [b"", b"<html>", b'{"result": NaN}', b"\xff", b"[" * 40 + b"]" * 40])
def test_read_answer__no_json_or_too_deep__says_so(said: bytes) -> None:
    with pytest.raises(NotJson, match="it isn't JSON"):
        read_answer(said, CHAIN_ID, [])


@pytest.mark.parametrize(
    "said, why",
    [
        (b"5", "it isn't JSON-RPC"),
        (b"[]", "it isn't JSON-RPC"),
        (b"{}", "neither a result nor an error"),
        (body(result=None), "the result of eth_chainId"),
        (body(result="0x"), "the result of eth_chainId"),
        (body(error=7), "its error isn't one of JSON-RPC"),
        (body(error={"code": "1", "message": "x"}), "its error isn't one of JSON-RPC"),
        (body(error={"code": True, "message": "x"}), "its error isn't one of JSON-RPC"),
        (body(error={"code": 1, "message": None}), "its error isn't one of JSON-RPC"),
    ],
)
def test_read_answer__odd__says_what_is_odd(said: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        read_answer(said, CHAIN_ID, [])


def test_read_answer__an_error__is_its_code_and_words_alone() -> None:
    assert failed(code=-32005, message="limit", extra=[1]) == {"code": -32005, "message": "limit"}


def test_read_answer__words_of_an_error__are_one_line_without_what_moves_a_cursor_and_not_without_end() -> None:
    assert failed(code=1, message="a\n\x1b[2Jb")["message"] == "a  [2Jb"
    assert failed(code=1, message="x" * 500)["message"] == "x" * 500
    assert failed(code=1, message="x" * 501)["message"] == "x" * 500 + "…"


@pytest.mark.parametrize(
    "data, revert",
    [
        ("0x08c379A0", "0x08c379a0"),
        ("Reverted 0x08c379a0", "0x08c379a0"),
        ({"data": "0xab"}, "0xab"),
        ({"result": "0xcd"}, "0xcd"),
        ("0xabc", None),
        ("0x", None),
        ("why", None),
        (7, None),
        ({"data": {}}, None),
        (None, None),
    ],
)
def test_read_answer__what_a_call_reverted_with__is_had_where_it_is_said(data: Any, revert: str | None) -> None:
    assert failed(code=3, message="reverted", data=data).get("data") == revert


def test_read_answer__geth_still_indexes__is_no_receipt_yet_and_only_there() -> None:
    said = body(error={"code": -32000, "message": "transaction indexing is in progress"})
    assert read_answer(said, RECEIPT, ["0x" + "11" * 32]) == {"jsonrpc": "2.0", "id": 0, "result": None}
    assert "error" in read_answer(said, CHAIN_ID, [])


def test_read_batch__in_any_order_and_with_ids_as_texts__each_request_has_its_answer() -> None:
    said = json.dumps([{"id": "1", "result": "0x2"}, {"id": 0, "result": "0x1"}]).encode()
    answers = read_batch(said, [(CHAIN_ID, []), (CHAIN_ID, [])])
    assert isinstance(answers, list) and [answer["result"] for answer in answers] == ["0x1", "0x2"]


@pytest.mark.parametrize("said", [b"7", b"{}", b"[]", b'[{"id": 0, "result": "0x1"}]', b'[{"id": 0}, {"id": 1}, 3]'])
def test_read_batch__not_one_answer_to_each__is_odd(said: bytes) -> None:
    with pytest.raises(BadAnswer, match="isn't one answer to each request"):
        read_batch(said, [(CHAIN_ID, []), (CHAIN_ID, [])])


def test_read_batch__an_answer_is_missing_or_none__is_odd() -> None:
    for second in ({"id": 5, "result": "0x1"}, 7):
        with pytest.raises(BadAnswer, match="it isn't JSON-RPC"):
            read_batch(json.dumps([{"id": 0, "result": "0x1"}, second]).encode(), [(CHAIN_ID, []), (CHAIN_ID, [])])


def test_read_batch__refused_as_a_whole__is_that_error() -> None:
    said = read_batch(body(error={"code": -32600, "message": "no batches"}), [(CHAIN_ID, [])])
    assert said == refusal("no batches", -32600)


def test_refusal__without_a_code__has_the_servers() -> None:
    assert refusal("why", data="0xab") == {
        "jsonrpc": "2.0",
        "id": 0,
        "error": {"code": -32000, "message": "why", "data": "0xab"},
    }


@pytest.mark.parametrize(
    "method, params, may",
    [
        ("eth_getLogs", [{}], True),
        ("eth_maxPriorityFeePerGas", [], True),
        ("eth_feeHistory", [], True),
        ("eth_getBlockByNumber", ["pending", False], True),
        ("eth_getBlockByNumber", ["latest", False], False),
        ("eth_call", [{}, "latest"], False),
        ("eth_chainId", None, False),
    ],
)
def test_may_refuse__what_not_every_endpoint_serves__may_be(method: str, params: Any, may: bool) -> None:
    assert may_refuse(method, params) is may
