"""Checks of members and motions by what storage alone says, and whose turn each round was by them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..core.outcome import motion_approvals_needed, motion_outcome
from ..core.protocol import AGREEMENTS, MotionKind, MotionRecord, MotionState, RoundState, Rules
from .facts import Facts
from .findings import Examination
from .model.motions import motion_id
from .turns import Epoch, Turns

__all__ = ["check_motions", "constant_rules", "turns_of"]


def check_motions(facts: Facts, exam: Examination) -> None:
    """Each motion's name, votes and state; and that membership changed by enacted ones alone."""
    epochs, rules, earliest = _epochs(facts), constant_rules(facts), 0
    for index, motion in enumerate(facts.motions):
        fits = [
            number
            for number in range(earliest, len(epochs))
            if motion_id(index, number, motion.kind, motion.subject, motion.rules, motion.to_round or 0, motion.word)
            == motion.id
        ]
        what = "the id isn't the digest of what the motion is about"
        exam.true("motions", bool(fits), None, f"motion {index}.id", what, "the digest", motion.id)
        earliest = fits[0] if fits else earliest
        _check_motion(facts, index, motion, epochs[earliest].members, rules, exam)
    _check_changes(facts, exam)
    _check_agreements(facts, exam)


# ------------------------------------------------------------------------------------------------ members


def constant_rules(facts: Facts) -> Rules | None:
    """The rules, if they never changed."""
    changed = any(m.kind is MotionKind.SET_RULES and m.state is MotionState.ENACTED for m in facts.motions)
    return None if changed else facts.view.rules


def _epochs(facts: Facts) -> list[Epoch]:
    turns = Turns(facts.address, shuffled=facts.shuffled)
    spans = facts.spans
    epochs = [Epoch(1, len(spans[0].members))]
    for before, after in pairwise(spans):
        grown = len(after.members) - len(before.members)
        if grown > 0:
            epochs.append(turns.joined(epochs[-1], after.first_round))
        elif grown < 0 and len(before.members) > 1:
            freed = next((s for s, who in enumerate(after.members) if before.members[s] != who), len(after.members))
            epochs.append(turns.left(epochs[-1], after.first_round, freed))
    return epochs


def turns_of(facts: Facts) -> Iterator[tuple[int, int]]:
    """Each round's turn, by the members that storage has."""
    turns, epochs, at = Turns(facts.address, shuffled=facts.shuffled), _epochs(facts), 0
    for record in facts.records[1:]:
        while at + 1 < len(epochs) and epochs[at + 1].first_round <= record.round:
            at += 1
        yield record.round, turns.seat(epochs[at], record.round)


def _check_changes(facts: Facts, exam: Examination) -> None:
    """Every change of members is that of an enacted motion, and there is one for each."""
    enacted = [m for m in facts.motions if m.state is MotionState.ENACTED]
    joined = {m.subject for m in enacted if m.kind in (MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER)}
    left = {m.subject for m in enacted if m.kind is MotionKind.REMOVE_MEMBER}
    replaced = {m.mover: m.subject for m in enacted if m.kind is MotionKind.REPLACE_MEMBER}
    left |= {replaced[who] for who in left if who in replaced}  # a removal follows a member to its new account
    changes = 0
    for before, after in zip(facts.spans, facts.spans[1:], strict=False):
        new, gone = set(after.members) - set(before.members), set(before.members) - set(after.members)
        changes += 1
        what = "no enacted motion explains a change of members"
        good = new <= joined and gone <= left | set(replaced) and abs(len(after.members) - len(before.members)) <= 1
        moved = [who for seat, who in enumerate(after.members) if before.members[seat : seat + 1] != (who,)]
        good = good and len(moved) <= 1 and (new or gone) != set()
        exam.true("members", good, after.first_round, "members", what, "one motion", [*sorted(new), *sorted(gone)])
    about = (MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER, MotionKind.REMOVE_MEMBER)
    expected = sum(m.kind in about for m in enacted)
    what = "as many changes of members as motions that were enacted"
    exam.same("members", None, "members", what, expected, changes)


# ------------------------------------------------------------------------------------------------ motions


def _check_agreements(facts: Facts, exam: Examination) -> None:
    """What is agreed on was said by an enacted motion; or it is a plan, which the founding may have."""
    for kind in AGREEMENTS:
        enacted = {m.word for m in facts.motions if m.kind is kind and m.state is MotionState.ENACTED}
        word = facts.agreements.get(kind, bytes(32))
        explained = word in enacted if enacted else kind is MotionKind.SET_PLAN or not any(word)
        what = "no enacted motion explains what is agreed on"
        exam.true("motions", explained, None, kind.name.lower(), what, "one motion", word)


def _check_motion(
    facts: Facts, index: int, motion: MotionRecord, members: int, rules: Rules | None, exam: Examination
) -> None:
    name = f"motion {index}"
    wish = motion.kind is MotionKind.REPLACE_MEMBER or (
        motion.kind is MotionKind.REMOVE_MEMBER and motion.subject == motion.mover
    )
    voters = members - 1 if motion.kind is MotionKind.REMOVE_MEMBER else members
    if wish:
        exam.same("motions", None, f"{name}.need", "a member's own wish needs nobody's vote", 0, motion.need)
    elif rules is not None:
        must = motion_approvals_needed(rules, voters)
        exam.same("motions", None, f"{name}.need", "it doesn't follow from the rules in force", must, motion.need)
    for field, bitmap in (("approvals", motion.approvals), ("rejections", motion.rejections)):
        inside = bitmap >> members == 0
        exam.true("motions", inside, None, f"{name}.{field}", "a seat voted that there wasn't", members, bitmap)
    once = motion.approvals & motion.rejections == 0
    exam.true("motions", once, None, f"{name}.rejections", "a seat voted twice on it", "once", motion.rejections)
    certain = motion_outcome(motion.approvals, motion.rejections, need=motion.need, voters=voters)
    can_be = {
        MotionState.APPROVED: (MotionState.APPROVED, MotionState.ENACTED, MotionState.VOID),
        MotionState.REJECTED: (MotionState.REJECTED,),
        MotionState.OPEN: (MotionState.OPEN, MotionState.LAPSED),
    }[certain]
    exam.true(
        "motions",
        motion.state in can_be,
        None,
        f"{name}.state",
        "its state doesn't follow from its votes",
        can_be,
        motion.state,
    )
    if motion.state is MotionState.OPEN:
        open_ = motion.deadline >= facts.head.timestamp
        exam.true("motions", open_, None, f"{name}.deadline", "it is open past its deadline", "", motion.deadline)
    if motion.kind is MotionKind.REVERT_TO:
        to = motion.to_round if motion.to_round is not None else -1
        there = 0 <= to < len(facts.records) and facts.records[to].state is RoundState.ACCEPTED
        exam.true("lineage", there, None, f"{name}.to_round", "it goes back to what wasn't accepted", "", to)
        enacted = motion.state is MotionState.ENACTED
        what = "from which round it holds"
        exam.same("motions", None, f"{name}.first_round", what, enacted, motion.first_round is not None)
