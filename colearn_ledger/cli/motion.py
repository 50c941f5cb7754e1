"""``colearn-ledger motion``: what members decide about themselves: who is one, and by which rules they vote."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core.limits import MOST_SECONDS
from ..core.protocol import ZERO_ADDRESS, MotionKind, MotionState
from ..core.threshold import parse_threshold
from ..errors import ContractError, NotAMember, UsageError
from ..formats.addresses import parse_address
from ..formats.duration import parse_duration
from ..report.rules import WINDOWS
from .options import (
    Collective,
    add_collective_options,
    add_key_options,
    fee_cap,
    open_account,
    open_collective,
)

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..chain.transactions import Receipt, Sender
    from ..core.protocol import View
    from ..history.motions import Motion, Motions

__all__ = ["add_options", "find_motion", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "move to add or remove a member or to change the rules; or leave"
    kinds = actions.add_parser("propose", help=text, description=text).add_subparsers(
        dest="kind", metavar="WHAT", required=True
    )
    for name, text in (
        ("add", "move to add a member"),
        ("remove", "move to remove a member, who has no vote on it"),
        ("rules", "move to change the rules; what isn't named stays"),
        ("leave", "leave the collective, which needs nobody's vote"),
    ):
        kind = kinds.add_parser(name, help=text, description=text)
        if name in ("add", "remove"):
            kind.add_argument("member", metavar="ADDRESS", help="of the member")
        if name == "rules":
            kind.add_argument("--threshold", metavar="T", help="share of voters that must be exceeded, such as 2/3")
            for window in WINDOWS:
                text = f"{window.use}: seconds, or such as 90s, 10m, 2h, 1d"
                kind.add_argument(window.flag, metavar="T", help=text)
        _add_sending(kind)
    text = "vote on a motion"
    vote = actions.add_parser("vote", help=text, description=text)
    vote.add_argument("motion", metavar="ID", help="the motion's id; its beginning, if no other begins so")
    vote.add_argument("choice", choices=("approve", "reject"), help="a vote can't be changed")
    _add_sending(vote)
    text = "the motions that wait, and their ids"
    listing = actions.add_parser("list", help=text, description=text)
    add_collective_options(listing)
    listing.add_argument("--all", action="store_true", help="those that are over, too")
    listing.add_argument("--json", action="store_true", help="as JSON")


def _add_sending(parser: argparse.ArgumentParser) -> None:
    add_collective_options(parser)
    add_key_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and send nothing")


def run(options: argparse.Namespace) -> int:
    if options.action == "list":
        return _list(options)
    return _propose(options) if options.action == "propose" else _vote(options)


# ------------------------------------------------------------------------------------------------ list


def _list(options: argparse.Namespace) -> int:
    read = _read(open_collective(options), logs=options.all)
    if options.json:
        from ..history.motions import motions_to_dict

        shown = tuple(motion for motion in read.motions if options.all or motion.waits)
        json.dump(motions_to_dict(replace(read, motions=shown)), sys.stdout, indent=2)
        print()
        return 0
    from ..report.motions import motions_page
    from ..report.terminal import printer

    show = printer()
    for line in motions_page(read, everything=options.all):
        show(line)
    return 0


def _read(where: Collective, *, logs: bool = False) -> Motions:
    from ..history.motions import read_motions

    return where.read(lambda snapshot: read_motions(snapshot, deployed_block=where.deployed_block, logs=logs))


# ------------------------------------------------------------------------------------------------ propose


def _propose(options: argparse.Namespace) -> int:
    subject = parse_address(options.member, "the member") if options.kind in ("add", "remove") else None
    changes = _changes(options) if options.kind == "rules" else {}
    where = open_collective(options)
    sender = _sender(options, where)
    view, members = where.read(lambda snapshot: (_view(snapshot, sender), snapshot.members()))
    leave = options.kind == "leave"
    if leave:
        subject = sender.account.address
    else:
        _check_subject(options.kind, subject, sender.account.address, members)
    rules = None
    if options.kind == "rules":
        rules = view.rules.changed(**changes)
        if rules == view.rules:
            raise UsageError("these are the rules already", expected="a change", fix="name what is to be changed")
    kind = {"add": MotionKind.ADD_MEMBER, "rules": MotionKind.SET_RULES}.get(options.kind, MotionKind.REMOVE_MEMBER)

    from ..report.motions import planned_in_words

    _say_where(where, view, sender)
    for line in planned_in_words(kind, subject, view.rules, rules, members, leave=leave):
        print(line, flush=True)
    if options.dry_run:
        return _nothing_sent()
    if leave:
        receipt = sender.leave()
    elif rules is not None:
        receipt = sender.move_rules(rules)
    else:
        assert subject is not None
        add = kind is MotionKind.ADD_MEMBER
        receipt = sender.move_add_member(subject) if add else sender.move_remove_member(subject)
    mine = [m for m in _after(where, receipt) if m.record.mover == sender.account.address]
    return _say_outcome(mine[-1])


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """What is to be changed, as :meth:`.Rules.changed` takes it."""
    changes: dict[str, Any] = {
        window.name: parse_duration(getattr(options, window.name), window.flag, most=MOST_SECONDS)
        for window in WINDOWS
        if getattr(options, window.name) is not None
    }
    if options.threshold is not None:
        changes["threshold"] = parse_threshold(options.threshold)
    if not changes:
        raise UsageError(
            "nothing is to be changed", expected="--threshold or a window", fix="for example --vote-window 2h"
        )
    return changes


def _check_subject(kind: str, subject: str | None, mover: str, members: tuple[str, ...]) -> None:
    if kind == "add" and subject == ZERO_ADDRESS:
        raise UsageError("the member is the zero address", fix="name the address of the member's key")
    if kind == "add" and subject in members:
        raise UsageError(f"{subject} is a member already", expected="somebody who isn't", fix="see: members")
    if kind == "remove" and subject == mover:
        raise UsageError("a member doesn't move to remove itself", fix="motion propose leave")
    if kind == "remove" and subject not in members:
        raise UsageError(f"{subject} isn't a member", expected="a member's address", fix="see: members")


# ------------------------------------------------------------------------------------------------ vote


def _vote(options: argparse.Namespace) -> int:
    from ..report.motions import shown_id, subject_in_words

    approve = options.choice == "approve"
    wanted = _id_part(options.motion)
    where = open_collective(options)
    sender = _sender(options, where)
    view = where.read(lambda snapshot: _view(snapshot, sender))
    motion = find_motion(_read(where), wanted)
    record, me = motion.record, sender.account.address
    name = shown_id(record.id)
    bit = 1 << view.seat
    if record.state is not MotionState.OPEN:
        raise ContractError(
            f"the motion {name} is over: {record.state.name.lower()}", name="MotionNotOpen", fix="see: motion list"
        )
    if record.subject == me and record.kind is MotionKind.REMOVE_MEMBER:
        raise ContractError(
            f"the motion {name} is to remove {me}, who has no vote on it", name="NotEligible", fix="use another's key"
        )
    _say_where(where, view, sender)
    print(f"motion    {name}: {subject_in_words(record.kind, record.subject, record.rules)}")
    if (record.approvals | record.rejections) & bit:
        voted = "approve" if record.approvals & bit else "reject"
        if voted != options.choice:
            raise ContractError(
                f"{me} has voted on the motion {name} already: {voted}",
                name="AlreadyVoted",
                expected="one vote of each member",
                fix="a vote can't be changed; whoever moves it has approved it",
            )
        print(f"vote      {voted}, given already: nothing was sent")
        return _say_outcome(motion)
    print(f"vote      {options.choice}", flush=True)
    if options.dry_run:
        return _nothing_sent()
    receipt = sender.vote_motion(record.id, approve)
    return _say_outcome(next(m for m in _after(where, receipt) if m.record.id == record.id))


def _id_part(text: str) -> str:
    digits = text.lower().removeprefix("0x")
    if not digits or len(digits) > 64 or set(digits) - set("0123456789abcdef"):
        raise UsageError(
            f"the motion is {text[:70]!r}", expected="its id, or the beginning of it, in hex", fix="see: motion list"
        )
    return digits


def find_motion(read: Motions, wanted: str) -> Motion:
    """The one whose id begins so (hex, lower case). Raises UsageError if there is none, or more than one."""
    alike = [motion for motion in read.motions if motion.record.id.hex().startswith(wanted)]
    if len(alike) != 1:
        raise UsageError(
            f"no motion's id begins with {wanted}" if not alike else f"{len(alike)} motions' ids begin with {wanted}",
            expected="the id of a motion",
            fix="motion list --all shows them" if not alike else "give more of it",
        )
    return alike[0]


# ------------------------------------------------------------------------------------------------ both


def _sender(options: argparse.Namespace, where: Collective) -> Sender:
    from ..chain.transactions import Sender

    cap = fee_cap(options)
    return Sender(where.contract, open_account(options), fee_cap=cap)


def _view(snapshot: Snapshot, sender: Sender) -> View:
    view = snapshot.view(sender.account.address)
    if not view.is_member:
        raise NotAMember(
            f"{sender.account.address} is not a member of the collective at {snapshot.contract.address}",
            name="NotAMember",
            expected="the key of a member",
            fix="use a member's key, or have a member move to add this address",
        )
    return view


def _say_where(where: Collective, view: View, sender: Sender) -> None:
    print(f"at        {where.contract.address} on chain {where.contract.chain_id}, round {view.round}")
    print(f"by        {sender.account.address}, seat {view.seat} of {view.member_count}")


def _nothing_sent() -> int:
    print("dry run: nothing was sent")
    return 0


def _after(where: Collective, receipt: Receipt) -> tuple[Motion, ...]:
    """The motions as of the block that the transaction is in, or a later one."""
    from ..chain.endpoints import persist

    if receipt.block:  # else it was done before
        print(f"sent      0x{receipt.transaction.hex()}, block {receipt.block}, {receipt.gas:,} gas", flush=True)
    where.snapshot = persist(where.contract.web3, lambda: where.contract.snapshot(receipt.block or None))
    return _read(where).motions


def _say_outcome(motion: Motion) -> int:
    from ..report.motions import shown_id, standing_in_words

    print(f"outcome   {shown_id(motion.record.id)} is {standing_in_words(motion)}")
    return 0
