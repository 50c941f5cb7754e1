"""Numbers and health over HTTP: ``/metrics`` for Prometheus, ``/livez`` and ``/readyz`` for whoever restarts the node.

Counters come from the log's events, gauges from the view, so nothing is counted in two places.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from colearn_ledger.core.protocol import View
from colearn_ledger.errors import ConfigError

from .health import Health

__all__ = ["Metrics"]


class Metrics:
    """The numbers, and the server that shows them.

    Parameters
    ----------
    listen: ``host:port``; port 0 takes any that is free (:attr:`port` says which).
    health: asked by ``/livez`` and ``/readyz``.
    """

    def __init__(self, listen: str, health: Health) -> None:
        self.registry = CollectorRegistry()
        self._health = health
        reg = self.registry
        self._events = Counter("colearn_node_events", "Log events", ["event", "level"], registry=reg)
        self._rounds = Counter("colearn_node_rounds", "Rounds that ended while it ran", ["outcome"], registry=reg)
        self._gas = Counter("colearn_node_gas", "Gas used by its transactions", registry=reg)
        self._score = Gauge("colearn_node_score", "Score of the last proposal tested", ["of"], registry=reg)
        self._round = Gauge("colearn_node_round", "Current round", registry=reg)
        self._accepted = Gauge("colearn_node_accepted_round", "Round of the accepted weights", registry=reg)
        self._block = Gauge("colearn_node_block", "Block of the last view", registry=reg)
        self._deadline = Gauge("colearn_node_deadline_seconds", "Deadline of the current phase", registry=reg)
        self._phase = Gauge("colearn_node_phase", "0 proposing, 1 voting, 2 revealing", registry=reg)
        self._ready = Gauge("colearn_node_ready", "1 if /readyz says so", registry=reg)
        host, _, port = listen.rpartition(":")
        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(self))
        except OSError as e:
            raise ConfigError(
                f"metrics.listen is {listen}: {e.strerror or e}", fix="name a free port on this machine"
            ) from e
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def event(self, level: str, event: str, facts: dict[str, Any]) -> None:
        """A line of the log."""
        self._events.labels(event, level).inc()
        if event == "outcome":
            self._rounds.labels(facts["outcome"]).inc()
        if "gas" in facts:
            self._gas.inc(facts["gas"])
        for key, label in (("score", "proposal"), ("current_score", "current")):
            if facts.get(key) is not None:
                self._score.labels(label).set(facts[key])

    def view(self, view: View) -> None:
        """The contract's state, as it was just read."""
        self._round.set(view.round)
        self._accepted.set(view.accepted_round)
        self._block.set(view.block_number)
        self._deadline.set(view.deadline)
        self._phase.set(view.state)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        plain = "text/plain; charset=utf-8"
        if path == "/metrics":
            self._ready.set(self._health.why_not_ready() is None)
            return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self.registry)
        asked = {"/livez": self._health.why_not_alive, "/readyz": self._health.why_not_ready}.get(path)
        if asked is None:
            return 404, plain, b"/metrics, /livez or /readyz\n"
        why = asked()
        return (200, plain, b"ok\n") if why is None else (503, plain, f"{why}\n".encode())


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds: a client that says nothing holds no thread

        def do_GET(self) -> None:
            status, kind, body = metrics.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are no news."""

    return Handler
