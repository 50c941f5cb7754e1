"""Numbers and health over HTTP: ``/metrics`` for Prometheus, ``/livez`` and ``/readyz`` for whoever restarts the node.

It is told what the node's reporter is told; only the lines of the log are counted by their events' names.
"""

from __future__ import annotations

import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.protocol import RoundRecord, View
from colearn_ledger.errors import ConfigError
from colearn_ledger.member.work import Verdict, Work

from .health import Health
from .worker.steps import Steps

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
        self._lag = Gauge("colearn_node_endpoint_lag_blocks", "Blocks behind the best endpoint", registry=reg)
        self._motions = Gauge("colearn_node_motions_to_vote", "Motions that wait for this member's vote", registry=reg)
        self._age = Gauge("colearn_node_view_age_seconds", "Since the chain was seen last", registry=reg)
        self._ether = Gauge("colearn_node_funds_ether", "What the account has", registry=reg)
        self._left = Gauge("colearn_node_funds_rounds", "Rounds that it pays for at today's price", registry=reg)
        for unknown in (self._ether, self._left):  # a zero would be alarming
            unknown.set(math.nan)
        self._steps_done = Gauge("colearn_node_training_steps_done", "Of the training that goes on", registry=reg)
        self._steps_all = Gauge("colearn_node_training_steps", "All of that training, 0 if there is none", registry=reg)
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
        # The pause after which it looks whether it is to stop: what closing takes.
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def line(self, level: str, event: str) -> None:
        """A line of the log."""
        self._events.labels(event, level).inc()

    def looked(self, view: View) -> None:
        """The contract's state, as it was just read."""
        self._round.set(view.round)
        self._accepted.set(view.accepted_round)
        self._block.set(view.block_number)
        self._deadline.set(view.deadline)
        self._phase.set(view.state)
        self._motions.set(len(view.motions_to_vote))

    def compared(self, heads: Heads) -> None:
        """Where the endpoints stand."""
        self._lag.set(heads.lag)

    def trains(self, steps: Steps | None) -> None:
        """How far a training is; None: there is none, or nobody knows."""
        self._steps_done.set(0 if steps is None else steps.done)
        self._steps_all.set(0 if steps is None else steps.of)

    def funds(self, ether: float, rounds: float) -> None:
        """What the account has, and for how many rounds that lasts."""
        self._ether.set(ether)
        self._left.set(rounds)

    def ended(self, record: RoundRecord) -> None:
        """A round that was decided, or missed."""
        self._rounds.labels(record.state.name.lower()).inc()

    def submitted(self, work: Work, receipt: Receipt) -> None:
        """A transaction, or an attempt that was needless or late: that has cost no gas."""
        self._gas.inc(receipt.gas)
        if receipt.outcome is Outcome.SENT and isinstance(work, Verdict) and work.test is not None:
            for score, label in ((work.test.vote_value, "proposal"), (work.test.current_score, "current")):
                if score is not None:
                    self._score.labels(label).set(score)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        plain = "text/plain; charset=utf-8"
        if path == "/metrics":
            self._ready.set(self._health.why_not_ready() is None)
            self._age.set(self._health.unseen_s)
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
