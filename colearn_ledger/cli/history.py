"""``colearn-ledger history``: the rounds, read from the chain alone."""

from __future__ import annotations

import argparse
import json
import re
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..errors import UsageError
from .across import add_across_options, read_across
from .options import Collective, add_collective_options, open_collective
from .progress import terminal_progress

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..history import History
    from ..report.agreed import Agreed

__all__ = ["add_options", "add_range_options", "check_range", "note_missing", "read_asked", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser, saved=True)
    add_range_options(parser)
    add_across_options(parser.add_argument)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, with everything that is known")
    form.add_argument("--csv", action="store_true", help="as CSV, one row a round")
    form.add_argument("--follow", action="store_true", help="go on, and show each round when it is over")


def add_range_options(parser: argparse.ArgumentParser) -> None:
    """Which rounds, and how much of them."""
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--rounds", metavar="A:B", help="from round A to round B; either may be left out (default: all)")
    which.add_argument("--last", type=int, metavar="N", help="only the N newest rounds")
    add("--no-logs", action="store_true", help="don't ask for events: storage alone, which a pruned node has, too")
    add("--no-gas", action="store_true", help="don't read receipts: quicker, without gas, fees and senders")


def run(options: argparse.Namespace) -> int:
    check_range(options)
    if options.across is not None and (options.csv or options.follow):
        raise UsageError("--across with --csv or --follow", expected="a table, or --json", fix="leave one out")
    if options.follow and options.run_folder is not None:
        raise UsageError("--follow of a run that is over", expected="a chain that goes on", fix="leave out --follow")
    where = open_collective(options)
    history = read_asked(options, where)
    note_missing(history, where)
    across = None if options.across is None else read_across(options, where)
    if options.json:
        from ..history.export import history_to_dict
        from ..report.agreed import agreed_to_dict

        told = history_to_dict(history, where.read_names().by_address)
        told |= agreed_to_dict(_agreed(where))
        if across is not None:
            told["predecessor"] = history_to_dict(_whole(options, across.old), across.old.read_names().by_address)
            told["continues_round"] = across.link.round
        json.dump(told, sys.stdout, indent=2, allow_nan=False)
        print()
    elif options.csv:
        from ..history.export import write_csv

        write_csv(history.rounds, sys.stdout, names=where.read_names().by_address)
    elif options.follow:
        _follow(options, where, history)
    else:
        from ..report.agreed import agreed_words
        from ..report.rounds import history_page
        from ..report.terminal import printer, terminal_width

        show = printer()
        if across is not None:
            old = across.old
            for line in history_page(
                _whole(options, old), terminal_width(), old.read_names(), agreed_words(_agreed(old))
            ):
                show(line)
            show("")
            show(across.in_words)
            show("")
        for line in history_page(history, terminal_width(), where.read_names(), agreed_words(_agreed(where))):
            show(line)
    if across is not None:
        across.judge()
    return 0


def _whole(options: argparse.Namespace, old: Collective) -> History:
    """All rounds of the old collective."""
    return read_asked(argparse.Namespace(**{**vars(options), "rounds": None, "last": None}), old)


def _agreed(where: Collective) -> Agreed:
    from ..report.agreed import read_agreed

    return where.read(lambda snapshot: read_agreed(snapshot, where.find_plan, scores=False))


def check_range(options: argparse.Namespace) -> tuple[int | None, int | None]:
    """The first and the last round that are asked for. A negative first one counts back from the newest.

    Raises UsageError for what names none.
    """
    if options.last is not None:
        if options.last < 1:
            raise UsageError(f"--last is {options.last}", expected="1 or more")
        return -options.last, None
    if options.rounds is None:
        return None, None
    match = re.fullmatch(r"([0-9]{0,9}):([0-9]{0,9})", options.rounds)
    first, last = (None, None) if match is None else (int(part) if part else None for part in match.groups())
    if match is None or (first is not None and last is not None and first > last):
        raise UsageError(f"--rounds is {options.rounds[:40]!r}", expected="A:B with A up to B, such as 3:7, 3: or :7")
    return first, last


def read_asked(options: argparse.Namespace, where: Collective) -> History:
    """The rounds that are asked for."""
    from ..history import read_history

    first, last = check_range(options)
    progress = terminal_progress()

    def read(snapshot: Snapshot) -> History:
        newest = snapshot.current_round() + 1 if first is not None and first < 0 else 0
        return read_history(
            snapshot,
            first=max((first or 0) + newest, 0),
            last=last,
            deployed_block=where.deployed_block,
            logs=not options.no_logs,
            receipts=not options.no_gas,
            progress=progress,
        )

    try:
        return where.read(read)
    finally:
        progress("")


def note_missing(history: History, where: Collective) -> None:
    """Say on standard error what the endpoint didn't give."""
    if history.logs_problem:
        from ..report.terminal import one_line

        lost = "times, transactions, gas, scores and notes of some rounds are missing, perhaps members' names, too"
        print(f"note: {lost}: {one_line(history.logs_problem)}", file=sys.stderr)
        where.said_missing = True


def _follow(options: argparse.Namespace, where: Collective, history: History) -> None:
    """The table, which grows until Ctrl-C. On a terminal the line below it tells how the open round stands."""
    from ..history import follow_history
    from ..report.live_line import live_line
    from ..report.rounds import RoundsTable, heading
    from ..report.terminal import printer, terminal_width

    show = printer()
    table = RoundsTable(history.rounds, terminal_width(), where.read_names())
    for line in (*heading(history), "", table.header):
        show(line)
    over = [round_ for round_ in history.rounds if round_.record.state.decided]
    for line in table.lines(over):
        show(line)
    following = over[-1].record.round + 1 if over else history.rounds[0].record.round
    with nullcontext() if not sys.stdout.isatty() else live_line() as tell:
        show = printer()  # above the live line

        def look() -> Snapshot:
            snapshot = where.contract.snapshot()
            table.names = where.fetch_names(snapshot)
            if tell is not None:
                tell(snapshot, table.names)
            return snapshot

        for news in follow_history(
            look,
            following,
            deployed_block=where.deployed_block,
            logs=not options.no_logs,
            receipts=not options.no_gas,
            trouble=lambda error: print(f"note: {error.what}; trying again", file=sys.stderr),
        ):
            for line in table.lines(news.rounds):
                show(line)
