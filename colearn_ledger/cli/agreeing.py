"""What a motion says that members are to agree on: another plan, an end, a successor."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

from ..core.agreements import NONE, End, Successor
from ..core.protocol import MotionKind
from ..errors import ColearnError, UsageError
from ..formats.addresses import parse_address
from .options import Collective

__all__ = ["END", "PLAN", "SUCCESSOR", "add_agreement", "agreed_word"]

PLAN, END, SUCCESSOR = "plan", "end", "successor"


def add_agreement(parser: argparse.ArgumentParser, name: str) -> None:
    """What ``propose plan``, ``end`` and ``successor`` take; nothing for any other kind."""
    if name == PLAN:
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="the plan; without it: on none")
    if name == END:
        parser.add_argument("--last-round", metavar="N", type=int, default=0, help="no round after it is played")
        text = "in UTC, such as 2027-06-30T12:00:00; nothing is proposed after it"
        parser.add_argument("--last-second", metavar="TIME", help=text)
    if name == SUCCESSOR:
        text = "its contract's address, or its deployment file"
        parser.add_argument("successor", metavar="ADDRESS|FILE", help=text)
        text = "the chain that it is on; default: the file's, or else this one's"
        parser.add_argument("--chain-id", metavar="N", type=int, help=text)


def agreed_word(options: argparse.Namespace, kind: MotionKind, where: Collective) -> bytes:
    """What is to be agreed on, as the contract keeps it.

    Raises UsageError for what can't be, or is so already; ConfigError for a file that is no plan, or no deployment.
    """
    from ..plan.document import read_plan

    try:
        if kind is MotionKind.SET_PLAN:
            word = NONE if options.file is None else read_plan(options.file).sha256
        elif kind is MotionKind.SET_END:
            word = End(options.last_round, _second(options.last_second)).to_bytes()
        else:
            word = _successor(options, where.contract.chain_id).to_bytes()
    except ColearnError:
        raise
    except ValueError as e:
        raise UsageError(str(e), expected="a round below 2^32, a time before 4147, a chain id below 2^64") from e
    if where.read(lambda snapshot: snapshot.agreement(kind)) == word:
        raise UsageError("this is agreed on already", expected="a change", fix="see: info")
    return word


def _successor(options: argparse.Namespace, chain_id: int) -> Successor:
    """What is named, by its address or its deployment file."""
    from ..founding.record import load_deployment

    path = Path(options.successor)
    if path.is_file():
        record = load_deployment(path)
        if options.chain_id not in (None, record.chain_id):
            raise UsageError(f"--chain-id is {options.chain_id}, and {path} is of chain {record.chain_id}")
        return Successor(bytes.fromhex(record.address[2:]), record.chain_id)
    address = parse_address(options.successor, "the successor, which is no file either,")
    return Successor(bytes.fromhex(address[2:]), chain_id if options.chain_id is None else options.chain_id)


def _second(text: str | None) -> int:
    """Raises ValueError for what is no time."""
    if text is None:
        return 0
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp())
