"""A real worker process with a real learner: what it hears, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from colearn_node.wakeup import Wake
from colearn_node.worker.codec import packed, unpacked
from colearn_node.worker.messages import Begun, Done, Failed, Job, PullAhead, Ready, Sound, Spec, Tidy
from colearn_node.worker.process import Died, Garbled, Message, WorkerProcess

from colearn_ledger.core.decide import Action, Adopt, Contribute, Judge, Propose
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.protocol import Proposal, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import ColearnError, DataError, LearnerError, TrainingStopped
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Adopted, Contributed, Nothing, Trained, Verdict
from colearn_ledger.stores.local import LocalStore
from colearn_ledger.stores.spec import StoreSpec

from ..kit.anvil import wait_until
from ..kit.builders import ref
from ..kit.node_learners import make

ROOT = Path(__file__).resolve().parents[2]
TREE = make(0).mli_get_current_weights().weights


def spec(folder: Path, factory: str, /, **options: object) -> Spec:
    """``factory``: of tests.kit.node_learners, if it names no other module of the kit."""
    module, _, name = factory.rpartition(":")
    learner = LearnerSpec(f"tests.kit.{module or 'node_learners'}:{name}", options, (ROOT, ROOT / "node"))
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
            self.heard += [message for message in self.worker.hear() if not isinstance(message, Begun)]
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


@pytest.mark.slow
def test_worker__something_to_pull_ahead__does_so_while_it_trains(tmp_path: Path, start: Callable[..., Bench]) -> None:
    others = LocalStore(tmp_path / "weights", owner="others")
    ahead = others.put(encode({"w": TREE["w"] + 1}))
    (tmp_path / "hold-train-0").touch()
    bench = start("make_gated", index=0, folder=str(tmp_path))
    genesis = others.put(encode(TREE))
    bench.next()
    bench.does(1, Adopt(0, genesis))
    bench.worker.send(Job(2, Propose(1, genesis.sha256), 5.0))
    wait_until(lambda: bool(list(tmp_path.glob("train-0-*"))), "a training")
    bench.worker.send(PullAhead((ahead,), genesis.size))
    mine = LocalStore(tmp_path / "weights", owner="a node")
    wait_until(lambda: ahead.cid in mine.kept(), "it has it")
    assert not [message for message in bench.worker.hear() if isinstance(message, Done | Failed)]
    (tmp_path / "hold-train-0").unlink()
    assert isinstance(bench.next(), Done)


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
    missing = bench.does(5, judge(replace(ref("elsewhere"), size=genesis.size)))
    assert isinstance(missing, Done) and isinstance(missing.work, Nothing) and missing.number == 5
    assert not store.has(trained.work.weights) and store.has(genesis) and store.has(other)
    invalid = bench.does(6, judge(store.put(b"no weights")))
    assert isinstance(invalid, Done) and isinstance(invalid.work, Verdict) and invalid.work.test is None
    assert bench.worker.hear() == [] and bench.printed == []


def in_training(bench: Bench, folder: Path, train: type[Propose] | type[Contribute]) -> tuple[LocalStore, WeightsRef]:
    """It has adopted the first weights, and job 2, its training of round 1, has begun: the store, and these weights."""
    store = LocalStore(folder / "weights")
    genesis = store.put(encode(TREE))
    bench.next()
    bench.does(1, Adopt(0, genesis))
    bench.worker.send(Job(2, train(1, genesis.sha256), 5.0))
    wait_until(lambda: (folder / "trains").exists(), "a training")
    return store, genesis


@pytest.mark.slow
def test_worker__other_work_comes_while_a_learner_trains_that_pauses__ends_the_training_and_does_it(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    bench = start("make_patient", index=0, folder=str(tmp_path))
    _, genesis = in_training(bench, tmp_path, Propose)
    bench.worker.send(Tidy((genesis,)))  # for which no training is ended
    bench.worker.send(Job(3, judge(genesis), 5.0))
    ended = bench.next()
    assert isinstance(ended, Failed) and ended.number == 2 and isinstance(ended.error, TrainingStopped)
    judged = bench.next()
    assert isinstance(judged, Done) and judged.number == 3 and isinstance(judged.work, Verdict)


def test_worker__a_vote_is_wanted_while_a_contribution_is_trained__votes_between_its_steps_and_trains_on(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    bench = start("make_pausing", index=0, folder=str(tmp_path))
    store, _ = in_training(bench, tmp_path, Contribute)
    bench.worker.send(Job(3, judge(store.put(encode({"w": TREE["w"] + 1}))), 5.0, beside=True))
    voted, contributed = bench.next(), bench.next()
    assert isinstance(voted, Done) and voted.number == 3 and isinstance(voted.work, Verdict)
    assert isinstance(contributed, Done) and contributed.number == 2 and isinstance(contributed.work, Contributed)
    alone = make(0)
    alone.mli_begin_round(1)
    assert store.get(contributed.work.weights) == encode(alone.mli_propose_weights().weights)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_main__node_that_goes_without_a_word__the_process_ends(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    lifeline, hold = os.pipe()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*sys.path]))}
    with theirs:
        command = [sys.executable, "-m", "colearn_node.worker.main", str(theirs.fileno()), str(lifeline)]
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno(), lifeline], env=environment, start_new_session=True
        )
    os.close(lifeline)
    try:
        with Connection(ours.detach()) as connection:
            connection.send_bytes(packed(spec(tmp_path, "make", index=0)))
            assert connection.poll(90) and unpacked(connection.recv_bytes(), Ready) == Ready(process.pid)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()
        os.close(hold)


# ------------------------------------------------------------------------------ what a learner can do to its node


def trains(bench: Bench, number: int) -> Message:
    return bench.does(number, Propose(number, bytes(32)))


def started_by(folder: Path) -> dict[int, Path]:
    return {int(path.name.split("-")[1]): path for path in folder.glob("child-*")}


def is_gone(pid: int) -> bool:
    """Whether it has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_worker__odd_results_and_errors__cross_as_plain_values_and_told_errors(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    bench = start("odd_learners:make", folder=str(tmp_path))
    assert isinstance(bench.next(), Ready)
    done = trains(bench, 5)
    assert isinstance(done, Done) and isinstance(done.work, Trained) and done.work.own_test is not None
    test = done.work.own_test
    assert type(test) is ProposedWeights and type(test.vote_score) is dict and list(test.vote_score) == ["mse"]
    assert type(test.vote_score["mse"]) is float and type(test.current_score) is float
    shown = dict(test.evaluation_results or {})
    assert math.isnan(shown.pop("nan"))
    assert shown == {
        "fine": 1,
        "numpy": 0.5,
        "array without shape": 7,
        "list": [1, "a", None, {"b": [True]}],
        "half": "a ? surrogate",
    }
    left_out = {note.partition(" can't")[0] for note in done.notes}
    odd = ("mine", "lock", "array", "cycle", "huge", "bytes")
    assert left_out == {"vote_score['other']", *(f"evaluation_results['{name}']" for name in odd)}
    wanted = {
        1: (LearnerError, "Textless: (its text can't be had: RuntimeError)"),
        2: (DataError, "MyDataError: the disk is gone"),
        3: (LearnerError, "the learner ended the process (code 3)"),
        4: (LearnerError, "KeyboardInterrupt"),
    }
    for number, (kind, says) in wanted.items():
        failed = trains(bench, number)
        assert isinstance(failed, Failed) and failed.number == number
        assert type(failed.error) is kind and says in failed.error.what
    assert isinstance(trains(bench, 6), Done), "it goes on"


@pytest.mark.slow
def test_worker__wary_job__says_that_the_current_weights_could_be_tested(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    bench = start("make", index=0)
    bench.next()
    proposed = LocalStore(tmp_path / "weights").put(encode(TREE))
    bench.worker.send(Job(1, judge(proposed), 5.0, wary=True))
    assert bench.next() == Sound(1)
    done = bench.next()
    assert isinstance(done, Done) and isinstance(done.work, Verdict)


@pytest.mark.slow
@pytest.mark.parametrize("number, kind", [(10, Died), (13, Garbled)])
def test_worker__dies_or_talks_wildly_with_children_that_keep_its_channel__is_noticed_and_they_end(
    tmp_path: Path, start: Callable[..., Bench], number: int, kind: type[Message]
) -> None:
    bench = start("odd_learners:make", folder=str(tmp_path))
    bench.next()
    heard = trains(bench, number)
    assert isinstance(heard, kind)
    assert kind is Garbled or heard == Died(-9)
    bench.worker.kill()
    wait_until(lambda: all(map(is_gone, started_by(tmp_path))), "the learner's processes have ended")


@pytest.mark.slow
def test_worker__fork_of_the_learner_that_comes_back__does_not_speak_for_it(
    tmp_path: Path, start: Callable[..., Bench]
) -> None:
    bench = start("odd_learners:make", folder=str(tmp_path))
    bench.next()
    assert isinstance(trains(bench, 12), Done)
    assert isinstance(trains(bench, 14), Done) and bench.worker.hear() == []


def test_kill__processes_that_the_learner_has_started__end_with_it(tmp_path: Path, start: Callable[..., Bench]) -> None:
    bench = start("odd_learners:make", folder=str(tmp_path))
    bench.next()
    assert isinstance(trains(bench, 11), Done)
    children = started_by(tmp_path)
    assert len(children) == 3 and not any(map(is_gone, children))
    bench.worker.kill()
    wait_until(lambda: all(map(is_gone, children)), "the learner's processes have ended")


@pytest.mark.slow
@pytest.mark.parametrize(
    "factory, options, says",
    [
        ("make_and_exit", {"code": 0}, "the learner's factory ended the process (code 0)"),
        ("make_and_leave_threads", {}, "the learner's factory failed: Textless"),
        pytest.param("make_interrupted", {}, "the learner's factory failed: KeyboardInterrupt", marks=pytest.mark.slow),
    ],
)
def test_worker__factory_that_wants_to_leave_or_leaves_threads__says_so_and_ends(
    start: Callable[..., Bench], factory: str, options: dict[str, object], says: str
) -> None:
    bench = start(f"odd_learners:{factory}", **options)
    failed = bench.next()
    assert isinstance(failed, Failed) and says in failed.error.what
    assert bench.next() == Died(0)


@pytest.mark.slow
def test_worker__factory_that_vanishes__is_heard_with_its_code(start: Callable[..., Bench]) -> None:
    assert start("odd_learners:make_and_vanish", code=0).next() == Died(0)


NODE = """
import sys, time
from pathlib import Path
from colearn_node.worker.messages import Job
from colearn_node.worker.process import WorkerProcess
from colearn_ledger.core.decide import Propose
from tests.node.test_worker_process import spec
folder = Path(sys.argv[1])
worker = WorkerProcess(spec(folder / "weights", "odd_learners:make", folder=sys.argv[1]), lambda: None, print)
worker.send(Job(1, Propose(11, bytes(32)), 5.0))
(folder / f"child-{worker.pid}").touch()
time.sleep(600)
"""


@pytest.mark.slow
def test_node__killed_hard__worker_and_what_its_learner_has_started_end(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "node"), *sys.path])}
    node = subprocess.Popen([sys.executable, "-c", NODE, str(tmp_path)], env=environment)
    children: dict[int, Path] = {}
    try:
        wait_until(lambda: len(started_by(tmp_path)) == 4, "the learner has started its processes", 90)
        children = started_by(tmp_path)
        node.kill()
        node.wait()
        near = [pid for pid, path in children.items() if not path.name.endswith("-away")]
        wait_until(lambda: all(map(is_gone, near)), "worker and learner's processes have ended")
    finally:
        node.kill()
        node.wait()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
