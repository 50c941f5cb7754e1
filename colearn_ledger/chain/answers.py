"""What an endpoint answers, checked before anything reads it: JSON-RPC, and by method the type of each field.

An endpoint is a stranger. What it sends is bounded in size and depth, and of what it sends only the fields that this
package reads go on, each of the type that it must have. So nothing that parses above (web3, the ABI) meets a wrong
type, and whatever else an endpoint puts into its answers changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from web3.types import RPCEndpoint, RPCResponse

from ..formats.json import parse_shallow_json

__all__ = ["BadAnswer", "may_refuse", "read_answer", "read_batch", "refusal"]

_MOST_DEPTH = 32
_MOST_WORDS = 500  # letters of an error's message
_HEX = re.compile(r"0[xX]([0-9a-fA-F]*)")
_TIME_BITS = 40  # as the contract takes block time

Request = tuple[RPCEndpoint, Any]
_Check = Callable[[Any], Any]


class BadAnswer(ValueError):
    """It isn't an answer to what was asked. The text says what is wrong with it, without its content."""

    is_json = True


class _NoJson(BadAnswer):
    is_json = False


# ------------------------------------------------------------------------------------------------ JSON-RPC


def read_answer(body: bytes, method: RPCEndpoint, params: Any) -> RPCResponse:
    """The answer to one request: with a ``result`` of the method's type, or with an ``error`` whose message is a text.

    Raises BadAnswer for anything else.
    """
    return _response(_parse(body), method, params)


def read_batch(body: bytes, requests: Sequence[Request]) -> list[RPCResponse] | RPCResponse:
    """The answers to several requests, whose ids are their indices; or the one error that refuses all of them.

    Raises BadAnswer for anything else.
    """
    said = _parse(body)
    if isinstance(said, dict) and said.get("error") is not None:
        return refusal(**_error(said["error"]))
    if not isinstance(said, list) or len(said) != len(requests):
        raise BadAnswer("it isn't one answer to each request")
    by_id: dict[str, Any] = {str(one.get("id")): one for one in said if isinstance(one, dict)}
    answers = [by_id.get(str(index)) for index in range(len(requests))]
    return [_response(one, *request) for one, request in zip(answers, requests, strict=True)]


