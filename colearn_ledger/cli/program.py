"""What all programs have in common: the only place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ..errors import ColearnError, OutputError, UsageError
from .startup import defer_pairings

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "Parser", "run_program", "signals_handled", "signals_interrupt"]

INTERRUPTED, PIPE_CLOSED = 130, 141  # the exit codes that shells give to what Ctrl-C or a closed pipe ended

# Of what was open already, so without a file's name: the disk is full, or the file was closed.
_NOT_WRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG})


class Parser(argparse.ArgumentParser):
    """Its mistakes are told as all others are. An empty path is one: it would be the working folder.

    Options have dashes in their names; with underscores, as the published ones have them, they are the same options.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("type", Path, _path)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args([dashed(word) for word in words], namespace)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, expected=self.format_usage().strip(), fix=f"{self.prog} --help lists all options")


def dashed(word: str) -> str:
    """An option by its name with dashes; any other word as it is."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("is empty, and not a path")
    return Path(text)


def run_program(
    make_parser: Callable[[Sequence[str]], Parser], argv: Sequence[str] | None = None, interrupted: str = "interrupted"
) -> int:
    """Run one command and return the exit code.

    Parameters
    ----------
    make_parser: given the words, the parser that reads them. What it finds has ``run(options) -> int``; where it has
        none, the help is printed.
    argv: the words; those of the command line if None.
    interrupted: what is said after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    defer_pairings()
    _take_any_output()
    try:
        with _no_interrupt_lost():
            return _run(make_parser, words)
    except ColearnError as error:
        _complain(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _complain(interrupted)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        _drop_output()
        return PIPE_CLOSED
    except OSError as e:
        if e.filename is not None or e.errno not in _NOT_WRITTEN:
            raise
        _drop_output()
        _complain(f"error: the output can't be written: {e.strerror}\n  to fix:   make room, or send it elsewhere")
        return OutputError.exit_code


def _take_any_output() -> None:
    """What the terminal's characters lack is escaped, and what was closed before the start swallows what is said."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the program's life
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What is left in the buffer has nowhere to go, and Python would try again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads that either
        print(text, file=sys.stderr, flush=True)


def _run(make_parser: Callable[[Sequence[str]], Parser], words: Sequence[str]) -> int:
    parser = make_parser(words)
    try:
        options = parser.parse_args(words)
    except SystemExit:  # it has printed the help
        sys.stdout.flush()
        raise
    run: Callable[[argparse.Namespace], int] | None = getattr(options, "run", None)
    if run is None:
        parser.print_help()
    code = 0 if run is None else run(options)
    sys.stdout.flush()
    return code


@contextlib.contextmanager
def _no_interrupt_lost() -> Iterator[None]:
    """Ctrl-C that comes while an object is destroyed comes again: Python drops what a destructor raises.

    The hashes that web3 makes have such destructors, and a program that reads a chain is often in one.
    """
    before = sys.unraisablehook

    def again() -> None:
        if hasattr(signal, "pthread_kill"):  # wakes the main thread from a wait, too
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            # Not from here, which is in the destructor still.
            timer = threading.Timer(0.01, again)
            timer.daemon = True
            timer.start()
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextlib.contextmanager
def signals_handled(handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    """These signals go to the handler until the block ends, and then to whoever had them before."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """Asked to end in any way (SIGTERM, a terminal that closes), the program ends as by Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with signals_handled(interrupt, signal.SIGTERM, signal.SIGHUP):
        yield
