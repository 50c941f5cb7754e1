"""A node's endpoint, in front of the chain, that may fail in any way: it passes bytes on until told otherwise."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Cut", "Edit", "Endpoint", "Raw"]

HOST = "127.0.0.1"
# Gets the request's bytes and what passes them on; gives status and body. Raises Cut to end the connection unanswered.
Raw = Callable[[bytes, Callable[[bytes], bytes]], tuple[int, bytes]]
# Gets one call and the chain's reply to it; gives the reply that the node gets.
Edit = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


class Cut(Exception):
    """The connection ends without an answer."""


class Endpoint:
    """The endpoint at ``url``.

    Attributes
    ----------
    port: of the chain that is behind it.
    raw: what it does with a request; None passes it on.
    heals: set when the fault has ended, which lets those go that wait meanwhile.
    asked: how many requests met the fault.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.raw: Raw | None = None
        self.heals = threading.Event()
        self.asked = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, content = endpoint.answer(body)
                except (Cut, OSError, http.client.HTTPException):
                    self.close_connection = True
                    with contextlib.suppress(OSError):
                        self.connection.shutdown(socket.SHUT_RDWR)
                    return
                with contextlib.suppress(OSError):  # the node may be dead
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # callers get killed in the middle of a word here
                pass

        self._behind = threading.local()
        self._server = Server((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        raw = self.raw
        if raw is None:
            return 200, self.forward(body)
        self.asked += 1
        return raw(body, self.forward)

    def forward(self, body: bytes) -> bytes:
        """The chain's answer, over a connection that this thread keeps."""
        port = self.port
        kept: tuple[int, http.client.HTTPConnection] | None = getattr(self._behind, "kept", None)
        if kept is None or kept[0] != port:
            kept = port, http.client.HTTPConnection(HOST, port, timeout=60)
            self._behind.kept = kept
        try:
            kept[1].request("POST", "/", body, {"Content-Type": "application/json"})
            return kept[1].getresponse().read()
        except BaseException:
            kept[1].close()  # the next request connects again
            raise

    @contextlib.contextmanager
    def failing(self, raw: Raw) -> Iterator[None]:
        """Fail like this for as long as the block takes."""
        self.heals.clear()
        self.asked, self.raw = 0, raw
        try:
            yield
        finally:
            self.raw = None
            self.heals.set()

    def editing(self, edit: Edit) -> contextlib.AbstractContextManager[None]:
        """Change the replies like this for as long as the block takes."""

        def raw(body: bytes, forward: Callable[[bytes], bytes]) -> tuple[int, bytes]:
            calls, replies = json.loads(body), json.loads(forward(body))
            if isinstance(calls, dict):
                return 200, json.dumps(edit(calls, replies)).encode()
            by_id = {call["id"]: call for call in calls}
            return 200, json.dumps([edit(by_id[reply["id"]], reply) for reply in replies]).encode()

        return self.failing(raw)

    def close(self) -> None:
        self.heals.set()
        self._server.shutdown()
        self._server.server_close()
