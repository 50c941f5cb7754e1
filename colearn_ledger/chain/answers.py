"""What an endpoint answers, checked before anything reads it: by method the type of each field.

An endpoint is a stranger. Of what it sends only the fields that this package reads go on, each of the type that it must
have. So nothing that parses above (web3, the ABI) meets a wrong type, and whatever else an endpoint puts into its
answers changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["BadAnswer", "check_result"]

_HEX = re.compile(r"0[xX]([0-9a-fA-F]*)")

_Check = Callable[[Any], Any]


class BadAnswer(ValueError):
    """It isn't an answer to what was asked. The text says what is wrong with it, without its content."""


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
_gas, _time = _quantity(63), _quantity(63)


def _block_time(value: Any) -> Any:
    """Of a log: most endpoints leave it out, and some give a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
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


def check_result(method: str, params: Any, result: Any) -> Any:
    """The result of a request, in its plain form; of a method that isn't known here as it is. Raises BadAnswer."""
    check = _METHODS.get(method)
    return result if check is None else check(params, result)
