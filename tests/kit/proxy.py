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
    replies: asked first, with each method (``batch``: of several requests); its HTTP status and body, if it gives some,
        are all that is sent.
    """

    def __init__(self, target: str) -> None:
        self.methods: list[str] = []
        self.swallow: set[str] = set()
        self.answers: dict[str, Answer] = {}
        self.replies: Callable[[str], tuple[int, bytes, dict[str, str]] | None] = lambda method: None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                method = "batch" if isinstance(request, list) else request["method"]
                proxy.methods.append(method)
                reply = proxy.replies(method)
                if reply is not None:
                    self._send(*reply)
                    return
                content = proxy.answer(request)
                if method in proxy.swallow:
                    proxy.swallow.discard(method)
                    self.close_connection = True
                    return  # the chain has had it, and the caller will never know
                self._send(200, content, {})

            def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: Any) -> bytes:
        if isinstance(request, list):
            return b"[" + b",".join(self.answer(one) for one in request) + b"]"
        own = self.answers.get(request["method"])
        if own is None:
            return self.forward(request)

        def ask(params: list[Any]) -> Any:
            return json.loads(self.forward({**request, "params": params}))["result"]

        try:
            said: dict[str, Any] = {"result": own(request["params"], ask)}
        except Refusal as refusal:
            said = {"error": {"code": -32000, "message": str(refusal)}}
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}).encode()

    def forward(self, request: Any) -> bytes:
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
