"""Ports of which a test knows all its life what is behind them."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator

__all__ = ["Forwarder", "quiet_ports", "refusing_port"]

HOST = "127.0.0.1"


def quiet_ports(count: int) -> int:
    """The first of so many free ports in a row, below those that systems give out: nobody gets them by chance.

    For what stops and must get its port again.
    """
    while True:
        first = random.SystemRandom().randrange(12_000, 30_000)
        try:
            for port in range(first, first + count):
                socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return first


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections: it is taken, so that nobody else can come to listen there meanwhile."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield int(taken.getsockname()[1])


class Forwarder:
    """An endpoint whose address stays, whatever becomes of what is behind it.

    Attributes
    ----------
    url: where it listens.
    target: the port that connections go to; None lets every connection end at once, also those that are open.
    asked: gets what callers send, before it is passed on.
    answered: gets what is answered, before it is passed on; where it says True the connection ends instead.
    silent: what is behind it isn't heard: what it says is dropped.
    """

    def __init__(self, url: str, host: str = HOST) -> None:
        self._listening = socket.create_server((host, 0))
        self.url = f"http://{host}:{self._listening.getsockname()[1]}"
        self.target: int | None = int(url.rpartition(":")[2])
        self.asked: Callable[[bytes], object] = lambda data: None
        self.answered: Callable[[bytes], bool] = lambda data: False
        self.silent = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """What is behind it is gone from now on."""
        self.target = None
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # closing alone leaves the thread that accepts where it is
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._serve, args=(self._listening.accept()[0],), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError):
            if self.target is None:
                return
            with socket.create_connection((HOST, self.target)) as behind:
                self._open.add(caller)
                try:
                    other = {caller: behind, behind: caller}
                    while self.target is not None:
                        for ready in select.select([caller, behind], [], [])[0]:
                            data = ready.recv(1 << 16)
                            if not data:
                                return
                            if ready is caller:
                                self.asked(data)
                            elif self.silent:
                                continue
                            elif self.answered(data):
                                return
                            other[ready].sendall(data)
                finally:
                    self._open.discard(caller)
