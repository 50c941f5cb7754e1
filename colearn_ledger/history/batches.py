"""The same question about many things, asked in JSON-RPC batches where the endpoint takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from web3 import Web3
from web3.types import RPCEndpoint

from ..chain.endpoints import ask_many
from ..chain.reach import REFUSALS

__all__ = ["fetch_many", "number_of"]

_SIZES = (100, 10, 1)  # questions in a batch: endpoints have limits of their own, or take none


def fetch_many(web3: Web3, method: str, params: Sequence[Sequence[Any]]) -> list[Mapping[str, Any] | None]:
    """The answers to ``method`` with each of these parameters; None for what the endpoint doesn't have, or won't say.

    Raises ChainError when the endpoint can't be reached.
    """
    sizes = iter(_SIZES)
    size = next(sizes)
    found: list[Mapping[str, Any] | None] = []
    while len(found) < len(params):
        part = params[len(found) : len(found) + size]
        answers = None if size == 1 else ask_many(web3, [(RPCEndpoint(method), list(one)) for one in part])
        if answers is not None:
            found += answers
        elif size > 1:
            size = next(sizes)
        else:
            found.append(_fetch_one(web3, method, part[0]))
    return found


def _fetch_one(web3: Web3, method: str, params: Sequence[Any]) -> Mapping[str, Any] | None:
    try:
        answer = web3.manager.request_blocking(RPCEndpoint(method), list(params))
    except REFUSALS:  # pruned
        return None
    return answer if isinstance(answer, Mapping) else None


def number_of(value: Any) -> int:
    """A quantity in an answer that web3 hasn't formatted: hex from a server, a number from a chain in this process."""
    return int(value, 16) if isinstance(value, str) else int(value)
