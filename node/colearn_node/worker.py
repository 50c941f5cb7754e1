"""The worker process: it owns the learner, and does the work that takes long (train, pull, test).

Started by :mod:`.process` as ``python -m colearn_node.worker FD``, with one end of a socket pair. When the other end
closes, however the node died, the worker leaves at once. What the learner prints goes to the node's log.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import Any

from colearn_ledger.errors import ColearnError, ConfigError, LearnerError
from colearn_ledger.ledger.work import Trained, Verdict, Work
from colearn_node.messages import Discard, Done, Failed, Job, Ready, Spec

__all__ = ["main", "make_learner", "open_store"]


def make_learner(factory: str, options: dict[str, Any]) -> Any:
    """The learner that ``module:function`` makes of the options.

    Raises ConfigError when there is no such function or it takes no such options, LearnerError when what it made is no
    learner.
    """
    from colearn_ledger.core.learner import check_methods

    module_name, _, name = factory.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as e:
        if e.name is None or not (module_name == e.name or module_name.startswith(e.name + ".")):
            raise ConfigError(
                f"the learner's module {module_name} needs {e.name}, which isn't installed",
                fix=f"install what brings {e.name} into this environment",
            ) from None
        raise ConfigError(
            f"there is no module {module_name} (learner.factory is {factory!r})",
            expected="a module beside the configuration, in the working folder, or installed",
            fix="correct learner.factory",
        ) from None
    make = getattr(module, name, None)
    if not callable(make):
        raise ConfigError(
            f"the module {module_name} has no function {name}", expected=factory, fix="correct learner.factory"
        )
    try:
        learner = make(**options)
    except TypeError as e:
        if e.__traceback__ is not None and e.__traceback__.tb_next is None:  # the call itself, not something inside
            raise ConfigError(
                f"{factory} can't be called with the options {sorted(options)}: {e}", fix="correct [learner.options]"
            ) from None
        raise
    check_methods(learner, factory)
    return learner


def open_store(ipfs: str | None, folder: Path | None, allow_remote: bool) -> Any:
    """The weight store that the settings name. Raises StoreError when it can't be used."""
    if folder is not None:
        from colearn_ledger.stores.local import LocalStore

        return LocalStore(folder)
    from colearn_ledger.stores.ipfs import IpfsStore  # type: ignore[import-not-found,unused-ignore]

    assert ipfs is not None
    store = IpfsStore(ipfs, allow_remote=allow_remote)
    store.check()
    return store


def main(fd: int) -> None:
    """The worker's life: make the learner, then do one job after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then ends the worker
    connection = Connection(fd)
    spec: Spec = connection.recv()
    sys.path[:0] = [p for p in spec.path if p not in sys.path]
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
        from colearn_ledger.ledger.prepare import Preparer

        learner = make_learner(spec.factory, spec.options)
        store = open_store(spec.store_ipfs, spec.store_folder, spec.store_allow_remote)
        return Preparer(learner, store, max_size=spec.max_size, schema=spec.schema)

    preparer = attempt(0, prepare_everything)
    if preparer is None:
        return
    connection.send(Ready(os.getpid()))

    def do(job: Job | Discard) -> None:
        if isinstance(job, Discard):
            attempt(-1, lambda: [preparer.store.discard(ref) for ref in job.refs])
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
    importlib.import_module("colearn_node.worker").main(int(sys.argv[1]))
