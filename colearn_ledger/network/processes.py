"""The owner's side of the supervisor: start, watch and stop daemons that never outlive this process."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import NetworkError

__all__ = ["Daemons", "InUse", "Retries", "StoppedFromOutside", "choose_port", "is_free", "log_tail", "release_port"]

T = TypeVar("T")

_ANSWER_S = 30.0  # the supervisor answers at once, but a stop may take its grace
_POLL_S = 0.02
_PORT_TRIES = 3
_LOCKED_S = 30.0
_LOCKED = ("already used by another process", "someone else has the lock")  # geth's words, and Kubo's
_given: set[int] = set()  # ports chosen by this process: not given twice, even before somebody listens there


class InUse(NetworkError):
    """The folder's network is running already."""


class StoppedFromOutside(NetworkError):
    """The supervisor is gone or about to be, and its daemons with it: somebody has stopped the network."""


class Daemons:
    """The daemons of one folder. Safe to use from several threads.

    Parameters
    ----------
    folder: where the lock and the logs (``logs/NAME.log``) are.
    remove: whether the folder goes away at the end, however that comes.
    """

    def __init__(self, folder: Path, *, remove: bool) -> None:
        if sys.platform == "win32":
            raise NetworkError(
                "a local network needs a POSIX system", expected="Linux or macOS", fix="run it in WSL or in a container"
            )
        self.folder = folder
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._pending = b""
        # -I -S: no site, no user's modules; it starts in a tenth of the time and can't be broken by them.
        program, mode = str(Path(__file__).with_name("supervisor.py")), "remove" if remove else "keep"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", program, str(folder), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        first = self._read()
        if first.get("error") == "in use":
            self._process.wait()
            raise InUse(
                f"the network in {folder} is running already (process {first['pid']})",
                expected="a folder whose network is stopped",
                fix=f"stop it with: colearn-ledger network down --state {folder}",
            )

    @property
    def pid(self) -> int:
        """Process id of the supervisor: SIGTERM to it stops everything."""
        return self._process.pid

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def start(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ends_first: bool = False,
    ) -> int:
        """Start one, and return its process id.

        ``env`` is added to this process's environment; ``ends_first``: when all is stopped, it ends before the others.
        """
        with contextlib.suppress(FileNotFoundError):
            os.replace(self.log(name), self.log(name).with_suffix(".old.log"))
        answer = self._ask(
            do="start",
            name=name,
            argv=[os.fspath(word) for word in argv],
            env={**os.environ, **(env or {})},
            cwd=str(cwd or self.folder),
            log=str(self.log(name)),
            ends_first=ends_first,
        )
        if "error" in answer:
            raise NetworkError(f"{name} could not be started: {answer['error']}", fix=f"try by hand: {argv[0]}")
        return int(answer["pid"])

    def ended(self, name: str) -> int | None:
        """The exit code of a daemon that has ended by itself (below zero: the signal's number), None while it runs."""
        code = self._ask(do="state")["ended"].get(name)
        return None if code is None else int(code)

    def running(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {str(name): int(pid) for name, pid in self._ask(do="state")["running"].items()}

    def stop(self, *names: str) -> None:
        """Ask them to end, and kill those that haven't in time."""
        self._ask(do="stop", names=list(names))

    def kill(self, *names: str) -> None:
        """End them hard, as a crash would (for tests of what survives one)."""
        self._ask(do="kill", names=list(names))

    def wait_for(self, name: str, ready: Callable[[], T | None], *, deadline_s: float, what: str = "") -> T:
        """Poll ``ready`` until it gives something. NetworkError with the log's end if the daemon ends or time is up."""
        end = time.monotonic() + deadline_s
        looked = 0.0
        while True:
            value = ready()
            if value is not None:
                return value
            now = time.monotonic()
            if now - looked > 0.1:
                looked = now
                code = self.ended(name)
                if code is not None:
                    raise NetworkError(
                        f"{name} ended with code {code} before it was ready:\n{log_tail(self.log(name))}",
                        fix=f"the whole log is {self.log(name)}",
                    )
            if now > end:
                raise NetworkError(
                    f"{name} was not ready after {deadline_s:.0f} s{': ' + what if what else ''}\n"
                    f"{log_tail(self.log(name))}",
                    fix="try again when the machine is less busy, or look at the log",
                )
            time.sleep(_POLL_S)

    def gone(self) -> bool:
        """Whether the supervisor has ended, because somebody stopped the network from outside."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Stop everything. Returns when nothing runs any more."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_ANSWER_S)
        except subprocess.TimeoutExpired:  # pragma: no cover - it kills its daemons long before
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError) as e:
                raise self._lost() from e
            return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = time.monotonic() + _ANSWER_S
        while b"\n" not in self._pending:
            wait = end - time.monotonic()
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, wait))
            data = os.read(self._process.stdout.fileno(), 1 << 16) if readable else b""
            if not data:
                raise self._lost()
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def _lost(self) -> StoppedFromOutside:
        return StoppedFromOutside("the local network was stopped from outside", fix="start it again")


class Retries:
    """Whether a daemon that ended before it was ready may be started once more.

    For two reasons that pass: between choosing a free port and listening there somebody else may have taken it; and
    daemons that were killed hard a moment ago may still hold their data, since a process has its locks until the last
    of its threads is gone.
    """

    def __init__(self) -> None:
        self._ports_left = _PORT_TRIES - 1
        self._locked_until = time.monotonic() + _LOCKED_S

    def may(self, said: str) -> bool:
        """``said``: the end of its log. Waits a moment where that helps."""
        if any(text in said for text in _LOCKED) and time.monotonic() < self._locked_until:
            time.sleep(0.1)
            return True
        if "in use" in said and self._ports_left > 0:
            self._ports_left -= 1
            return True
        return False


def is_free(port: int) -> bool:
    """Whether one can listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as e:
            if e.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose_port(wished: int | None = None) -> int:
    """The wished port if it is free, else another; never one that this process has been given before."""
    if wished and wished not in _given and is_free(wished):
        _given.add(wished)
        return wished
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port


def release_port(port: int) -> None:
    """It may be chosen again."""
    _given.discard(port)


def log_tail(path: Path, lines: int = 12) -> str:
    """The end of a log, indented, for a message."""
    try:
        text = path.read_bytes()[-8192:].decode("utf-8", "replace")
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (an empty log)"
