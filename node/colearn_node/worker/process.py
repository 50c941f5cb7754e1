"""One worker process as the node sees it: start, send, hear, kill."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from .messages import Done, Failed, Job, Ready, Spec, Tidy

__all__ = ["Died", "Message", "WorkerProcess"]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker process ended by itself; ``code`` as :attr:`subprocess.Popen.returncode`."""

    code: int


Message = Ready | Done | Failed | Died


class WorkerProcess:
    """A worker, started when this is made.

    Parameters
    ----------
    spec: what it is made of.
    wake: called, from another thread, when there is something to :meth:`hear`.
    printed: called, from another thread, with every line that the learner prints.
    """

    def __init__(self, spec: Spec, wake: Callable[[], None], printed: Callable[[str], None]) -> None:
        self._wake, self._printed = wake, printed
        self._heard: deque[Message] = deque()
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own: a terminal's Ctrl-C is for the node, which then ends the worker.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "colearn_node.worker.main", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self.send(spec)
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._copy_output, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Spec | Job | Tidy) -> None:
        """Say something to the worker. If it has just died, :class:`Died` is heard instead of an answer."""
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def hear(self) -> list[Message]:
        """What it said since the last call."""
        heard = []
        while self._heard:
            heard.append(self._heard.popleft())
        return heard

    def kill(self) -> None:
        """End it now; nothing that it does can't be done again."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._heard.append(self._connection.recv())
                self._wake()
        code = self._process.wait()
        self._connection.close()
        self._heard.append(Died(code))
        self._wake()

    def _copy_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if text := line.decode("utf-8", "replace").rstrip():
                    self._printed(text)
