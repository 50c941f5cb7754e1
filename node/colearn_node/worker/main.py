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
from multiprocessing.connection import Connection
from typing import Any

from colearn_ledger.errors import ColearnError, LearnerError
from colearn_ledger.member.work import Trained, Verdict, Work
from colearn_node.worker.messages import Discard, Done, Failed, Job, Ready, Spec

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def _die_with_the_node() -> None:
    """Have the kernel end this process with the node, on Linux.

    Elsewhere :func:`main` notices the node's end itself; but not while a learner's code lets no other thread run.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(fd: int) -> None:
    """The worker's life: make the learner, then do one job after the other."""
    _die_with_the_node()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends the worker
    connection = Connection(fd)
    spec: Spec = connection.recv()
    inbox: queue.SimpleQueue[Job | Discard] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                inbox.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # the node is gone; training for nobody helps nobody

    def attempt(number: int, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except ColearnError as e:
            connection.send(Failed(number, e, ""))
        except Exception as e:  # a learner's own fault, which must not end the watching
            error = LearnerError(f"the learner failed: {type(e).__name__}: {e}", fix="see the traceback above")
            connection.send(Failed(number, error, traceback.format_exc()))
        return None

    threading.Thread(target=listen, daemon=True).start()

    def prepare_everything() -> Any:
        from colearn_ledger.member.prepare import Preparer

        learner = spec.learner.make()
        return Preparer(learner, spec.store.open(), max_size=spec.max_size, schema=spec.schema)

    preparer = attempt(0, prepare_everything)
    if preparer is None:
        return
    connection.send(Ready(os.getpid()))

    def do(job: Job | Discard) -> None:
        if isinstance(job, Discard):
            attempt(-1, lambda: preparer.discard(job.refs))
            return
        work = attempt(job.number, lambda: preparer.prepare(job.action, deadline_s=job.deadline_s))
        if work is not None:
            connection.send(Done(job.number, _light(work)))

    while True:
        do(inbox.get())


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
