"""Run it: ``python -m tests.chaos --faults 700``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from .driver import campaign, forget_broken, read_record
from .registry import FAULTS
from .soak import soak
from .table import write_page

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """0 if nothing is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=9, help="gives the faults, their order and their random numbers")
    parser.add_argument("--faults", type=int, default=700, help="of this seed, with those in the record already")
    parser.add_argument("--minutes", type=float, default=1e6, help="no new fault begins after so many")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(FAULTS), help="faults to draw from")
    parser.add_argument("--record", type=Path, default=ROOT / ".chaos" / "record.jsonl", help="goes on where it ends")
    parser.add_argument("--again", action="store_true", help="those that broke something are injected anew")
    parser.add_argument("--no-kubo", action="store_true", help="collectives on a shared folder alone")
    parser.add_argument("--rounds", choices=["drawn", "solo", "joint"], default="drawn", help="of all collectives")
    parser.add_argument("--page", type=Path, help="write the table there, such as docs/faults.md")
    parser.add_argument("--soak", type=int, metavar="ROUNDS", help="no faults: so many rounds, and figures of growth")
    parser.add_argument("--members", type=int, default=5, help="of the soak")
    parser.add_argument("--list", action="store_true", help="the faults by name")
    given = parser.parse_args(words)
    if given.list:
        for name, fault in sorted(FAULTS.items()):
            print(f"{name:32} {fault.group:6} {(fault.inject.__doc__ or '').partition(chr(10))[0]}")
        return 0
    if given.soak:
        soak(given.soak, given.members)
        return 0
    print(f"seed {given.seed}", flush=True)
    for signal_ in (signal.SIGTERM, signal.SIGINT):  # the nodes end with it; in the background Ctrl-C would be ignored
        signal.signal(signal_, lambda number, frame: sys.exit(128 + number))
    if given.again:
        forget_broken(given.record)
    outcomes = campaign(
        given.record,
        seed=given.seed,
        faults=given.faults,
        until=time.monotonic() + 60 * given.minutes,
        names=given.only or FAULTS,
        say=lambda text: print(text, flush=True),
        kubo=not given.no_kubo,
        joint=None if given.rounds == "drawn" else given.rounds == "joint",
    )
    if given.page is not None:
        command = f".venv/bin/python -m tests.chaos --seed {given.seed} --faults {given.faults} --page docs/faults.md"
        write_page(given.page, [o for o in read_record(given.record) if o.seed == given.seed], command)
    return 1 if any(o.broken for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
