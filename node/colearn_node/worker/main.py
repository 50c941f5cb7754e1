"""The worker process: it owns the learner, and does the work that takes long (train, pull, test).

Started by :mod:`.process` as ``python -m colearn_node.worker.main FD LIFELINE``: one end of a socket pair, and the
reading end of a pipe that nobody writes to. When the pipe closes, however the node died, this process ends with all
that it has started. What the learner prints goes to the node's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, TypeVar

from colearn_ledger.backoff import Backoff
from colearn_ledger.core.failures import clean_text, told
from colearn_ledger.errors import ColearnError, LearnerError, StoreError
from colearn_node.worker.border import counted, plain_work
from colearn_node.worker.codec import MOST_SAID, packed, unpacked
from colearn_node.worker.keys import name_of
from colearn_node.worker.messages import (
    TIDIED,
    Begun,
    Checkpointed,
    Done,
    Failed,
    Job,
    Moved,
    Progress,
    PullAhead,
    Ready,
    Sound,
    Spec,
    Tidy,
)

if TYPE_CHECKING:
    from colearn_ledger.core.decide import Action
    from colearn_ledger.member import ahead
    from colearn_ledger.member.checkpoints import Checkpoints
    from colearn_ledger.member.prepare import Preparer
    from colearn_ledger.stores.base import Store

__all__ = ["Worker", "main"]

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1
_MOST_TRACE = 1 << 16  # characters
_MOST_POLICY = 200  # likewise
_MOST_TOLD = 1000
_PROGRESS_S = 1.0  # between two messages on it: a step may take a thousandth of that


def _die_with_the_node() -> None:
    """Have the kernel end this process with the node, on Linux.

    Elsewhere :meth:`Worker.listen` notices the node's end; but not while a learner's code lets no other thread run.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def _guarded(lifeline: int) -> Iterator[None]:
    """A shell that waits for the node's end and then ends this process's group: what the learner has started, too.

    The kernel's signal reaches this process alone, and the learner's processes know nothing of the node.
    """
    quiet = subprocess.DEVNULL
    guard = subprocess.Popen(["/bin/sh", "-c", "read _; kill -9 0"], stdin=lifeline, stdout=quiet, stderr=quiet)
    os.close(lifeline)
    try:
        yield
    finally:
        guard.kill()
        guard.wait()


