"""A real worker process with a real learner: what it hears, what it says, and how it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from colearn_node.wakeup import Wake
from colearn_node.worker.messages import Done, Failed, Job, Ready, Spec, Tidy
from colearn_node.worker.process import Died, Message, WorkerProcess

from colearn_ledger.core.decide import Action, Adopt, Judge, Propose
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.protocol import Proposal, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ColearnError, DataError, LearnerError
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Adopted, Nothing, Trained, Verdict
from colearn_ledger.stores.local import LocalStore
from colearn_ledger.stores.spec import StoreSpec

from ..kit.anvil import wait_until
from ..kit.builders import ref
from ..kit.node_learners import make

ROOT = Path(__file__).resolve().parents[2]
TREE = make(0).mli_get_current_weights().weights


def spec(folder: Path, factory: str, /, **options: object) -> Spec:
    learner = LearnerSpec(f"tests.kit.node_learners:{factory}", options, (ROOT, ROOT / "node"))
    return Spec(learner.elsewhere(), StoreSpec(None, folder, owner="a node"), 1 << 20, Schema.of(TREE))


class Bench:
    """A worker, and what it was heard to say so far."""

    def __init__(self, folder: Path, factory: str, /, **options: object) -> None:
        self.wake, self.printed = Wake(), list[str]()
        self.heard: list[Message] = []
        self.worker = WorkerProcess(spec(folder, factory, **options), self.wake, self.printed.append)

    def next(self) -> Message:
        """The next thing that it says; its wake comes after the thing was put down."""
        while not self.heard:
            assert self.wake.wait(90), "it says nothing"
            self.heard += self.worker.hear()
        return self.heard.pop(0)

    def does(self, number: int, action: Action) -> Message:
        self.worker.send(Job(number, action, 5.0))
        return self.next()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    started: list[Bench] = []

    def start(factory: str, /, **options: object) -> Bench:
        started.append(Bench(tmp_path / "weights", factory, **options))
        return started[-1]

    yield start
    for bench in started:
        bench.worker.kill()


def judge(weights: WeightsRef) -> Judge:
    return Judge(1, Proposal(bytes(32), weights, 1, approvals=0, rejections=0, hidden=0, need=1), secret=False)


def test_worker__adopts_trains_and_judges__says_so_without_the_weights(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    store = LocalStore(tmp_path / "weights")
    genesis = store.put(encode(TREE))
    bench = start("make", index=0)
    assert bench.next() == Ready(bench.worker.pid) and bench.worker.pid != os.getpid()
    assert bench.does(1, Adopt(0, genesis)) == Done(1, Adopted(genesis))
    trained = bench.does(2, Propose(1, genesis.sha256))
    assert isinstance(trained, Done) and trained.number == 2 and isinstance(trained.work, Trained)
    assert store.has(trained.work.weights) and trained.work.own_test.weights == Weights(None)
    judged = bench.does(3, judge(trained.work.weights))
    assert isinstance(judged, Done) and isinstance(judged.work, Verdict) and judged.work.test is not None
    assert judged.work.test.weights == Weights(None)
    other = store.put(encode({"w": TREE["w"] + 1}))
    assert isinstance(bench.does(4, judge(other)), Done)
    bench.worker.send(Tidy((genesis,)))
    missing = bench.does(5, judge(ref("elsewhere")))
    assert isinstance(missing, Done) and isinstance(missing.work, Nothing) and missing.number == 5
    assert not store.has(trained.work.weights) and store.has(genesis) and store.has(other)
    invalid = bench.does(6, judge(store.put(b"no weights")))
    assert isinstance(invalid, Done) and isinstance(invalid.work, Verdict) and invalid.work.test is None
    assert bench.worker.hear() == [] and bench.printed == []


@pytest.mark.parametrize(
    "factory, kind, says, trace",
    [("have_no_data", DataError, "there is no folder", ""), ("fail", LearnerError, "no data today", "RuntimeError")],
)
def test_worker__learner_that_can_not_be_made__says_why_and_ends(
    start: Callable[..., Bench], factory: str, kind: type[ColearnError], says: str, trace: str
) -> None:
    bench = start(factory)
    failed = bench.next()
    assert isinstance(failed, Failed) and failed.number == 0
    assert type(failed.error) is kind and says in str(failed.error) and trace in failed.trace
    assert bool(failed.trace) is bool(trace)
    assert bench.next() == Died(0)


def test_worker__job_that_fails__says_which_and_goes_on(tmp_path: Path, start: Callable[..., Bench]) -> None:
    bench = start("make", index=0)
    bench.next()
    wrong = LocalStore(tmp_path / "weights").put(b"no weights")
    failed = bench.does(7, Adopt(0, wrong))
    assert isinstance(failed, Failed) and failed.number == 7 and failed.trace == ""
    assert isinstance(bench.does(8, Propose(1, bytes(32))), Done)


def test_worker__what_the_learner_prints__comes_by_the_line(start: Callable[..., Bench]) -> None:
    bench = start("make_talker", index=0)
    assert isinstance(bench.next(), Ready)
    wait_until(lambda: len(bench.printed) == 2, "both lines have come")
    assert bench.printed == ["one", "two \N{REPLACEMENT CHARACTER}"]


def test_worker__dies__is_heard_and_what_is_sent_later_is_lost_without_a_word(start: Callable[..., Bench]) -> None:
    bench = start("die")
    assert bench.next() == Died(-9)
    bench.worker.send(Tidy(()))
    assert bench.worker.hear() == []


def test_kill__in_the_middle_of_its_work__is_gone_when_it_returns(tmp_path: Path, start: Callable[..., Bench]) -> None:
    (tmp_path / "hold-train-0").touch()
    bench = start("make_gated", index=0, folder=str(tmp_path))
    bench.next()
    bench.worker.send(Job(1, Propose(1, bytes(32)), 5.0))
    wait_until(lambda: any(tmp_path.glob("train-0-*")), "it trains")
    bench.worker.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(bench.worker.pid, 0)
    assert bench.next() == Died(-9)


def test_main__node_that_goes_without_a_word__the_process_ends(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*sys.path]))}
    with theirs:
        command = [sys.executable, "-m", "colearn_node.worker.main", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
    try:
        with Connection(ours.detach()) as connection:
            connection.send(spec(tmp_path, "make", index=0))
            assert connection.poll(90) and connection.recv() == Ready(process.pid)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()
