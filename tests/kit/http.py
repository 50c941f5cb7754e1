"""An HTTP server that does what it is told to, byte by byte."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Handle", "http_server"]

# Gets what was posted, and the handler, to which it writes the answer.
Handle = Callable[[bytes, BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def http_server(handle: Handle) -> Iterator[str]:
    """Its URL; it runs as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            with contextlib.suppress(OSError):  # whoever asked has gone
                handle(self.rfile.read(int(self.headers["Content-Length"])), self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
