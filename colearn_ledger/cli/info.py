"""``colearn-ledger info``: what a collective is, without a key."""

from __future__ import annotations

import argparse
import json
import sys

from .options import add_collective_options, open_collective

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser, saved=True)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    where = open_collective(options)
    from ..report.about import about_page, about_to_dict, read_about

    about = where.read(
        lambda snapshot: read_about(
            snapshot, where.deployed_block, where.schema, where.fetch_names(snapshot), where.find_plan
        )
    )
    if options.json:
        json.dump(about_to_dict(about), sys.stdout, indent=2)
        print()
        return 0
    for line in about_page(about):
        print(line)
    return 0
