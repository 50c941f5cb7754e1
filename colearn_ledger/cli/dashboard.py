"""``colearn-ledger dashboard``: a page on this machine that shows the collective live."""

from __future__ import annotations

import argparse

from ..errors import UsageError
from .options import add_collective_options, open_collective
from .program import signals_interrupt

__all__ = ["add_options", "run"]

PORT = 8700


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser)
    add = parser.add_argument
    text = f"where it listens on 127.0.0.1; 0 takes any that is free (default: {PORT})"
    add("--port", type=int, default=PORT, metavar="PORT", help=text)
    text = "a node whose health is shown, by its metrics.listen; may be given several times"
    add("--node", action="append", default=[], metavar="NAME=URL", help=text)


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C."""
    if not 0 <= options.port < 1 << 16:
        raise UsageError(f"--port is {options.port}", expected="0 to 65535")
    import asyncio

    from ..dashboard.nodes import parse_nodes
    from ..dashboard.server import read_page, serve
    from ..dashboard.watch import Watch

    nodes = parse_nodes(options.node)
    page = read_page()  # what is wrong with the installation is said before a chain is asked
    where = open_collective(options)
    watch = Watch(
        where.contract.snapshot, deployed_block=where.deployed_block, names=where.founders, find_plan=where.find_plan
    )

    def say(url: str) -> None:
        print(f"{url}  (Ctrl-C ends it)", flush=True)

    with signals_interrupt():
        asyncio.run(serve(watch, nodes, page, port=options.port, say=say))
    return 0
