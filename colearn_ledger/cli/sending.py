"""What commands have in common that send a member's transactions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotAMember
from .options import Collective, add_collective_options, add_key_options, fee_cap, open_account

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..chain.transactions import Receipt, Sender
    from ..core.protocol import View

__all__ = ["add_config", "add_sending", "member_view", "nothing_sent", "say_sent", "say_where", "sender_of"]


def add_config(parser: argparse.ArgumentParser, gives: str) -> None:
    text = f"a node's configuration: gives whatever isn't given of {gives}"
    parser.add_argument("--config", type=Path, metavar="FILE", help=text)


def add_sending(parser: argparse.ArgumentParser) -> None:
    """Where the collective is, whose key signs, and whether anything is sent."""
    add_collective_options(parser)
    add_key_options(parser)
    add_config(parser, "endpoint, deployment and key")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and send nothing")


def sender_of(options: argparse.Namespace, where: Collective) -> Sender:
    """By the key that the options name. Raises KeyFileError if there is none, or it can't be opened."""
    from ..chain.transactions import Sender

    cap = fee_cap(options)
    return Sender(where.contract, open_account(options), fee_cap=cap)


def member_view(snapshot: Snapshot, sender: Sender) -> View:
    """As the sender has it. Raises NotAMember."""
    view = snapshot.view(sender.account.address)
    if not view.is_member:
        raise NotAMember(
            f"{sender.account.address} is not a member of the collective at {snapshot.contract.address}",
            name="NotAMember",
            expected="the key of a member",
            fix="use a member's key, or have a member move to add this address",
        )
    return view


def say_where(where: Collective, view: View, sender: Sender) -> None:
    print(f"at        {where.contract.address} on chain {where.contract.chain_id}, round {view.round}")
    print(f"by        {where.read_names().full(sender.account.address)}, seat {view.seat} of {view.member_count}")


def say_sent(receipt: Receipt) -> None:
    if receipt.block:  # else it was done before
        print(f"sent      0x{receipt.transaction.hex()}, block {receipt.block}, {receipt.gas:,} gas", flush=True)


def nothing_sent() -> int:
    print("dry run: nothing was sent")
    return 0
