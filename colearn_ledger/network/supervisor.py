"""The parent of a local network's daemons: a small program of its own, so that nothing outlives its owner.

It runs as ``python -I -S supervisor.py FOLDER MODE`` and imports the standard library alone. Its owner (the process
that holds a :class:`.LocalNetwork`) writes one JSON request a line to its standard input and reads one answer a line.
When that pipe closes, or the owner is gone in any other way (killed hard, too), or SIGTERM comes, it stops all daemons,
tidies up as its mode says and ends:

``keep``    leaves ``FOLDER`` for another day.
``remove``  removes it.

While it lives it holds the lock ``FOLDER/lock``, which carries its process id. It has one thread, so on Linux the
kernel kills the daemons (PR_SET_PDEATHSIG, which is bound to the parent's *thread*) should it be killed hard itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["serve"]

GRACE_S = 8.0  # a daemon that is asked to stop gets so long to save its state
OWNER_CHECK_S = 1.0  # a child that the owner forked may hold the pipe open: so the owner itself is looked at, too

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return prepare


class _Daemons:
    """The running daemons by name, each in a process group of its own (the owner's Ctrl-C doesn't reach them)."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: dict[str, int] = {}
        self._end_first: set[str] = set()
        self._prepare = _die_with_parent()

    def start(
        self, name: str, argv: list[str], env: dict[str, str], cwd: str, log: str, ends_first: bool = False
    ) -> int:
        """``ends_first``: it is to have ended, by itself or killed, before any other is asked to stop."""
        if name in self._running and self._running[name].poll() is None:
            raise ValueError(f"{name} is running already")
        with open(log, "ab") as output:
            process = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=self._prepare,
            )
        self._ended.pop(name, None)
        self._running[name] = process
        (self._end_first.add if ends_first else self._end_first.discard)(name)
        return process.pid

    def state(self) -> dict[str, Any]:
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                self._ended[name] = code
                del self._running[name]
        return {"running": {name: process.pid for name, process in self._running.items()}, "ended": self._ended}

    def stop(self, names: list[str], grace_s: float = GRACE_S) -> None:
        """Ask, wait, then kill: the whole process group, so that a launcher takes its program with it."""
        ending = [self._running[name] for name in names if name in self._running]
        for process in ending:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + grace_s
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
        for process in ending:
            _signal(process, signal.SIGKILL)
            process.wait()
        self.state()

    def kill(self, names: list[str]) -> None:
        """End them hard, as a power cut would."""
        for name in names:
            process = self._running.get(name)
            if process is not None:
                _signal(process, signal.SIGKILL)
                process.wait()
        self.state()

    def stop_all(self) -> None:
        self.stop([name for name in self._running if name in self._end_first])
        self.stop(list(self._running))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def serve(folder: str, mode: str) -> int:
    """Hold the lock, do what the owner asks, and leave nothing running."""
    owner = os.getppid()
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _answer({"error": "in use", "pid": os.pread(lock, 32, 0).decode("ascii", "replace").strip()})
        return 1
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(wake_write, b"x")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the owner's business
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    daemons = _Daemons()
    try:
        _answer({"ready": os.getpid()})
        pending = b""
        while not stopping and os.getppid() == owner:
            readable, _, _ = select.select([0, wake_read], [], [], OWNER_CHECK_S)
            if 0 not in readable:
                continue
            data = os.read(0, 1 << 16)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                _answer(_do(daemons, json.loads(line)))
    finally:
        daemons.stop_all()
        if mode == "remove":
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _do(daemons: _Daemons, request: dict[str, Any]) -> dict[str, Any]:
    try:
        what = request.pop("do")
        if what == "start":
            return {"pid": daemons.start(**request)}
        if what == "state":
            return daemons.state()
        if what == "stop":
            daemons.stop(**request)
            return daemons.state()
        if what == "kill":
            daemons.kill(**request)
            return daemons.state()
        return {"error": f"unknown request {what!r}"}
    except (OSError, ValueError, TypeError, KeyError) as e:  # the owner turns it into a message
        return {"error": f"{type(e).__name__}: {e}"}


def _answer(answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # an owner that is gone is noticed by the loop
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1], sys.argv[2]))
