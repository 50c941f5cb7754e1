"""An endpoint in front of a chain, which answers as it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

__all__ = ["Answer", "Proxy", "Refusal", "proxy_of"]

# Gets a method's parameters and what asks the chain for it with such parameters; gives the result.
Answer = Callable[[list[Any], Callable[[list[Any]], Any]], Any]


class Refusal(Exception):
    """What the endpoint says instead of a result."""


class Proxy:
    """The endpoint at ``url``.

    Attributes
    ----------
    methods: that it was asked for.
    swallow: methods whose next answer gets lost, after the chain has had the request.
    answers: by method, what is said instead of what the chain says; raises Refusal to refuse.
    """

    def __init__(self, target: str) -> None:
        self.methods: list[str] = []
        self.swallow: set[str] = set()
        self.answers: dict[str, Answer] = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                method = request["method"]
                proxy.methods.append(method)
                content = proxy.answer(request)
                if method in proxy.swallow:
                    proxy.swallow.discard(method)
                    self.close_connection = True
                    return  # the chain has had it, and the caller will never know
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: dict[str, Any]) -> bytes:
        own = self.answers.get(request["method"])
        if own is None:
            return self._forward(request)

        def ask(params: list[Any]) -> Any:
            return json.loads(self._forward({**request, "params": params}))["result"]

        try:
            said: dict[str, Any] = {"result": own(request["params"], ask)}
        except Refusal as refusal:
            said = {"error": {"code": -32000, "message": str(refusal)}}
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}).encode()

    def _forward(self, request: dict[str, Any]) -> bytes:
        return requests.post(self._target, json=request, timeout=90).content

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def proxy_of(target: str) -> Iterator[Proxy]:
    """One that runs as long as the block."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.stop()
