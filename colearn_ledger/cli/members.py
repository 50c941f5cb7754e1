"""``colearn-ledger members``: who has a seat, since when, and what it has to pay for transactions."""

from __future__ import annotations

import argparse
import json
import sys

from .options import add_collective_options, open_collective

__all__ = ["FORMAT", "add_options", "run"]

FORMAT = "colearn-members-1"


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser, saved=True)
    parser.add_argument("--round", type=int, metavar="N", help="the members of round N (default: the current one)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    where = open_collective(options)
    from ..history.members import read_members

    number, members = where.read(
        lambda snapshot: read_members(snapshot, at_round=options.round, deployed_block=where.deployed_block)
    )
    names = where.read_names()
    if options.json:
        record = {
            "format": FORMAT,
            "chain_id": where.contract.chain_id,
            "address": where.contract.address,
            "block": where.snapshot.head.number,
            "round": number,
            "members": [
                {
                    "seat": m.seat,
                    "address": m.address,
                    "name": names.of(m.address) or None,
                    "since_round": m.since,
                    "replaced": m.replaced,
                    "balance_wei": m.balance,
                }
                for m in members
            ],
        }
        json.dump(record, sys.stdout, indent=2)
        print()
        return 0
    from ..chain.fees import in_ether
    from ..report.columns import Column, columns

    print(f"{len(members)} members in round {number}")
    known = [Column("seat", right=True), Column("member"), Column("since round", right=True), Column("balance (ether)")]
    rows = [[str(m.seat), m.address, "?" if m.since is None else str(m.since), in_ether(m.balance)] for m in members]
    if any(names.of(m.address) for m in members):
        known.insert(1, Column("name"))
        rows = [[row[0], names.of(m.address), *row[1:]] for row, m in zip(rows, members, strict=True)]
    if any(m.replaced for m in members):
        known.append(Column("replaced"))
        rows = [[*row, m.replaced or ""] for row, m in zip(rows, members, strict=True)]
    for line in columns(known, rows):
        print(line)
    return 0
