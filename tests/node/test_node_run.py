"""The loop's run: what it waits for, survives, and ends of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from colearn_node.wakeup import Wake

from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    ContractError,
    KeyFileError,
    NoContract,
    NotAMember,
    SchemaMismatch,
    StoreError,
    WrongChain,
)

from ..kit.builders import view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import Bench


class Impatient(Wake):
    """Waits no longer than a step: ``steps`` says what comes before each of the next ones, and then the node stops."""

    def __init__(self, bench: Bench, *steps: Callable[[], object]) -> None:
        super().__init__()
        self._bench, self._steps = bench, iter(steps)
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self._bench.clock.now += seconds
        next(self._steps, self._bench.node.stop)()
        return True


def runs(bench: Bench, *steps: Callable[[], object]) -> list[float]:
    """The node's pauses as these things happen to it, one after the other."""
    wake = Impatient(bench, *steps)
    bench.node.wake = wake
    bench.node.run()
    return wake.pauses


def nothing() -> None:
    pass


def test_run__chain_fails__is_said_ever_more_rarely_and_looked_at_as_often_as_ever() -> None:
    bench = Bench(FakeLedger(view(), error=ChainError("no answer", fix="look")), poll_interval=0.3)

    def comes_back() -> None:
        assert bench.health.why_not_ready() == "no answer"
        bench.ledger.error = None

    def fails_again() -> None:
        assert bench.health.failure is None
        bench.ledger.error = ChainError("no answer")

    pauses = runs(bench, *[nothing] * 99, comes_back, fails_again)
    said = bench.log.events("chain")
    assert [line.partition(";")[0].partition(" (")[0] for line in said] == ["no answer"] * 8
    assert "to fix: look; again in" in said[0] and "(64 times)" in said[6] and "times" not in said[7]
    assert all(0.15 <= pause <= 0.3 for pause in pauses[:100]), "no time is lost when it is back"
    assert not bench.worker.alive, "the worker ends with the loop"


def test_run__alive__while_the_loop_goes_round() -> None:
    bench = Bench(FakeLedger(view(), error=ChainError("no answer")))

    def long_after() -> None:
        bench.clock.now += 1000
        assert bench.health.why_not_alive() is not None

    runs(bench, long_after, lambda: pytest.fail("dead") if bench.health.why_not_alive() else None)


@pytest.mark.parametrize(
    "error",
    [
        WrongChain("another"),
        ArtifactError("odd"),
        NoContract("gone"),
        NotAMember("no seat", name="NotAMember"),
        ContractError("reverts"),
        StoreError("no room"),
        KeyFileError("unreadable"),
    ],
)
def test_run__whatever_a_look_raises__is_said_and_the_node_goes_on(error: ColearnError) -> None:
    bench = Bench(FakeLedger(view(), error=error))

    def passes() -> None:
        assert bench.health.why_not_ready() == error.what
        bench.ledger.error = None

    runs(bench, nothing, passes, nothing)
    assert bench.log.events("chain")[0].startswith(error.what) and bench.ledger.looks >= 1
    assert bench.health.failure is None


def test_run__an_error_that_nobody_foresaw__is_told_with_its_traceback_and_the_node_goes_on() -> None:
    bench = Bench(FakeLedger(view()))
    bench.ledger.error = ZeroDivisionError("by zero")  # type: ignore[assignment]

    def passes() -> None:
        assert bench.health.why_not_ready() == "ZeroDivisionError('by zero')"
        bench.ledger.error = None

    pauses = runs(bench, *[nothing] * 9, passes, nothing)
    assert len(bench.log.events("bug")) == 4 and "ZeroDivisionError: by zero" in bench.log.events("bug")[0]
    assert all("Traceback" in trace and "in view" in trace for trace in bench.log.events("trace"))
    assert 2 < max(pauses) <= 15 and bench.ledger.looks >= 1


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit])
def test_run__what_is_to_end_a_program__ends_it(ends: type[BaseException]) -> None:
    bench = Bench(FakeLedger(view()))
    bench.ledger.error = ends()  # type: ignore[assignment]
    with pytest.raises(ends):
        bench.node.run()
    assert not bench.worker.alive


def test_run__accepted_weights_that_can_never_fit__ends_the_node() -> None:
    bench = Bench()

    def adopts_in_vain() -> None:
        bench.worker.fails(SchemaMismatch("another model's"))

    with pytest.raises(SchemaMismatch):
        runs(bench, lambda: bench.worker.is_ready(), adopts_in_vain, nothing)
    assert not bench.worker.alive
