"""What every program does with a mistake, an interruption and a reader that leaves; and that all of them do."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from colearn_node import cli as node
from colearn_node import demo as network_demo

from colearn_ledger.cli import main as ledger
from colearn_ledger.cli.program import INTERRUPTED, PIPE_CLOSED, Parser, run_program, signals_interrupt
from colearn_ledger.errors import OutputError, StoreError, UsageError


class InterruptedInItsEnd:
    """Ctrl-C comes while it is destroyed, and Python drops what a destructor raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def parser_for(run: Callable[[argparse.Namespace], int] | None) -> Parser:
    parser = Parser(prog="program")
    parser.add_argument("--number", type=int)
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def program(run: Callable[[argparse.Namespace], int] | None, *words: str) -> int:
    return run_program(lambda words: parser_for(run), words, interrupted="left early")


@pytest.mark.parametrize(
    "main, words",
    [
        (ledger.main, ["--foo"]),
        (ledger.main, ["demo", "--foo"]),
        (node.main, ["run", "--foo"]),
        (network_demo.main, ["--foo"]),
        (network_demo.main, ["--stakeholders", "many"]),
    ],
)
def test_programs__a_wrong_option__is_one_message(
    main: Callable[[list[str]], int], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    first, expected, *_, fix = printed.err.splitlines()
    assert first.startswith("error: ") and expected.startswith("  expected: usage: ")
    assert fix.startswith("  to fix:   ") and fix.endswith(" --help lists all options")


def test_run__its_code__is_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert program(lambda options: int(options.number), "--number", "5") == 5
    assert capsys.readouterr() == ("", "")


def test_run__nothing_is_asked_for__prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert program(None) == 0
    assert capsys.readouterr().out.startswith("usage: program")


def test_run__fails__is_the_message_and_the_errors_code(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise StoreError("the disk is full", expected="room", fix="make room")

    assert program(fail) == StoreError.exit_code
    assert capsys.readouterr().err == "error: the disk is full\n  expected: room\n  to fix:   make room\n"


def test_run__a_fault_of_its_own__is_not_hidden() -> None:
    def fail(options: argparse.Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        program(fail)


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_run__asked_to_end_in_any_way__says_so_and_ends_as_by_ctrl_c(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = [signal.getsignal(n) for n in numbers]

    def end(options: argparse.Namespace) -> int:
        with signals_interrupt():
            os.kill(os.getpid(), signal.Signals[number])
            signal.pause()
        return 0

    assert program(end) == INTERRUPTED
    assert capsys.readouterr().err == "left early\n"
    assert [signal.getsignal(n) for n in numbers] == before


@pytest.mark.skipif(os.name != "posix", reason="pipes of this kind are POSIX's")
def test_run__whoever_reads_has_seen_enough__ends_without_a_word() -> None:
    text = """
import sys
from colearn_ledger.cli.program import Parser, run_program
def run(options):
    sys.stdin.read()  # until the reader has left
    print("too late")
    return 0
parser = Parser()
parser.set_defaults(run=run)
sys.exit(run_program(lambda words: parser))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == PIPE_CLOSED


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another matter there")
def test_interrupt__in_a_destructor__ends_the_program_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    waited = []

    def run(options: argparse.Namespace) -> int:
        InterruptedInItsEnd()
        waited.append(threading.Event().wait(60))
        return 0

    assert program(run) == INTERRUPTED
    assert waited == []
    assert capsys.readouterr().err == "left early\n"


def said(words: str, redirect: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A program in a shell, its output led elsewhere."""
    command = f"{sys.executable} -m {words} {redirect}"
    return subprocess.run(["bash", "-c", command], env={**os.environ, **env}, capture_output=True, text=True)


PROGRAMS = pytest.mark.parametrize(
    "words",
    ["colearn_ledger.cli.main --help", "colearn_node.cli run --help", "colearn_node.cli check --config no.toml"],
)
TELLS = """
import sys
from colearn_ledger.cli.program import Parser, run_program
parser = Parser()
parser.set_defaults(run=lambda options: print("much") or 0)
sys.exit(run_program(lambda words: parser))
"""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output__the_disk_is_full__is_one_message_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    done = said("tells", "> /dev/full", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert done.returncode == OutputError.exit_code
    assert done.stderr.splitlines()[0] == "error: the output can't be written: No space left on device"
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.slow
@PROGRAMS
@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "| true"])
def test_output__is_closed__no_traceback(words: str, redirect: str) -> None:
    done = said(words, redirect)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@PROGRAMS
def test_output__narrow_characters__are_escaped(words: str) -> None:
    done = said(words, "", PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr and done.returncode in (0, 3)


@pytest.mark.parametrize("words", ["--data-dir a_b", "--data_dir a_b", "--data_dir=a_b"])
def test_parser__option_by_its_published_name__is_the_same_option(words: str) -> None:
    parser = Parser()
    parser.add_argument("--data-dir")
    assert parser.parse_args(words.split()).data_dir == "a_b"


def test_parser__unknown_option_with_an_underscore__is_a_mistake_still() -> None:
    with pytest.raises(UsageError, match="--no-such"):
        Parser().parse_args(["--no_such"])
