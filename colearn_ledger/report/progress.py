"""Telling people what is being done: a status line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TextIO

from ..core.learner import Learner, ProposedWeights, Weights
from .terminal import painted

__all__ = ["Plain", "Progress", "open_progress", "watched"]

# Without a status line, details inside a stage are told only when nothing was for so many seconds.
QUIET = 5.0


class Progress(Protocol):
    """What a program tells while it works."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def detail(self, text: str) -> None:
        """What is being done inside it; may be passed over."""

    def row(self, text: str) -> None:
        """A line of output, which stays."""


class Plain:
    """Plain lines: rows to ``out``, stages and (now and then) details to ``err``."""

    def __init__(self, out: TextIO, err: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._err, self._clock = out, err, clock
        self._last = clock()

    def stage(self, text: str) -> None:
        self._print(f"{text} ...", self._err)

    def detail(self, text: str) -> None:
        if self._clock() - self._last >= QUIET:
            self._print(f"  {text} ...", self._err)

    def row(self, text: str) -> None:
        self._print(text, self._out)

    def _print(self, text: str, file: TextIO) -> None:
        print(text, file=file, flush=True)
        self._last = self._clock()


class _Rich:
    """A status line with a spinner, below the rows."""

    def __init__(self, console: Any, status: Any) -> None:
        self._console, self._status = console, status

    def stage(self, text: str) -> None:
        self._update(text)

    def detail(self, text: str) -> None:
        self._update(text)

    def _update(self, text: str) -> None:
        from rich.text import Text

        self._status.update(Text(f"{text} ..."))

    def row(self, text: str) -> None:
        self._console.print(painted(text), soft_wrap=True)


@contextlib.contextmanager
def open_progress() -> Iterator[Progress]:
    """Progress that fits standard output."""
    if not sys.stdout.isatty():
        yield Plain(sys.stdout, sys.stderr)
        return
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    with console.status("") as status:
        yield _Rich(console, status)


class _Watched:
    """A learner that says when it trains and tests. What it may have beside the four methods is the learner's own."""

    def __init__(self, learner: Learner, name: str, say: Callable[[str], None]) -> None:
        self._learner, self._name, self._say = learner, name, say

    def __getattr__(self, name: str) -> Any:
        return getattr(self._learner, name)

    def mli_propose_weights(self) -> Weights:
        self._say(f"{self._name} trains")
        return self._learner.mli_propose_weights()

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self._say(f"{self._name} tests")
        return self._learner.mli_test_weights(weights)

    def mli_accept_weights(self, weights: Weights) -> None:
        self._learner.mli_accept_weights(weights)

    def mli_get_current_weights(self) -> Weights:
        return self._learner.mli_get_current_weights()


def watched(learner: Learner, name: str, say: Callable[[str], None]) -> Learner:
    """The same learner, which says by ``say`` when it trains and tests."""
    return _Watched(learner, name, say)
