"""``colearn-ledger show ROUND``: everything that the chain has about one round."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .history import note_missing
from .options import add_collective_options, open_collective, parse_round

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..history import History

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("round", metavar="ROUND", help="its number (0: genesis), or `current`")
    add_collective_options(parser, saved=True)
    parser.add_argument("--json", action="store_true", help="as JSON, in the form of `history --json`")
    parser.add_argument("--no-logs", action="store_true", help="don't ask for events: storage alone")


def run(options: argparse.Namespace) -> int:
    asked = parse_round(options.round)
    where = open_collective(options)
    from ..history import read_history

    def read(snapshot: Snapshot) -> History:
        number = snapshot.current_round() if asked is None else asked
        return read_history(
            snapshot,
            first=number,
            last=number,
            deployed_block=where.deployed_block,
            logs=not options.no_logs,
            receipts=True,
        )

    history = where.read(read)
    note_missing(history, where)
    if options.json:
        from ..history.export import history_to_dict

        json.dump(history_to_dict(history, where.read_names().by_address), sys.stdout, indent=2, allow_nan=False)
        print()
        return 0
    from ..report.round_page import round_page
    from ..report.terminal import printer

    show = printer()
    for line in round_page(history, where.read_names()):
        show(line)
    return 0