class Worker:
    """Makes the learner that a :class:`.messages.Spec` names, and then does one job after the other.

    ``connection`` leads to the node.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox: queue.SimpleQueue[Job | Tidy] = queue.SimpleQueue()
        self._seen: deque[Job | Tidy] = deque()  # taken out of it, and not done yet
        self._ahead: ahead.Ahead | None = None
        self._progress_at = 0.0  # monotonic
        self._pid = os.getpid()
        self._policy = ""
        self._saying = threading.Lock()

    def run(self) -> None:
        """Until the node is gone, or the learner can't be made."""
        try:
            spec = unpacked(self._connection.recv_bytes(), Spec, max_depth=1000)
        except (EOFError, OSError):
            return  # the node has gone before it said anything
        threading.Thread(target=self.listen, daemon=True).start()
        preparer = self.make_preparer(spec)
        if preparer is None:
            with contextlib.suppress(Exception):  # the learner may have put anything in their place
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(0)  # threads that the learner has started don't keep the process
        self._ahead = _ahead_of(preparer)
        self._say(Ready(self._pid, self._policy))
        while True:
            self.do(self._seen.popleft() if self._seen else self._inbox.get(), preparer)

    def listen(self) -> None:
        """Take in jobs while others are done, and end the process with the node: training for nobody helps nobody."""
        try:
            while True:
                message = unpacked(self._connection.recv_bytes(), Job, Tidy, PullAhead)
                if not isinstance(message, PullAhead):
                    self._inbox.put(message)
                elif self._ahead is not None:
                    self._ahead.want(message.weights, message.parent_size)
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # the node starts another one

    def make_preparer(self, spec: Spec) -> Preparer | None:
        """The learner and its store; None when it can't be made, and the node knows why."""
        # numpy and the learner: in this process alone
        from colearn_ledger.learners.voting.policy import policy_name
        from colearn_ledger.member.prepare import Preparer

        def make() -> Preparer:
            learner = spec.learner.make()
            self._policy = clean_text(policy_name(learner), _MOST_POLICY)
            return Preparer(
                learner,
                self._open_store(spec),
                max_size=spec.max_size,
                schema=spec.schema,
                keep_contributions=spec.keep_contributions,
                checkpoints=self._checkpoints(spec),
            )

        return self._attempt(0, make, "the learner's factory")

    def _checkpoints(self, spec: Spec) -> Checkpoints | None:
        """Of a learner that was made already: its module is loaded."""
        from colearn_ledger.member.checkpoints import Checkpoints

        if spec.checkpoints is None:
            return None

        def tell(text: str, wrong: bool) -> None:
            self._say(Checkpointed(clean_text(text, _MOST_TOLD), wrong))

        place, learner = spec.checkpoints, spec.learner.identity()
        return Checkpoints(place.path, every_s=place.every_s, learner=learner, tell=tell)

    def _open_store(self, spec: Spec) -> Store:
        """The store, as soon as it can be used: one that is away comes back, and the learner is made but once."""
        failures = Backoff(longest_s=5.0)
        while True:
            try:
                return spec.store.open(lambda transfer: self._say(Moved(transfer)))
            except StoreError as e:
                pause = failures.add()
                if failures.times & (failures.times - 1) == 0:  # the first time, and then ever more rarely
                    self._say(Failed(-1, e, ""))
                time.sleep(pause)

    def do(self, job: Job | Tidy, preparer: Preparer) -> None:
        """One job, whose result or failure the node is told."""
        if isinstance(job, Tidy):
            mended = self._attempt(
                TIDIED, partial(preparer.tidy, job.needed, job.archive, job.wanted, job.archive_only, job.forgotten)
            )
            if mended is not None:
                self._say(Done(TIDIED, mended))
            return

        def work() -> Done:
            self._say(Begun(job.number))
            if job.wary:
                preparer.test_current()
                self._say(Sound(job.number))
            with _memory_told(job.action, preparer.learner):
                made = preparer.prepare(job.action, deadline_s=job.deadline_s, pause=partial(self.pause, preparer, job))
            return Done(job.number, *plain_work(made))

        done = self._attempt(job.number, work)
        if done is not None:
            self._say(done)

    def pause(self, preparer: Preparer, training: Job, done: int = 0, of: int = 0, /) -> bool:
        """Between two steps of a training: do what may be done beside it. Whether it goes on, or other work waits."""
        if of and time.monotonic() >= self._progress_at:
            self._progress_at = time.monotonic() + _PROGRESS_S
            self._say(Progress(training.number, *counted(done, of)))
        while not self._inbox.empty() or any(isinstance(message, Job) for message in self._seen):
            while not self._inbox.empty():
                self._seen.append(self._inbox.get())
            job = next((message for message in self._seen if isinstance(message, Job)), None)
            if job is not None and not job.beside:
                return False
            if job is not None:
                self._seen.remove(job)
                self.do(job, preparer)
        return True

    def _attempt(self, number: int, work: Callable[[], T], who: str = "the learner") -> T | None:
        """What comes of it; None when it failed. Whatever a learner's code raises, also to leave, is told.

        SIGINT is ignored here, so an interrupt, too, is one that the learner has made.
        """
        try:
            return work()
        except BaseException as e:
            trace = "" if isinstance(e, ColearnError) else _trace()
            self._say(Failed(number, told(e, who), trace))
        return None

    def _say(self, message: Ready | Begun | Checkpointed | Progress | Sound | Moved | Done | Failed) -> None:
        if os.getpid() != self._pid:
            os._exit(1)  # a fork of the learner's that came back: it doesn't speak for the worker
        data = packed(message)
        if len(data) > MOST_SAID and isinstance(message, Done):
            error = LearnerError(f"what the learner returned takes {len(data)} bytes to tell", expected=f"{MOST_SAID}")
            data = packed(Failed(message.number, error, ""))
        with self._saying:  # transfers tell from threads of their own
            self._connection.send_bytes(data)


def _memory_told(action: Action, learner: object) -> AbstractContextManager[None]:
    """Too little memory is told as that, and not as a learner's failure, whoever wrote the learner."""
    from colearn_ledger.learners.memory import memory_told, smaller_batches

    size = getattr(learner, "batch_size", None)
    fix = smaller_batches(size) if isinstance(size, int) else "smaller batches, or a smaller model"
    return memory_told(name_of(action), "this machine, or the device that it computes on", fix)


def _ahead_of(preparer: Preparer) -> ahead.Ahead:
    """What pulls for this member, beside whatever it does."""
    from colearn_ledger.member.ahead import Ahead

    return Ahead(preparer.store, preparer.schema)


def main(fd: int, lifeline: int) -> None:
    """The process's life: what it is made of comes first over the connection."""
    _die_with_the_node()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends the worker
    with _guarded(lifeline):
        Worker(Connection(fd)).run()


def _trace() -> str:
    try:
        return clean_text(traceback.format_exc(), _MOST_TRACE)
    except BaseException:  # an error's class is the learner's own
        return ""


if __name__ == "__main__":
    # By its real name, so that there is one module of it.
    importlib.import_module("colearn_node.worker.main").main(int(sys.argv[1]), int(sys.argv[2]))
