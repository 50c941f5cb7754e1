"""``colearn-ledger plot``: the history as a picture, from the chain alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from .history import add_range_options, check_range, note_missing, read_asked
from .options import add_collective_options, open_collective

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser, saved=True)
    add_range_options(parser)
    add = parser.add_argument
    text = "the file: .png, .svg, .pdf or another form that matplotlib writes (default: history.png)"
    add("-o", "--output", type=Path, default=Path("history.png"), metavar="FILE", help=text)


def run(options: argparse.Namespace) -> int:
    from ..report.history_plot import plot_history
    from ..report.picture import check_ending

    check_ending(options.output, "history.png")  # before minutes of reading
    check_range(options)
    where = open_collective(options)
    history = read_asked(options, where)
    note_missing(history, where)
    plot_history(history, options.output, where.read_names())
    print(f"written: {options.output}")
    return 0
