"""The program ``colearn-ledger``: the only place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import ColearnError, UsageError
from . import demo

__all__ = ["main"]

_COMMANDS = {"demo": demo}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, expected=self.format_usage().strip(), fix=f"{self.prog} --help lists all options")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="colearn-ledger", description="Collective learning on a ledger.")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and not words[0].startswith("-") and words[0] not in _COMMANDS:
            near = difflib.get_close_matches(words[0], _COMMANDS, n=1)
            raise UsageError(
                f"there is no command {words[0]!r}",
                expected=f"one of {', '.join(_COMMANDS)}",
                fix=f"did you mean {near[0]}?" if near else "colearn-ledger --help",
            )
        options = _parser().parse_args(words)
        if options.version:
            from importlib.metadata import version

            print(version("colearn-ledger"))
            return 0
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
