"""A chain that answers without a server: what a real one has said, or what is put in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from web3 import Web3

from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.transport import Reply, http_post

__all__ = ["Recorded"]

Request = dict[str, Any]


class Recorded:
    """The endpoint at ``url``, of a chain in which nothing happens meanwhile.

    Attributes
    ----------
    instead: by method, what comes instead of the chain's answer: it gets the request and the right answer, both as they
        go over the wire, and gives a reply, or None for the right one.
    asked: methods, in order.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.instead: dict[str, Callable[[Request, dict[str, Any]], Reply | None]] = {}
        self.asked: list[str] = []
        self._post = http_post(url)
        self._said: dict[str, dict[str, Any]] = {}

    def connect(self, *others: Recorded, **options: Any) -> Web3:
        """A connection to it as a node has it, and to others after it."""
        posts = {one.url: one.post for one in (self, *others)}
        return connect(list(posts), make_post=lambda url: posts[url], **options)

    def post(self, data: bytes, timeout_s: float) -> Reply:
        request = json.loads(data)
        if isinstance(request, list):
            self.asked.append("batch")
            return self._reply("batch", request, [self._answer(one) for one in request])
        return self._reply(request["method"], request, self._answer(request))

    def _reply(self, method: str, request: Any, answer: Any) -> Reply:
        own = self.instead.get(method)
        reply = None if own is None else own(request, answer)
        return reply or Reply(200, json.dumps(answer).encode())

    def _answer(self, request: Request) -> dict[str, Any]:
        self.asked.append(request["method"])
        if request["method"] == "eth_sendRawTransaction":
            return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": "nothing happens here"}}
        key = json.dumps([request["method"], request["params"]])
        if key not in self._said:
            self._said[key] = json.loads(self._post(json.dumps(request).encode(), 30).body)
        return {**self._said[key], "id": request["id"]}