def refusal(message: str, code: int = -32000, **data: Any) -> RPCResponse:
    """The answer that refuses."""
    return {"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message, **data}}  # type: ignore[typeddict-item]


def may_refuse(method: str, params: Any) -> bool:
    """Whether an endpoint may refuse this and serve everything else: such a refusal doesn't tell against it."""
    asked = params if isinstance(params, list | tuple) else ()
    return method in ("eth_getLogs", "eth_maxPriorityFeePerGas", "eth_feeHistory") or "pending" in asked


def _parse(body: bytes) -> Any:
    try:
        return parse_shallow_json(body, max_depth=_MOST_DEPTH, constant=_no_constant)
    except ValueError as e:  # also of what isn't UTF-8, and of numbers with ten thousand digits
        raise _NoJson("it isn't JSON") from e


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _response(said: Any, method: RPCEndpoint, params: Any) -> RPCResponse:
    if not isinstance(said, dict):
        raise BadAnswer("it isn't JSON-RPC")
    if said.get("error") is not None:  # servers of JSON-RPC 1.0 say `"error": null` beside a result
        error = _error(said["error"])
        if method == "eth_getTransactionReceipt" and "indexing is in progress" in error["message"]:
            return {"jsonrpc": "2.0", "id": 0, "result": None}  # geth, soon after its start: not known yet
        return refusal(**error)
    if "result" not in said:
        raise BadAnswer("it has neither a result nor an error")
    try:
        return {"jsonrpc": "2.0", "id": 0, "result": _checked(method, params, said["result"])}
    except BadAnswer as e:
        raise BadAnswer(f"the result of {method} {e}") from None


def _error(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise BadAnswer("its error isn't one of JSON-RPC")
    code, message = said.get("code"), said.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(message, str):
        raise BadAnswer("its error isn't one of JSON-RPC")
    error: dict[str, Any] = {"code": code, "message": _plain(message)}
    data = _revert_data(said.get("data"))
    return error if data is None else {**error, "data": data}


def _revert_data(said: Any) -> str | None:
    """What a call reverted with, where it is said: geth and most as hex, Hardhat and Ganache in an object."""
    if isinstance(said, dict):
        said = next((said[key] for key in ("data", "result") if isinstance(said.get(key), str)), None)
    if not isinstance(said, str):
        return None
    match = _HEX.fullmatch(said.removeprefix("Reverted "))  # Parity
    return None if match is None or not match[1] or len(match[1]) % 2 else "0x" + match[1].lower()


def _plain(message: str) -> str:
    """A stranger's words for a terminal: one line, nothing that moves a cursor, not without end."""
    line = "".join(letter if letter.isprintable() else " " for letter in message)
    return line if len(line) <= _MOST_WORDS else line[:_MOST_WORDS] + "…"


# ------------------------------------------------------------------------------------------------ values


def _quantity(bits: int = 256) -> _Check:
    def check(value: Any) -> str:
        match = _HEX.fullmatch(value) if isinstance(value, str) else None
        if match is None or not 0 < len(match[1]) <= 64 or (number := int(match[1], 16)) >> bits:
            raise BadAnswer(f"isn't a number of {bits} bits")
        return hex(number)

    return check


def _data(length: int | None = None) -> _Check:
    """Bytes in hex; ``length`` of them."""

    def check(value: Any) -> str:
        match = _HEX.fullmatch(value) if isinstance(value, str) else None
        if match is None or len(match[1]) % 2 or (length is not None and len(match[1]) != 2 * length):
            raise BadAnswer("isn't bytes in hex" if length is None else f"isn't {length} bytes in hex")
        return "0x" + match[1].lower()

    return check


def _or_null(check: _Check) -> _Check:
    return lambda value: None if value is None else check(value)


def _list_of(check: _Check, least: int = 0, most: int = 10**7) -> _Check:
    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise BadAnswer("isn't a list of what was asked for")
        return [check(one) for one in value]

    return check_all


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadAnswer("isn't true or false")
    return value


def _object(needed: Mapping[str, _Check], known: Mapping[str, _Check] | None = None) -> _Check:
    """An object with the needed fields, and what it has of the known ones; all others are left out."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise BadAnswer("isn't an object")
        for name in needed:
            if name not in value:
                raise BadAnswer(f"has no {name}")
        found = {}
        for name, one in (*needed.items(), *(known or {}).items()):
            if name in value:
                try:
                    found[name] = one(value[name])
                except BadAnswer as e:
                    raise BadAnswer(f"has a {name} that {e}") from None
        return found

    return check


_number, _wei, _hash, _address = _quantity(63), _quantity(128), _data(32), _data(20)
_gas, _time = _quantity(63), _quantity(_TIME_BITS)


def _block_time(value: Any) -> Any:
    """Of a log: most endpoints leave it out, and some give a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << _TIME_BITS:
        return value
    return _or_null(_time)(value)


_TRANSACTION = _object(
    {"hash": _hash, "nonce": _number, "from": _address},
    {
        "blockHash": _or_null(_hash),
        "blockNumber": _or_null(_number),
        "to": _or_null(_address),
        "gas": _gas,
        "gasPrice": _or_null(_wei),
        "maxFeePerGas": _or_null(_wei),
        "maxPriorityFeePerGas": _or_null(_wei),
        "value": _quantity(),
        "input": _data(),
    },
)


def _transactions(value: Any) -> Any:
    full = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    return _list_of(_TRANSACTION if full else _hash)(value)


_OF_BLOCK = {
    "baseFeePerGas": _or_null(_wei),
    "gasLimit": _gas,
    "gasUsed": _gas,
    "parentHash": _hash,
    "transactions": _transactions,
}
_BLOCK = _object({"number": _number, "hash": _hash, "timestamp": _time}, _OF_BLOCK)
_PENDING = _object({"timestamp": _time}, {"number": _or_null(_number), "baseFeePerGas": _or_null(_wei)})
_RECEIPT = _object(
    {"transactionHash": _hash, "blockNumber": _or_null(_number), "status": _quantity(1), "gasUsed": _gas},
    {
        "blockHash": _or_null(_hash),
        "contractAddress": _or_null(_address),
        "effectiveGasPrice": _or_null(_wei),
        "from": _address,
    },
)
_LOG = _object(
    {
        "address": _address,
        "topics": _list_of(_hash, 1, 4),
        "data": _data(),
        "blockNumber": _number,
        "logIndex": _number,
        "transactionHash": _hash,
    },
    {
        "blockHash": _or_null(_hash),
        "blockTimestamp": _block_time,
        "removed": _flag,
        "transactionIndex": _or_null(_number),
    },
)


# ------------------------------------------------------------------------------------------------ by method


def _block_answer(params: Any, value: Any) -> Any:
    which = params[0]
    if value is None and which not in ("latest", "earliest"):
        return None  # a block that it doesn't have
    if which == "pending":
        return _PENDING(value)
    block = _BLOCK(value)
    if which.startswith("0x") and int(which, 16) != int(block["number"], 16):
        raise BadAnswer("is another block than was asked for")
    return block


def _named_block(params: Any, value: Any) -> Any:
    block = _or_null(_BLOCK)(value)
    if block is not None and block["hash"] != str(params[0]).lower():
        raise BadAnswer("is another block than was asked for")
    return block


def _receipt_answer(params: Any, value: Any) -> Any:
    receipt = _or_null(_RECEIPT)(value)
    if receipt is not None and receipt["transactionHash"] != _hash_of(params[0]):
        raise BadAnswer("is another transaction's than was asked for")
    return receipt


def _transaction_answer(params: Any, value: Any) -> Any:
    transaction = _or_null(_TRANSACTION)(value)
    if transaction is not None and transaction["hash"] != _hash_of(params[0]):
        raise BadAnswer("is another transaction than was asked for")
    return transaction


def _logs_answer(params: Any, value: Any) -> Any:
    logs = _list_of(_LOG)(value)
    query = params[0] if isinstance(params, list | tuple) and isinstance(params[0], dict) else {}
    for name, beyond in (("fromBlock", int.__lt__), ("toBlock", int.__gt__)):
        bound = query.get(name)
        if not isinstance(bound, str) or not _HEX.fullmatch(bound):
            continue
        if any(beyond(int(log["blockNumber"], 16), int(bound, 16)) for log in logs):
            raise BadAnswer("has events of other blocks than were asked for")
    return logs


def _hash_of(param: Any) -> str:
    return "0x" + param.hex() if isinstance(param, bytes) else str(param).lower()


def _plainly(check: _Check) -> Callable[[Any, Any], Any]:
    return lambda params, value: check(value)


_FEE_HISTORY = _object(
    {"oldestBlock": _number, "baseFeePerGas": _or_null(_list_of(_wei))},
    {"reward": _or_null(_list_of(_list_of(_wei)))},
)
_METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "eth_chainId": _plainly(_number),
    "eth_blockNumber": _plainly(_number),
    "eth_getBlockByNumber": _block_answer,
    "eth_getBlockByHash": _named_block,
    "eth_call": _plainly(_data()),
    "eth_getCode": _plainly(_data()),
    "eth_getBalance": _plainly(_quantity()),
    "eth_getTransactionCount": _plainly(_number),
    "eth_estimateGas": _plainly(_gas),
    "eth_gasPrice": _plainly(_wei),
    "eth_maxPriorityFeePerGas": _plainly(_wei),
    "eth_feeHistory": _plainly(_FEE_HISTORY),
    "eth_sendRawTransaction": _plainly(_hash),
    "eth_getTransactionByHash": _transaction_answer,
    "eth_getTransactionReceipt": _receipt_answer,
    "eth_getLogs": _logs_answer,
}


def _checked(method: str, params: Any, result: Any) -> Any:
    check = _METHODS.get(method)
    return result if check is None else check(params, result)
