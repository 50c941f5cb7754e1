"""``colearn-ledger motion``: what members decide about themselves: who is one, by which rules, on which weights."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.limits import MOST_SECONDS
from ..core.protocol import AGREEMENTS, ZERO_ADDRESS, MotionKind, MotionState
from ..core.threshold import parse_threshold
from ..errors import ContractError, UsageError
from ..formats.addresses import parse_address
from ..formats.duration import parse_duration
from ..report.rules import PAUSE, TRAIN_WINDOW, WINDOWS
from .agreeing import END, PLAN, SUCCESSOR, add_agreement, agreed_word
from .configured import take_key, take_place
from .going_back import earlier, say_weights
from .options import Collective, add_collective_options, open_collective
from .program import Parser
from .sending import add_config, add_sending, member_view, nothing_sent, say_sent, say_where, sender_of

if TYPE_CHECKING:
    from ..chain.transactions import Receipt, Sender
    from ..history.motions import Motion, Motions
    from ..report.motions import Planned

__all__ = ["add_options", "find_motion", "run"]

REVERT, REPLACE = "revert-to", "replace-key"
_KINDS = {
    "add": MotionKind.ADD_MEMBER,
    "remove": MotionKind.REMOVE_MEMBER,
    "rules": MotionKind.SET_RULES,
    "leave": MotionKind.REMOVE_MEMBER,
    REVERT: MotionKind.REVERT_TO,
    REPLACE: MotionKind.REPLACE_MEMBER,
    PLAN: MotionKind.SET_PLAN,
    END: MotionKind.SET_END,
    SUCCESSOR: MotionKind.SET_SUCCESSOR,
}
_WISHES = ("leave", REPLACE)


class _Actions(Parser):
    """``propose --revert-to 3`` means what ``propose revert-to 3`` does, wherever the option stands."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words: list[str] = list(args or ())
        for at, word in enumerate(words):
            name, equals, value = word.partition("=")
            if name == f"--{REVERT}" and (equals or at + 1 < len(words)):
                rest = words[at + 1 :] if equals else words[at + 2 :]
                words = [REVERT, value if equals else words[at + 1], *words[:at], *rest]
                break
        return super().parse_known_args(words, namespace)


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Actions)
    text = "move to add or remove a member, to change the rules, to go back to earlier weights; or leave"
    kinds = actions.add_parser("propose", help=text, description=text).add_subparsers(
        dest="kind", metavar="WHAT", required=True
    )
    for name, text in (
        ("add", "move to add a member"),
        ("remove", "move to remove a member, who has no vote on it"),
        ("rules", "move to change the rules; what isn't named stays"),
        (REVERT, "move to make the weights of an earlier accepted round the accepted ones again (also: --revert-to)"),
        (PLAN, "move to agree on another plan, by the sha256 of its file"),
        (END, "move to agree on an end, after which only motions go on; without a round and a time: on none"),
        (SUCCESSOR, "move to say which collective goes on; it changes nothing else"),
        ("leave", "leave the collective, which needs nobody's vote"),
        (REPLACE, "hand one's seat to another address, which needs nobody's vote"),
    ):
        kind = kinds.add_parser(name, help=text, description=text)
        if name in ("add", "remove"):
            kind.add_argument("member", metavar="ADDRESS", help="of the member")
        if name == REPLACE:
            kind.add_argument("member", metavar="ADDRESS", help="of the new key")
        if name == REVERT:
            kind.add_argument("round", metavar="ROUND", type=int, help="an accepted one; 0 is the genesis")
            text = "RPC of an IPFS daemon that is asked whether it still has the weights"
            kind.add_argument("--ipfs", metavar="ADDRESS", help=text)
            text = "instead of IPFS: the folder that all members share"
            kind.add_argument("--store-folder", type=Path, metavar="DIR", help=text)
        add_agreement(kind, name)
        if name == "rules":
            kind.add_argument("--threshold", metavar="T", help="share of voters that must be exceeded, such as 2/3")
            for window in (TRAIN_WINDOW, *WINDOWS, PAUSE):
                text = f"{window.use}: seconds, or such as 90s, 10m, 2h, 1d"
                kind.add_argument(window.flag, metavar="T", help=text)
        add_sending(kind)
    text = "vote on a motion"
    vote = actions.add_parser("vote", help=text, description=text)
    vote.add_argument("motion", metavar="ID", help="the motion's id; its beginning, if no other begins so")
    vote.add_argument("choice", choices=("approve", "reject"), help="a vote can't be changed")
    add_sending(vote)
    text = "the motions that wait, and their ids"
    listing = actions.add_parser("list", help=text, description=text)
    add_collective_options(listing)
    add_config(listing, "endpoint and deployment")
    listing.add_argument("--all", action="store_true", help="those that are over, too")
    listing.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    if options.action == "list":
        if options.config is not None:
            take_place(options)
        return _list(options)
    take_key(options)
    return _propose(options) if options.action == "propose" else _vote(options)


