"""The program ``colearn-node``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from colearn_ledger.errors import ColearnError, ConfigError, UsageError

from .settings import SETTINGS, Config, load, template

if TYPE_CHECKING:
    from .node import Node

__all__ = ["main"]

# Told to leave, a node leaves within 10 s, even in the middle of a transaction that doesn't come through.
_LEAVE_WITHIN_S = 5.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, expected=self.format_usage().strip(), fix=f"{self.prog} --help lists all options")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="colearn-node", description="One stakeholder's node of a collective.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser("run", help="follow the contract: train, test, vote")
    run.set_defaults(run=_run)
    run.add_argument("--dry-run", action="store_true", help="decide and say what would be done, send nothing")
    run.add_argument("--rounds", type=int, metavar="N", help="leave after N decided rounds")
    run.add_argument("--until-round", type=int, metavar="N", help="leave when round N has passed")
    _add_settings(run)
    check = commands.add_parser("check", help="say what is right and what is wrong, and change nothing")
    check.set_defaults(run=_check)
    _add_settings(check)
    init = commands.add_parser("init", help="write a configuration with comments")
    init.set_defaults(run=_init)
    init.add_argument("path", nargs="?", type=Path, default=Path("node.toml"), help="default: %(default)s")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the node's configuration (TOML)")
    for setting in SETTINGS:
        if setting.flag is not None:
            parser.add_argument(setting.flag, dest=f"setting:{setting.key}", metavar="VALUE", help=setting.help)


def _config(options: argparse.Namespace) -> Config:
    flags = {k.partition(":")[2]: v for k, v in vars(options).items() if k.startswith("setting:") and v is not None}
    return load(options.config, os.environ, flags)


def _run(options: argparse.Namespace) -> int:
    for flag, value in (("--rounds", options.rounds), ("--until-round", options.until_round)):
        if value is not None and value < 1:
            raise UsageError(f"{flag} is {value}", expected="1 or more", fix="leave it out to go on for ever")
    config = _config(options)
    from .assemble import assembled

    with (
        assembled(config, dry_run=options.dry_run, rounds=options.rounds, until_round=options.until_round) as node,
        _leaving_when_told(node),
    ):
        node.run()
    return 0


@contextlib.contextmanager
def _leaving_when_told(node: Node) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the node in good order; if that doesn't work in time, at once."""

    def give_up() -> None:
        node.crew.end()
        os._exit(0)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        node.stop()
        timer = threading.Timer(_LEAVE_WITHIN_S, give_up)
        timer.daemon = True
        timer.start()

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(options: argparse.Namespace) -> int:
    config = _config(options)
    from .check import Line, check_everything

    def tell(line: Line) -> None:
        mark = "WRONG" if line.error is not None else "note " if line.note else "ok   "
        print(f"{mark}  {line.name:<10}  {line.text}")
        if line.error is not None:
            for name, text in (("expected", line.error.expected), ("to fix", line.error.fix)):
                if text:
                    print(f"{'':<19}{name}: {text}")
        sys.stdout.flush()

    wrong = check_everything(config, tell)
    return 0 if wrong is None else wrong.exit_code


def _init(options: argparse.Namespace) -> int:
    try:
        with open(options.path, "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise UsageError(
            f"there is a file {options.path} already", expected="a new name", fix="name another file"
        ) from None
    except OSError as e:
        raise ConfigError(f"{options.path} can't be written: {e.strerror or e}", fix="check the folder") from e
    print(f"wrote {options.path}: fill it in, then: colearn-node check --config {options.path}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    try:
        options = _parser().parse_args(argv)
        if options.command is None:
            _parser().print_help()
            return 0
        return int(options.run(options))
    except ColearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
