"""What the page asks for, as values for JSON. Addresses, hashes and whatever members wrote are plain text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..chain.fees import in_ether
from ..chain.snapshot import Snapshot
from ..core.protocol import RoundState, View, seats
from ..errors import UsageError
from ..history.export import round_to_dict, utc
from ..history.members import read_members
from ..history.motions import motions_to_dict, read_motions
from ..history.read import read_history
from ..report.agreed import agreed_words
from ..report.motions import standing_in_words, subject_in_words
from ..report.round_page import outcome
from ..report.rules import decision_in_words, rounds_in_words, windows_in_words
from ..report.standing import Standing, standing_to_dict
from .rows import lineage
from .watch import Seen

__all__ = ["members_answer", "motions_answer", "round_answer", "state_answer"]


def state_answer(seen: Seen, *, nodes: bool = False) -> dict[str, Any]:
    """How the collective stands; ``nodes``: whether there are any to ask."""
    view = seen.standing.view
    over = Counter(record.state for record in seen.records if record.round > 0)
    hidden = view.secret_votes and view.state is RoundState.VOTING
    told, names = standing_to_dict(seen.standing), seen.standing.names
    waiting = zip(told["motions"], seen.standing.motions, strict=True)
    return {
        **told,
        "motions": [{**one, "subject": subject_in_words(motion.record, names)} for one, motion in waiting],
        "version": seen.version,
        "block_hash": "0x" + seen.head.hash.hex(),
        "clock": view.at,
        "until_clock": seen.standing.until if seen.standing.by_clock else None,
        "voters": view.member_count - 1,
        "approvals": None if view.proposal is None or hidden else view.proposal.approvals.bit_count(),
        "names": dict(names.by_address),
        "seats": _seats(seen.standing),
        "counts": {state.name.lower(): over[state] for state in RoundState if state.decided},
        "rules": [*_rules(view), *([] if seen.standing.agreed is None else agreed_words(seen.standing.agreed))],
        "events": {"from": seen.told_from, "to": seen.told_to, "settled": seen.settled, "problem": seen.problem},
        "reorg": None if seen.reorg is None else {"block": seen.reorg.block, "round": seen.reorg.round},
        "trouble": seen.trouble,
        "nodes": nodes,
    }


def _rules(view: View) -> list[str]:
    return [
        decision_in_words(view.rules, view.member_count),
        rounds_in_words(view.merge_order),
        f"votes are {'secret until they are revealed' if view.secret_votes else 'open'}",
        windows_in_words(view.rules, secret=view.secret_votes),
    ]


def _seats(standing: Standing) -> list[dict[str, Any]]:
    """What each member has done in the phase that goes on; how it voted, only where that is told already."""
    view, acted, awaited = standing.view, set(standing.acted), set(standing.awaited)
    proposal = view.proposal
    yes, no = (set(), set()) if proposal is None else (set(seats(proposal.approvals)), set(seats(proposal.rejections)))
    done = {"training": "contributed", "voting": "committed", "revealing": "revealed"}.get(standing.phase, "")

    def did(seat: int, member: str) -> str:
        if proposal is not None and seat == proposal.proposer_seat:
            return "proposed"
        if seat in yes or seat in no:
            return "approved" if seat in yes else "rejected"
        if seat in acted:
            return done
        if seat in awaited:
            return "turn" if proposal is None and standing.phase != "training" else "awaited"
        return ""

    return [
        {"seat": seat, "member": member, "did": did(seat, member), "proposer": member == view.proposer}
        for seat, member in enumerate(standing.members)
    ]


def round_answer(snapshot: Snapshot, seen: Seen, number: int, deployed_block: int) -> dict[str, Any]:
    """Everything about one round. Raises UsageError if there is no such round, ChainError."""
    if not 0 <= number < len(seen.records):
        raise UsageError(f"there is no round {number}", expected=f"0 to {len(seen.records) - 1}")
    history = read_history(snapshot, first=number, last=number, deployed_block=deployed_block, receipts=True)
    [round_] = history.rounds
    fee = round_.fee
    return {
        **round_to_dict(round_),
        "outcome": outcome(round_, seen.standing.names),
        "missed_votes": round_.missed_votes,
        "fee": None if fee is None else in_ether(fee),
        "lineage": lineage(seen.records, number),
        "problem": history.logs_problem,
        "block": history.head.number,
    }


def members_answer(snapshot: Snapshot, seen: Seen, deployed_block: int) -> dict[str, Any]:
    """The members, each with what came of its turns. Raises ChainError."""
    number, members = read_members(snapshot, deployed_block=deployed_block)
    turns = Counter((record.proposer, record.state) for record in seen.records if record.round > 0)
    return {
        "round": number,
        "members": [
            {
                "seat": member.seat,
                "address": member.address,
                "since_round": member.since,
                "replaced": member.replaced,
                "balance": in_ether(member.balance),
                **{s.name.lower(): turns[member.address, s] for s in RoundState if s.decided},
            }
            for member in members
        ],
    }


def motions_answer(snapshot: Snapshot, seen: Seen, deployed_block: int) -> dict[str, Any]:
    """All motions, the newest first. Raises ChainError."""
    read = read_motions(snapshot, deployed_block=deployed_block)
    told = motions_to_dict(read)["motions"]
    return {
        "time": utc(read.clock),
        "motions": [
            {
                **one,
                "words": subject_in_words(motion.record, seen.standing.names),
                "standing": standing_in_words(motion),
                "waits": motion.waits,
            }
            for one, motion in reversed(list(zip(told, read.motions, strict=True)))
        ],
    }
