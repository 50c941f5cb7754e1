"""Motions in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.protocol import MotionKind, MotionRecord, MotionState, Rules
from ..core.threshold import motion_need, need
from ..formats.duration import shown_duration
from ..formats.hashes import shown_hash
from ..founding.names import NO_NAMES, Names
from ..history.motions import Motion, Motions
from .agreements import agreement_in_words
from .rounds import human_time
from .rules import windows_of

__all__ = [
    "Planned",
    "motions_page",
    "planned",
    "planned_in_words",
    "shown_id",
    "standing_in_words",
    "subject_in_words",
]

_ENDS = {
    MotionState.REJECTED: "rejected",
    MotionState.LAPSED: "lapsed: its time was over, or the members changed, before it was decided",
    MotionState.VOID: "void: it was approved, and could not be carried out any more",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A motion that isn't moved yet.

    Attributes
    ----------
    kind, mover, subject, rules, to_round, word: as :class:`.MotionRecord` has them.
    need: approvals that carry it, 0 for a member's own wish.
    eligible: how many may approve it.
    """

    kind: MotionKind
    mover: str
    subject: str | None
    rules: Rules | None
    to_round: int | None
    need: int
    eligible: int
    word: bytes | None = None


def shown_id(motion_id: bytes) -> str:
    """As much of the id as names a motion."""
    return f"0x{shown_hash(motion_id)}"


def motions_page(read: Motions, *, everything: bool, names: Names = NO_NAMES) -> Iterator[str]:
    """The motions that wait, or all."""
    shown = [motion for motion in read.motions if everything or motion.waits]
    over = len(read.motions) - len(shown)
    yield f"collective {read.address} on chain {read.chain_id}"
    yield f"as of block {read.head.number}, {human_time(read.clock)} UTC; round {read.current_round} is open"
    for motion in shown:
        record = motion.record
        yield ""
        yield f"{shown_id(record.id)}  {subject_in_words(record, names)}"
        yield f"  moved by {names.full(record.mover)}"
        yield f"  {standing_in_words(motion)}"
    if not shown:
        yield "no motion waits"
    if over:
        yield f"{'' if not shown else chr(10)}{over} {'is' if over == 1 else 'are'} over: --all shows them"


def subject_in_words(motion: MotionRecord | Planned, names: Names = NO_NAMES) -> str:
    """What a motion is for."""
    if motion.rules is not None:
        windows = [
            f"{shown_duration(getattr(motion.rules, window.name))} {window.step}" for window in windows_of(motion.rules)
        ]
        return f"rules: threshold {motion.rules.threshold}, {', '.join(windows)}"
    if motion.word is not None:
        return agreement_in_words(motion.kind, motion.word)
    if motion.kind is MotionKind.REVERT_TO:
        return f"back to the weights of round {motion.to_round}"
    if motion.kind is MotionKind.REPLACE_MEMBER:
        return f"replace: {names.full(motion.mover)} hands its seat to {motion.subject}"
    if motion.kind is MotionKind.REMOVE_MEMBER and motion.need == 0:
        return f"leave: {names.full(motion.subject or '')} leaves the collective"
    return f"{'add' if motion.kind is MotionKind.ADD_MEMBER else 'remove'} {names.full(motion.subject or '')}"


def planned(
    kind: MotionKind,
    mover: str,
    now: Rules,
    members: int,
    *,
    subject: str | None = None,
    rules: Rules | None = None,
    to_round: int | None = None,
    word: bytes | None = None,
    wish: bool = False,
) -> Planned:
    """A motion that may be moved, by today's rules; a ``wish`` needs nobody's vote."""
    eligible = members - (kind is MotionKind.REMOVE_MEMBER)  # who is to be removed has no vote on it
    needed = 0 if wish else motion_need(now.threshold, eligible)
    return Planned(kind, mover, subject, rules, to_round, needed, eligible, word)


def standing_in_words(motion: Motion) -> str:
    """How far it is."""
    record = motion.record
    if record.state is MotionState.ENACTED:
        since = "" if motion.first_round is None else f": it holds since round {motion.first_round}"
        return f"enacted{since}"
    if record.state is MotionState.APPROVED:
        if motion.first_round == motion.last_round:
            return f"approved: it takes effect from round {motion.first_round}, when the one before is over"
        return f"approved: it takes effect from one of the rounds {motion.first_round} to {motion.last_round}"
    yes, no = record.approvals.bit_count(), record.rejections.bit_count()
    if record.state is not MotionState.OPEN:
        return f"{_ENDS[record.state]}; {yes} for, {no} against, {record.need} needed"
    left = f"needs {record.need - yes} more approval{'' if record.need - yes == 1 else 's'}"
    return f"open until {human_time(record.deadline)} UTC: {yes} for, {no} against; {left}"


def planned_in_words(plan: Planned, now: Rules, members: Sequence[str], names: Names = NO_NAMES) -> Iterator[str]:
    """What moving it will do, and what it takes."""
    yield f"motion    {subject_in_words(plan, names)}"
    new, subject = plan.rules, plan.subject
    if new is not None:
        for window in dict.fromkeys((*windows_of(now), *windows_of(new))):
            span, other = getattr(now, window.name), getattr(new, window.name)
            if span != other:
                yield f"          {shown_duration(span)} {window.step} becomes {shown_duration(other)}"
        before, after = now.threshold, new.threshold
        if before != after:
            voters = len(members) - 1
            yield (
                f"          a proposal is accepted by {need(after, voters)} of {voters} voters (more than {after}), "
                f"until now by {need(before, voters)} (more than {before})"
            )
    elif plan.kind is MotionKind.ADD_MEMBER:
        yield f"          it gets seat {len(members)} of then {len(members) + 1}"
    elif plan.kind is MotionKind.REMOVE_MEMBER and subject is not None and subject in members:
        seat, last = members.index(subject), members[-1]
        moved = "" if subject == last else f", and seat {seat} goes to {names.full(last)}"
        yield f"          {len(members) - 1} members remain{moved}"
    if plan.need == 0:
        yield "needs     nobody's vote"
    else:
        yield (
            f"needs     {plan.need} of {plan.eligible} members, whoever moves it among them, within "
            f"{shown_duration(now.motion_window)}"
        )
    yield "then      takes effect between two rounds, never inside one"
    if plan.need:
        yield "          its approval ends a round in which nothing was proposed yet"
