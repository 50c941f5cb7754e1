"""``colearn-ledger status``: whose turn it is, until when, who has acted, what waits."""

from __future__ import annotations

import argparse
import json
import sys

from .options import Collective, add_collective_options, open_collective

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--follow", action="store_true", help="go on: one live line on a terminal, else a line a change")


def run(options: argparse.Namespace) -> int:
    where = open_collective(options)
    from ..report.standing import read_standing, standing_page, standing_to_dict
    from ..report.terminal import printer

    if options.follow:
        _follow(where)
    standing = where.read(
        lambda snapshot: read_standing(
            snapshot, where.fetch_names(snapshot), where.find_plan, deployed_block=where.deployed_block
        )
    )
    if options.json:
        json.dump(standing_to_dict(standing), sys.stdout, indent=2)
        print()
        return 0
    show = printer()
    for line in standing_page(standing):
        show(line)
    return 0


def _follow(where: Collective) -> None:
    """Until Ctrl-C."""
    from ..history.follow import again_and_again
    from ..report.live_line import live_line

    def look() -> None:
        snapshot = where.contract.snapshot()
        tell(snapshot, where.fetch_names(snapshot))

    with live_line() as tell:
        for _ in again_and_again(
            look,
            trouble=lambda error: print(f"note: {error.what}; trying again", file=sys.stderr),
        ):
            pass
