"""JSON-RPC as a stranger sends it: bounded in depth, results of the right type, errors in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from web3.types import RPCEndpoint, RPCResponse

from ..formats.json import parse_shallow_json
from .answers import BadAnswer, check_result

__all__ = ["NotJson", "may_refuse", "read_answer", "read_batch", "refusal"]

_MOST_DEPTH = 32
_MOST_WORDS = 500  # letters of an error's message
_HEX = re.compile(r"0[xX]([0-9a-fA-F]*)")

Request = tuple[RPCEndpoint, Any]


class NotJson(BadAnswer):
    """It isn't even JSON: mostly another program's."""


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
        raise NotJson("it isn't JSON") from e


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
        return {"jsonrpc": "2.0", "id": 0, "result": check_result(method, params, said["result"])}
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
