"""``colearn-ledger name``: a member says how it is to be called."""

from __future__ import annotations

import argparse
import sys

from ..errors import UsageError
from ..founding.names import MOST_BYTES, Names, why_no_name
from .configured import take_key
from .options import open_collective
from .sending import add_sending, member_view, nothing_sent, say_sent, say_where, sender_of

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    text = f'at most {MOST_BYTES} bytes of UTF-8, all of it printable; "" takes the name back'
    parser.add_argument("name", metavar="NAME", help=text)
    add_sending(parser)


def run(options: argparse.Namespace) -> int:
    name: str = options.name
    if name and (why := why_no_name(name)):
        raise UsageError(
            why,
            expected=f"printable text of at most {MOST_BYTES} bytes, without spaces at its ends",
            fix="correct it",
        )
    take_key(options)
    where = open_collective(options)
    sender = sender_of(options, where)
    view = where.read(lambda snapshot: member_view(snapshot, sender))
    say_where(where, view, sender)
    print(f"name      {name or 'none any more'}", flush=True)
    me = sender.account.address
    if name and not Names({**where.read_names().by_address, me: name}).distinct().of(me):
        print("note: another member is, or was, called alike", file=sys.stderr)
    if options.dry_run:
        return nothing_sent()
    say_sent(sender.name_myself(name.encode().ljust(MOST_BYTES, b"\0")))
    return 0
