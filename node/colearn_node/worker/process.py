"""One worker process as the node sees it: start, send, hear, kill."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from .codec import MOST_SAID, NotAMessage, packed, unpacked
from .messages import Begun, Checkpointed, Done, Failed, Job, Moved, Progress, PullAhead, Ready, Sound, Spec, Tidy

__all__ = ["Died", "Garbled", "Message", "WorkerProcess"]

_MOST_LINE = 1 << 14  # bytes of what the learner prints, in one line of the log
_MARK = "COLEARN_WORKER"
_SAID = (Ready, Begun, Checkpointed, Progress, Sound, Moved, Done, Failed)


@dataclass(frozen=True, slots=True)
class Died:
    """The worker process ended by itself; ``code`` as :attr:`subprocess.Popen.returncode`."""

    code: int


@dataclass(frozen=True, slots=True)
class Garbled:
    """What came from the worker was no message (``why``): nothing that comes after it can be understood."""

    why: str


Message = Ready | Begun | Checkpointed | Progress | Sound | Moved | Done | Failed | Died | Garbled


class WorkerProcess:
    """A worker, started when this is made. Its end is seen by the process itself, whoever else holds its channel; what
    it has started ends with it.

    Parameters
    ----------
    spec: what it is made of.
    wake: called, from another thread, when there is something to :meth:`hear`.
    printed: called, from another thread, with every line that the learner prints.

    Raises OSError when no process can be started.
    """

    def __init__(self, spec: Spec, wake: Callable[[], None], printed: Callable[[str], None]) -> None:
        self._wake, self._printed = wake, printed
        self._heard: deque[Message] = deque()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._mark = uuid.uuid4().hex
        self._ended = False
        with contextlib.ExitStack() as on_failure:
            self._socket, theirs = socket.socketpair()
            on_failure.enter_context(self._socket)
            lifeline, self._lifeline = os.pipe()
            on_failure.callback(os.close, self._lifeline)
            try:
                # A session of its own: a terminal's Ctrl-C is for the node, which then ends the worker.
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "colearn_node.worker.main", str(theirs.fileno()), str(lifeline)],
                    pass_fds=[theirs.fileno(), lifeline],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=os.environ | {_MARK: self._mark},
                )
            finally:
                theirs.close()
                os.close(lifeline)
            on_failure.pop_all()
        self._connection = Connection(os.dup(self._socket.fileno()))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._deliverer = threading.Thread(target=self._deliver, daemon=True)
        watcher, printer = (threading.Thread(target=body, daemon=True) for body in (self._watch, self._copy_output))
        for thread in (self._listener, self._deliverer, watcher, printer):
            thread.start()
        self.send(spec)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Spec | Job | Tidy | PullAhead) -> None:
        """Say something to the worker, without waiting. If it has just died, :class:`Died` is heard and no answer."""
        self._outbox.put(packed(message))

    def hear(self) -> list[Message]:
        """What it said since the last call."""
        heard = []
        while self._heard:
            heard.append(self._heard.popleft())
        return heard

    def kill(self) -> None:
        """End it now, with all that it has started; nothing that it does can't be done again."""
        self._end_all()
        self._process.wait()

    # ------------------------------------------------------------------------------------------- its threads

    def _deliver(self) -> None:
        """Writing blocks while the worker doesn't read, which it may never do; the node doesn't wait for that."""
        with contextlib.suppress(OSError):
            while (data := self._outbox.get()) is not None:
                self._connection.send_bytes(data)

    def _listen(self) -> None:
        try:
            while True:
                self._tell(unpacked(self._connection.recv_bytes(MOST_SAID), *_SAID))
        except EOFError:
            pass
        except NotAMessage as e:
            self._tell(Garbled(str(e)))
        except Exception as e:  # a length that is none, a connection that fails: whatever it is, the node hears of it
            self._tell(Garbled(f"{type(e).__name__}: {e}"))

    def _watch(self) -> None:
        """Wait for the process, not for its channel, which a fork of it may keep open."""
        code = self._process.wait()
        self._end_all()
        self._ended = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # what was said before is still heard
        self._outbox.put(None)
        for thread in (self._listener, self._deliverer):
            thread.join()
        os.close(self._lifeline)
        self._connection.close()
        self._socket.close()
        self._tell(Died(code))

    def _copy_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            while line := lines.readline(_MOST_LINE):
                if text := line.decode("utf-8", "replace").rstrip():
                    self._printed(text)

    def _tell(self, message: Message) -> None:
        self._heard.append(message)
        if not isinstance(message, Progress):  # nothing is done about it, so it is soon enough at the next look
            self._wake()

    # ------------------------------------------------------------------------------------------- its end

    def _end_all(self) -> None:
        """End the process's group, and on Linux what has left it: by the mark that all of it has inherited."""
        if self._ended:
            return  # by now the group's number may be another's
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        mark = f"{_MARK}={self._mark}".encode()
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in environment.read_bytes().split(b"\0"):
                    os.kill(int(environment.parent.name), signal.SIGKILL)
