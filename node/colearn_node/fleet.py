"""Several node processes on one machine, with the live progress of all of them in one terminal."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from colearn_ledger.errors import NetworkError

__all__ = ["Fleet", "line_of"]

_NODE = (sys.executable, "-m", "colearn_node.cli", "run")
_QUIET = frozenset({"wait", "library", "learner_output"})  # of no interest when many are shown at once


def line_of(name: str, record: Mapping[str, Any], *, tell_outcomes: bool) -> str | None:
    """One node's JSON log line as a line for people, or None when it isn't worth one among many."""
    event = record["event"]
    if event in _QUIET or (event == "outcome" and not tell_outcomes):
        return None
    place = "" if record["round"] is None else f"round {record['round']}"
    who = "" if event == "outcome" else name
    mark = "" if record["level"] in ("debug", "info") else f"{record['level'].upper()}: "
    return f"{who:<14}  {place:<9} {record['phase']:<9}  {mark}{record['text']}"


@dataclass
class _Member:
    name: str
    process: subprocess.Popen[bytes]


class Fleet:
    """Node processes, which run no longer than this.

    Parameters
    ----------
    configs: each member's configuration file, by the member's name. Their logs are read as JSON, whatever they say.
    flags: further words for ``colearn-node run``.
    show: gets the lines to show, one after the other.
    record: gets every log line as it is, with the member's name.
    program: what a node is started with.
    leave_s: seconds in which a node that is asked to leave may do so.
    """

    def __init__(
        self,
        configs: Mapping[str, Path],
        flags: Sequence[str],
        show: Callable[[str], None],
        *,
        record: Callable[[str, dict[str, Any]], None] | None = None,
        program: Sequence[str] = _NODE,
        leave_s: float = 10.0,
    ) -> None:
        self._show, self._record, self._program, self._leave_s = show, record, program, leave_s
        self._lines: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self.last_words: dict[str, str] = {}
        self._members: list[_Member] = []
        self._first = next(iter(configs))
        try:
            for name, config in configs.items():
                self._members.append(_Member(name, self._start(name, config, flags)))
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {member.name: member.process.pid for member in self._members}

    def wait(self) -> None:
        """Show what they say until all have left. Raises NetworkError when one leaves with an error."""
        left = len(self._members)
        while left:
            name, line = self._lines.get()
            if line is None:
                left -= 1
                code = next(m.process.wait() for m in self._members if m.name == name)
                if code != 0:
                    raise NetworkError(
                        f"the node of {name} has ended with code {code}: {self.last_words.get(name, '')}",
                        fix="docs/operations.md lists the exit codes",
                    )
                continue
            self._tell(name, line)

    def stop(self) -> None:
        """Ask all to leave, and end those that don't; when it returns, none runs."""
        for member in self._members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + self._leave_s
        for member in self._members:
            try:
                member.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def _tell(self, name: str, line: str) -> None:
        try:
            record = json.loads(line)
            text = line_of(name, record, tell_outcomes=name == self._first)
        except (ValueError, KeyError, TypeError):  # an error before the log began
            self.last_words[name] = (self.last_words.get(name, "") + "\n" + line).strip()
            return
        if self._record is not None:
            self._record(name, record)
        if text is not None:
            self._show(text)

    def _start(self, name: str, config: Path, flags: Sequence[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*self._program, "--config", str(config), "--log-format", "json", *flags],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C is for whoever owns the fleet
        )

        def read() -> None:
            assert process.stderr is not None
            with process.stderr as stream:
                for line in stream:
                    self._lines.put((name, line.decode("utf-8", "replace").rstrip()))
            self._lines.put((name, None))

        threading.Thread(target=read, daemon=True).start()
        return process
