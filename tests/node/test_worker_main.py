"""What a worker says of its work where that can't be said as it is; no process is started."""

from __future__ import annotations

from multiprocessing import Pipe
from typing import Any, cast

from colearn_node.worker.codec import MOST_SAID, unpacked
from colearn_node.worker.main import Worker
from colearn_node.worker.messages import Begun, Done, Failed, Job, Progress

from colearn_ledger.core.decide import Action, Adopt
from colearn_ledger.core.learner import Pause
from colearn_ledger.errors import LearnerError, OutOfMemory
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.work import Adopted, Declined, Work

from ..kit.builders import ref
from ..kit.learners import LinearLearner


class Prepared:
    """A preparer whose work is done already, or fails in one way."""

    learner = LinearLearner(0)

    def __init__(self, work: Work | BaseException) -> None:
        self._work = work

    def prepare(self, action: Action, *, deadline_s: float, pause: Pause) -> Work:
        if isinstance(self._work, BaseException):
            raise self._work
        return self._work


def said(work: Work | BaseException) -> Done | Failed:
    """What the node hears of job 7."""
    ours, workers = Pipe()
    with ours, workers:
        Worker(workers).do(Job(7, Adopt(0, ref("accepted")), 1.0), cast(Preparer, Prepared(work)))
        assert unpacked(ours.recv_bytes(), Begun) == Begun(7)
        data = ours.recv_bytes()
    assert len(data) <= MOST_SAID
    heard: Done | Failed = unpacked(data, Done, Failed)
    return heard


def test_worker__its_result_can_be_told__is_told() -> None:
    assert said(Adopted(ref("accepted"))) == Done(7, Adopted(ref("accepted")))


def test_worker__its_result_is_too_long_to_tell__that_is_told() -> None:
    heard = said(Declined(3, "x" * MOST_SAID))
    assert isinstance(heard, Failed) and isinstance(heard.error, LearnerError) and heard.number == 7
    assert heard.error.expected == f"{MOST_SAID}" and "takes 10" in heard.error.what


class Training(Prepared):
    """One whose work is a training of many steps, each of no time."""

    def prepare(self, action: Action, *, deadline_s: float, pause: Pause) -> Work:
        assert all(pause(done, 500) for done in range(1, 501)) and pause()
        return super().prepare(action, deadline_s=deadline_s, pause=pause)


def test_worker__a_training_of_many_steps__tells_the_first_and_not_each() -> None:
    work = Adopted(ref("accepted"))
    ours, workers = Pipe()
    with ours, workers:
        Worker(workers).do(Job(7, Adopt(0, ref("accepted")), 1.0), cast(Preparer, Training(work)))
        assert unpacked(ours.recv_bytes(), Begun) == Begun(7)
        assert unpacked(ours.recv_bytes(), Progress) == Progress(7, 1, 500)
        heard: list[Progress | Done] = [unpacked(ours.recv_bytes(), Progress, Done)]
        while heard[-1] != Done(7, work):
            heard.append(unpacked(ours.recv_bytes(), Progress, Done))
    assert len(heard) < 100


class _Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name == "__qualname__":
            raise KeyboardInterrupt
        return super().__getattribute__(name)


def test_worker__an_error_whose_class_spoils_its_trace__is_told_without() -> None:
    odd = _Nameless("Odd", (Exception,), {})
    heard = said(odd("out of data"))
    assert isinstance(heard, Failed) and isinstance(heard.error, LearnerError)
    assert (heard.number, heard.trace) == (7, "") and "Odd: out of data" in heard.error.what


def test_worker__too_little_memory_in_whatever_words__is_told_as_that() -> None:
    for error in (MemoryError(), RuntimeError("CUDA error: out of memory")):
        heard = said(error)
        assert isinstance(heard, Failed) and isinstance(heard.error, OutOfMemory) and not heard.trace
        assert heard.error.what.startswith("adopting found too little memory")
        assert heard.error.fix == "smaller batches, or a smaller model"


def test_worker__an_error__is_told_with_its_trace() -> None:
    heard = said(ValueError("out of data"))
    assert isinstance(heard, Failed) and "ValueError: out of data" in heard.trace and "Traceback" in heard.trace
