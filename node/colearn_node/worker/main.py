"""The worker process: it owns the learner, and does the work that takes long (train, pull, test).

Started by :mod:`.process` as ``python -m colearn_node.worker.main FD``, with one end of a socket pair. When the other
end closes, however the node died, the worker leaves at once. What the learner prints goes to the node's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, TypeVar

from colearn_ledger.errors import ColearnError, LearnerError
from colearn_ledger.member.work import Trained, Verdict, Work
from colearn_node.worker.messages import Done, Failed, Job, Ready, Spec, Tidy

if TYPE_CHECKING:
    from colearn_ledger.member.prepare import Preparer

__all__ = ["Worker", "main"]

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1


def _die_with_the_node() -> None:
    """Have the kernel end this process with the node, on Linux.

    Elsewhere :meth:`Worker.listen` notices the node's end; but not while a learner's code lets no other thread run.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Worker:
    """Makes the learner that a :class:`.messages.Spec` names, and then does one job after the other.

    ``spec`` says what it is made of; ``connection`` leads to the node.
    """

    def __init__(self, spec: Spec, connection: Connection) -> None:
        self._spec, self._connection = spec, connection
        self._inbox: queue.SimpleQueue[Job | Tidy] = queue.SimpleQueue()

    def run(self) -> None:
        """Until the node is gone, or the learner can't be made."""
        threading.Thread(target=self.listen, daemon=True).start()
        preparer = self.make_preparer()
        if preparer is None:
            return
        self._connection.send(Ready(os.getpid()))
        while True:
            self.do(self._inbox.get(), preparer)

    def listen(self) -> None:
        """Take in jobs while others are done, and end the process with the node: training for nobody helps nobody."""
        try:
            while True:
                self._inbox.put(self._connection.recv())
        except (EOFError, OSError):
            os._exit(0)

    def make_preparer(self) -> Preparer | None:
        """The learner and its store; None when it can't be made, and the node knows why."""
        from colearn_ledger.member.prepare import Preparer  # numpy and the learner: in this process alone

        spec = self._spec

        def make() -> Preparer:
            learner = spec.learner.make()
            return Preparer(learner, spec.store.open(), max_size=spec.max_size, schema=spec.schema)

        return self._attempt(0, make)

    def do(self, job: Job | Tidy, preparer: Preparer) -> None:
        """One job, whose result or failure the node is told."""
        if isinstance(job, Tidy):
            self._attempt(-1, partial(preparer.tidy, job.needed, job.archive))
            return
        work = self._attempt(job.number, lambda: preparer.prepare(job.action, deadline_s=job.deadline_s))
        if work is not None:
            self._connection.send(Done(job.number, _light(work)))

    def _attempt(self, number: int, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except ColearnError as e:
            self._connection.send(Failed(number, e, ""))
        except Exception as e:  # a learner's own fault, which must not end the watching
            error = LearnerError(f"the learner failed: {type(e).__name__}: {e}", fix="see the traceback above")
            self._connection.send(Failed(number, error, traceback.format_exc()))
        return None


def main(fd: int) -> None:
    """The process's life: what it is made of comes first over the connection."""
    _die_with_the_node()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends the worker
    connection = Connection(fd)
    spec: Spec = connection.recv()
    Worker(spec, connection).run()


def _light(work: Work) -> Work:
    """The same without the weights, which may be large and which nobody needs outside."""
    from colearn_ledger.core.learner import Weights

    if isinstance(work, Trained):
        return replace(work, own_test=replace(work.own_test, weights=Weights(None)))
    if isinstance(work, Verdict) and work.test is not None:
        return replace(work, test=replace(work.test, weights=Weights(None)))
    return work


if __name__ == "__main__":
    # By its real name, so that what is pickled here and there are the same classes.
    importlib.import_module("colearn_node.worker.main").main(int(sys.argv[1]))
