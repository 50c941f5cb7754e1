"""Numbers and health over HTTP, asked by a real client."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from colearn_node.health import Health
from colearn_node.metrics import Metrics
from colearn_node.reporter import Reporter
from colearn_node.worker.steps import Steps

from colearn_ledger.chain.endpoints import Heads
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Advance, Judge
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.errors import ConfigError

from ..kit.builders import proposal, record, view
from ..kit.fakes import Clock, Lines, work_of


class Bench:
    def __init__(self) -> None:
        self.clock, self.log = Clock(), Lines()
        self.health = Health(1.0, self.clock)
        self.metrics = Metrics("127.0.0.1:0", self.health)
        self.log.listener = self.metrics.line
        self.reporter = Reporter(self.log, self.metrics)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics.port}{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return int(error.code), error.read().decode()

    def number(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(*_sample(name))


def _sample(name: str) -> tuple[str, dict[str, str]]:
    name, _, labels = name.partition("{")
    pairs = [tuple(pair.split("=")) for pair in labels.rstrip("}").split(",") if pair]
    return f"colearn_node_{name}", dict(pairs)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with contextlib.closing(made.metrics):
        yield made


def test_livez__loop_goes_round_then_stands_still__200_then_503_with_the_reason(bench: Bench) -> None:
    assert bench.get("/livez") == (200, "ok\n")
    bench.clock.now += 400
    assert bench.get("/livez") == (503, "the loop stands still since 400 s\n")
    bench.health.looped()
    assert bench.get("/livez") == (200, "ok\n")


def test_readyz__each_thing_that_is_amiss__503_with_the_reason(bench: Bench) -> None:
    assert bench.get("/readyz") == (503, "the chain has not been seen yet\n")
    bench.health.looked(can_work=False)
    assert bench.get("/readyz") == (503, "the learner doesn't hold the accepted weights yet\n")
    bench.health.looked(can_work=True)
    assert bench.get("/readyz") == (200, "ok\n")
    bench.clock.now += 100
    assert bench.get("/readyz") == (503, "the chain was seen last 100 s ago\n")


def test_metrics__ready__is_as_readyz_says(bench: Bench) -> None:
    assert "colearn_node_ready 0.0" in bench.get("/metrics")[1]
    bench.health.looked(can_work=True)
    assert "colearn_node_ready 1.0" in bench.get("/metrics?x=1")[1]


def test_metrics__view__its_numbers(bench: Bench) -> None:
    bench.reporter.looked(view(state=RoundState.VOTING, motions_to_vote=(b"m" * 32,)))
    bench.reporter.compared(Heads("http://a", 100, "http://b", 107, 7))
    names = ("round", "accepted_round", "block", "deadline_seconds", "phase", "motions_to_vote", "endpoint_lag_blocks")
    assert [bench.number(name) for name in names] == [7, 3, 5, 2000, 1, 1, 7]


def test_metrics__chain_not_seen__for_how_long(bench: Bench) -> None:
    bench.health.looked(can_work=True)
    bench.clock.now += 42
    assert "colearn_node_view_age_seconds 42.0" in bench.get("/metrics")[1]


def test_metrics__funds__unknown_until_they_are_told(bench: Bench) -> None:
    assert "colearn_node_funds_ether NaN" in bench.get("/metrics")[1], "a zero would raise an alarm"
    bench.metrics.funds(0.25, 12.0)
    assert (bench.number("funds_ether"), bench.number("funds_rounds")) == (0.25, 12)


def test_metrics__steps_of_a_training__are_there_while_it_goes_on(bench: Bench) -> None:
    bench.reporter.trains(Steps(4, 120, 1000, 30.0, (1, 0.0)))
    assert (bench.number("training_steps_done"), bench.number("training_steps")) == (120, 1000)
    bench.reporter.trains(None)
    assert (bench.number("training_steps_done"), bench.number("training_steps")) == (0, 0)


def test_metrics__rounds_gas_and_scores__are_counted(bench: Bench) -> None:
    for state in (RoundState.ACCEPTED, RoundState.MISSED, RoundState.MISSED):
        bench.reporter.ended([record(6, state)])
    verdict = work_of(Judge(7, proposal(), False))
    for work, receipt in (
        (verdict, Receipt(Outcome.SENT, b"t" * 32, 9, 31_000)),
        (Advance(7), Receipt(Outcome.SENT, b"t" * 32, 9, 56_000)),
        (verdict, Receipt(Outcome.TOO_LATE)),
    ):
        bench.reporter.submitted(work, receipt)
    assert bench.number("rounds_total{outcome=accepted}") == 1 and bench.number("rounds_total{outcome=missed}") == 2
    assert bench.number("gas_total") == 87_000
    assert bench.number("score{of=proposal}") == 0.75 and bench.number("score{of=current}") == 0.5
    assert bench.number("events_total{event=vote,level=info}") == 1
    assert bench.number("events_total{event=vote,level=warning}") == 1


def test_metrics__vote_that_was_not_sent__its_scores_are_not_shown(bench: Bench) -> None:
    bench.reporter.submitted(work_of(Judge(7, proposal(), False)), Receipt(Outcome.TOO_LATE))
    assert bench.number("score{of=proposal}") is None and bench.number("gas_total") == 0


def test_path__unknown__404_and_what_there_is(bench: Bench) -> None:
    assert bench.get("/health") == (404, "/metrics, /livez or /readyz\n")


def test_listen__port_that_is_taken__says_so(bench: Bench) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.listen is 127\.0\.0\.1:\d+: .*in use"):
        Metrics(f"127.0.0.1:{bench.metrics.port}", bench.health)


@pytest.mark.slow
def test_close__port__is_free_again() -> None:
    made = Bench()
    made.metrics.close()
    with contextlib.closing(Metrics(f"127.0.0.1:{made.metrics.port}", made.health)) as again:
        assert again.port == made.metrics.port


def test_metrics__asked_by_prometheus__200_in_its_format(bench: Bench) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.metrics.port}/metrics", timeout=10) as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
