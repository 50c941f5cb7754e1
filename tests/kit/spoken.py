"""What a command prints: one that ends, or one that goes on until Ctrl-C, on a pipe or a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colearn_ledger.cli.main import main

from .anvil import wait_until

__all__ = ["Spoken", "said", "spoken"]

ROOT = Path(__file__).resolve().parents[2]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that works prints; nothing else may be said."""
    code = main(words)
    out = capsys.readouterr()
    assert (code, out.err) == (0, "")
    return out.out


class Spoken:
    """``text``: all that it has printed, errors among it."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process, self.text = process, ""
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    def _read(self, output: int) -> None:
        while True:
            try:
                data = os.read(output, 1 << 16)
            except OSError:  # how a terminal says that nobody writes any more
                break
            if not data:
                break
            self.text += data.decode("utf-8", "replace")
        os.close(output)

    def wait_for(self, text: str) -> None:
        """Wait until it has printed this."""
        wait_until(lambda: text in self.text or self.process.poll() is not None, f"it prints {text!r}")
        assert text in self.text, self.text

    def interrupt(self) -> int:
        """Ctrl-C; its exit code, when all that it printed has been read."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(90)
        self._reader.join(30)
        return code


@contextmanager
def spoken(*words: str, cwd: Path, terminal: bool = False) -> Iterator[Spoken]:
    """Start ``colearn-ledger`` with these words; with a ``terminal`` of 100 columns as its output, or a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "xterm"}
    command = [sys.executable, "-u", "-m", "colearn_ledger.cli.main", *words]
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield Spoken(process, ours)
    finally:
        process.kill()
        process.wait()
