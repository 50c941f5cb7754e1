"""The program ``colearn-ledger``.

A command is a module with ``add_options(parser)`` and ``run(options) -> int``. It is imported when it is the one that
was asked for, so that ``--help`` is quick and a command pays for no other's imports.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import UsageError
from .program import Parser, run_program
from .startup import load_web3

__all__ = ["main", "make_parser"]

# Name: (module of this package, one line of help).
COMMANDS = {
    "demo": ("demo", "learners with shares of one data set train one model by voting"),
    "deploy": ("deploy", "found a collective: publish the first weights, deploy the contract, write deployment.json"),
    "plan": ("plan", "what members agree on besides the shape of weights: write it, compare, show, publish"),
    "network": ("network", "a local chain and an IPFS daemon for each stakeholder: start and stop them"),
    "info": ("info", "what a collective is: members, rules, windows, code, the accepted weights; without a key"),
    "status": ("status", "how it stands now: whose turn, until when, who has acted, which motions wait"),
    "history": ("history", "the rounds: who proposed what, who voted how, what was decided; from the chain alone"),
    "show": ("show", "everything about one round: votes, hashes, outcome, blocks, transactions, gas"),
    "dashboard": ("dashboard", "a page on this machine that shows all of it live; from the chain alone, read-only"),
    "plot": ("plot", "the history as a picture: scores, votes, time and gas, from the chain alone"),
    "recompute": ("recompute", "whether a proposal of a joint round is the merge that it claims to be"),
    "audit": ("audit", "check the whole history: code, lineage, votes, decisions, members, weights"),
    "export": ("export", "take a model home: accepted weights, checked, as files that your own tools open"),
    "members": ("members", "the members: seat, address, since which round, balance"),
    "name": ("name", "say how you, a member, are to be called, wherever members are shown"),
    "motion": ("motion", "add and remove members, change the rules, leave: move it, vote on it, list what was moved"),
}


READING = {"info", "status", "history", "show", "members"}  # the chain alone, and nobody else's code


def make_parser(chosen: str | None) -> Parser:
    """The parser of all commands' names, and of the chosen command's options."""
    parser = Parser(prog="colearn-ledger", description="Collective learning on a ledger.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == chosen:
            loaded = importlib.import_module(f".{module}", __package__)
            loaded.add_options(command)
            command.set_defaults(run=_quickly(loaded.run) if name in READING else loaded.run)
    return parser


def _quickly(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run_it(options: argparse.Namespace) -> int:
        # Importing web3 makes many objects, all of which stay: to look for garbage among them again and again takes a
        # tenth of a short command's time. (Not where learners run, whose tensors are to go when they can.)
        gc.set_threshold(50_000, *gc.get_threshold()[1:])
        load_web3()
        return run(options)

    return run_it


def _chosen(words: Sequence[str]) -> str | None:
    """The command among the words: the first that is no option, since the program's own options take no value."""
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None or name in COMMANDS:
        return name
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    raise UsageError(
        f"there is no command {name!r}",
        expected=f"one of {', '.join(COMMANDS)}",
        fix=f"did you mean {near[0]}?" if near else "colearn-ledger --help",
    )


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(version("colearn-ledger"))
        except PackageNotFoundError:  # run from a checkout that was never installed
            from .. import __version__

            print(__version__)
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    return run_program(lambda words: make_parser(_chosen(words)), argv)


if __name__ == "__main__":
    sys.exit(main())