# ------------------------------------------------------------------------------------------------ list


def _list(options: argparse.Namespace) -> int:
    where = open_collective(options)
    read = _read(where, logs=options.all)
    if options.json:
        from ..history.motions import motions_to_dict

        shown = tuple(motion for motion in read.motions if options.all or motion.waits)
        json.dump(motions_to_dict(replace(read, motions=shown)), sys.stdout, indent=2)
        print()
        return 0
    from ..report.motions import motions_page
    from ..report.terminal import printer

    show = printer()
    for line in motions_page(read, everything=options.all, names=where.read_names()):
        show(line)
    return 0


def _read(where: Collective, *, logs: bool = False) -> Motions:
    from ..history.motions import read_motions

    return where.read(lambda snapshot: read_motions(snapshot, deployed_block=where.deployed_block, logs=logs))


# ------------------------------------------------------------------------------------------------ propose


def _propose(options: argparse.Namespace) -> int:
    named = getattr(options, "member", None)
    subject = None if named is None else parse_address(named, "the member")
    changes = _changes(options) if options.kind == "rules" else {}
    where = open_collective(options)
    sender = sender_of(options, where)
    view, members = where.read(lambda snapshot: (member_view(snapshot, sender), snapshot.members()))
    me = sender.account.address
    if options.kind == "leave":
        subject = me
    else:
        _check_subject(options.kind, subject, me, members)
    rules = None
    if options.kind == "rules":
        if "train_window" in changes and not view.merge_order:
            raise UsageError(
                "the collective's rounds are solo: there is no window to train in",
                expected="a collective that was founded with joint rounds",
                fix="leave out --train-window; to change to joint rounds, found a successor by `deploy --joint`",
            )
        rules = view.rules.changed(**changes)
        if rules == view.rules:
            raise UsageError("these are the rules already", expected="a change", fix="name what is to be changed")
    word = agreed_word(options, _KINDS[options.kind], where) if _KINDS[options.kind] in AGREEMENTS else None
    back = earlier(where, view, options.round) if options.kind == REVERT else None

    from ..report.motions import planned, planned_in_words

    plan = planned(
        _KINDS[options.kind],
        me,
        view.rules,
        len(members),
        subject=subject,
        rules=rules,
        to_round=None if back is None else back.round,
        word=word,
        wish=options.kind in _WISHES,
    )
    say_where(where, view, sender)
    for line in planned_in_words(plan, view.rules, members, where.read_names()):
        print(line, flush=True)
    if back is not None:
        say_weights(options, back)
    if options.kind == REPLACE:
        print(f"keys      start a node with the key of {subject} at any time: it waits until it is a member;")
        print(f"          the one with the key of {me} has nothing to do from then on, and can be stopped")
    if options.dry_run:
        return nothing_sent()
    receipt = _send(sender, plan)
    mine = [m for m in _after(where, receipt) if m.record.mover == me]
    return _say_outcome(mine[-1])


def _send(sender: Sender, plan: Planned) -> Receipt:
    if plan.rules is not None:
        return sender.move_rules(plan.rules)
    if plan.word is not None:
        return sender.move_to_agree_on(plan.kind, plan.word)
    if plan.to_round is not None:
        return sender.move_revert_to(plan.to_round)
    assert plan.subject is not None
    if plan.kind is MotionKind.REPLACE_MEMBER:
        return sender.replace_member(plan.subject)
    if plan.need == 0:
        return sender.leave()
    if plan.kind is MotionKind.ADD_MEMBER:
        return sender.move_add_member(plan.subject)
    return sender.move_remove_member(plan.subject)


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """What is to be changed, as :meth:`.Rules.changed` takes it."""
    changes: dict[str, Any] = {
        window.name: parse_duration(
            getattr(options, window.name), window.flag, most=MOST_SECONDS, least=int(window is not PAUSE)
        )
        for window in (TRAIN_WINDOW, *WINDOWS, PAUSE)
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
    if kind in ("add", REPLACE) and subject == ZERO_ADDRESS:
        raise UsageError("the member is the zero address", fix="name the address of the member's key")
    if kind in ("add", REPLACE) and subject in members:
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
    sender = sender_of(options, where)
    view = where.read(lambda snapshot: member_view(snapshot, sender))
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
    say_where(where, view, sender)
    print(f"motion    {name}: {subject_in_words(record, where.read_names())}")
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
        return nothing_sent()
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


def _after(where: Collective, receipt: Receipt) -> tuple[Motion, ...]:
    """The motions as of the block that the transaction is in, or a later one."""
    from ..chain.endpoints import persist

    say_sent(receipt)
    where.snapshot = persist(where.contract.web3, lambda: where.contract.snapshot(receipt.block or None))
    return _read(where).motions


def _say_outcome(motion: Motion) -> int:
    from ..report.motions import shown_id, standing_in_words

    print(f"outcome   {shown_id(motion.record.id)} is {standing_in_words(motion)}")
    return 0
