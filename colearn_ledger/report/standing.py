"""How a collective stands: whose turn it is, until when, who has acted, what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..chain.snapshot import Snapshot
from ..core.protocol import ZERO_ADDRESS, MotionState, RoundState, View, seats
from ..formats.duration import shown_duration
from ..founding.names import NO_NAMES, Names
from ..history.export import utc
from ..history.motions import Motion, read_motions
from ..plan.document import Plan
from .agreed import Agreed, agreed_rows, agreed_to_dict, read_agreed
from .motions import shown_id, standing_in_words, subject_in_words
from .rounds import human_time

__all__ = ["FORMAT", "Standing", "read_standing", "standing_line", "standing_page", "standing_to_dict"]

FORMAT = "colearn-status-1"
_FEW = 4  # addresses on one line


@dataclass(frozen=True, slots=True)
class Standing:
    """A collective as of one block and one block time.

    Attributes
    ----------
    view: as one who is no member sees it.
    members: of the open round, by seat.
    motions: those of which something may still come.
    names: of members.
    agreed: the plan, its target, a successor; None where nobody asked.
    """

    chain_id: int
    address: str
    view: View
    members: tuple[str, ...]
    motions: tuple[Motion, ...]
    names: Names = NO_NAMES
    agreed: Agreed | None = None

    @property
    def phase(self) -> str:
        """``training``, ``proposing`` (in joint rounds ``merging``), ``voting``, ``revealing``; ``overdue``;
        ``resting`` after a decision, and ``ended``, when only motions go on."""
        view = self.view
        if view.overdue:
            return "overdue"
        if view.state is not RoundState.PROPOSING:
            return view.state.name.lower()
        if view.ended:
            return "ended"
        if view.at < view.opens_at:
            return "resting"
        if view.training is None:
            return "proposing"
        return "training" if view.at < view.training.until else "merging"

    @property
    def until(self) -> int:
        """The last second of the phase, in block time."""
        view = self.view
        if self.phase == "training" and view.training is not None:
            return view.training.until - 1
        return view.opens_at - 1 if self.phase == "resting" else view.deadline

    @property
    def by_clock(self) -> bool:
        """Whether the phase ends by the clock."""
        return self.phase not in ("overdue", "ended")

    @property
    def left(self) -> int:
        """Seconds until then, 0 if they are over."""
        return max(0, self.until - self.view.at)

    @property
    def acted(self) -> tuple[int, ...]:
        """Seats that have done what the phase is for: contributed, voted (committed, revealed)."""
        view = self.view
        if view.training is not None and self.phase == "training":
            return seats(view.training.in_time)
        if view.proposal is None:
            return ()
        told = view.proposal.approvals | view.proposal.rejections
        return seats(told if view.state is RoundState.REVEALING else told | view.proposal.hidden)

    @property
    def awaited(self) -> tuple[int, ...]:
        """Seats that may still do it, and are waited for. Of an overdue round anybody's ``advance`` is."""
        view, acted = self.view, set(self.acted)
        if self.phase in ("overdue", "resting", "ended"):
            return ()
        if self.phase == "training" and view.training is not None:
            return tuple(seat for seat in seats(view.training.expected) if seat not in acted)
        if view.proposal is None:
            return tuple(seat for seat, member in enumerate(self.members) if member == view.proposer)
        if view.state is RoundState.REVEALING:
            return seats(view.proposal.hidden)
        proposer = view.proposal.proposer_seat
        return tuple(seat for seat in range(view.member_count) if seat != proposer and seat not in acted)


def read_standing(
    snapshot: Snapshot,
    names: Names = NO_NAMES,
    find_plan: Callable[[bytes], Plan] | None = None,
    *,
    deployed_block: int = 0,
) -> Standing:
    """How it stands, read from storage alone; ``find_plan``: also what was agreed on. Raises ChainError."""
    view = snapshot.view(ZERO_ADDRESS)
    motions = read_motions(snapshot, logs=False).motions
    return Standing(
        snapshot.contract.chain_id,
        snapshot.contract.address,
        view,
        snapshot.members(),
        tuple(motion for motion in motions if motion.waits),
        names,
        None if find_plan is None else read_agreed(snapshot, find_plan, deployed_block=deployed_block),
    )


def standing_line(standing: Standing, *, clock: bool = True) -> str:
    """All of it in one line; without ``clock`` it changes only when something has happened."""
    view, phase = standing.view, standing.phase
    said = [f"round {view.round} {phase}"]
    if phase == "overdue":
        said[0] += ": a motion waits for anybody's `advance`"
    elif phase == "ended":
        said[0] += ": only motions go on"
    elif phase in ("proposing", "merging", "resting"):
        said.append(f"turn of {standing.names.short(view.proposer)}")
    else:
        said.append(f"{_done(standing)}, waits for {_few(standing, standing.awaited) or 'nobody'}")
    if standing.by_clock:
        said.append(f"until {human_time(standing.until)} UTC" + (f" ({_left(standing)})" if clock else ""))
    if standing.motions:
        said.append(_motions_wait(standing.motions))
    return "; ".join(said)


def standing_page(standing: Standing) -> Iterator[str]:
    """The same for people who look once."""
    view = standing.view
    yield f"collective {standing.address} on chain {standing.chain_id}"
    yield f"as of block {view.block_number}, {human_time(view.at)} UTC"
    yield ""
    yield _line("round", f"{view.round}, {_phase_in_words(standing)}")
    yield _line("proposer", f"{standing.names.full(view.proposer)}, seat {standing.members.index(view.proposer)}")
    if standing.by_clock:
        yield _line("until", f"{human_time(standing.until)} UTC ({_left(standing)})")
    yield _line("built on", f"round {view.accepted_round}, sha256 {view.accepted.sha256.hex()}")
    if view.proposal is not None:
        yield _line("proposed", f"{view.proposal.weights.size:,} bytes, CID {view.proposal.weights.cid}")
    if standing.phase not in ("proposing", "merging", "overdue", "resting", "ended"):
        for name, which in ((_done(standing), standing.acted), ("waits for", standing.awaited)):
            for seat in which:
                yield _line(name, f"{standing.names.full(standing.members[seat])}, seat {seat}")
                name = ""
    for name, text in () if standing.agreed is None else agreed_rows(standing.agreed):
        yield _line(name, text)
    for motion in standing.motions:
        yield ""
        yield _line("motion", f"{shown_id(motion.record.id)}  {subject_in_words(motion.record, standing.names)}")
        yield _line("", standing_in_words(motion))
        for seat in _silent(standing, motion):
            yield _line("", f"{standing.names.full(standing.members[seat])}, seat {seat}, hasn't voted on it")


def standing_to_dict(standing: Standing) -> dict[str, Any]:
    """All of it, for JSON."""
    view = standing.view
    return {
        "format": FORMAT,
        "chain_id": standing.chain_id,
        "address": standing.address,
        "block": view.block_number,
        "time": utc(view.at),
        "round": view.round,
        "phase": standing.phase,
        "proposer": view.proposer,
        "until": utc(standing.until) if standing.by_clock else None,
        "seconds_left": standing.left if standing.by_clock else None,
        "need": None if view.proposal is None else view.proposal.need,
        "acted": [_member(standing, seat) for seat in standing.acted],
        "awaited": [_member(standing, seat) for seat in standing.awaited],
        "accepted_round": view.accepted_round,
        "accepted_sha256": view.accepted.sha256.hex(),
        "accepted_cid": view.accepted.cid,
        **({} if standing.agreed is None else agreed_to_dict(standing.agreed)),
        "motions": [
            {
                "id": "0x" + motion.record.id.hex(),
                "subject": subject_in_words(motion.record),
                "state": motion.record.state.name.lower(),
                "deadline": utc(motion.record.deadline),
                "need": motion.record.need,
                "not_voted": [_member(standing, seat) for seat in _silent(standing, motion)],
            }
            for motion in standing.motions
        ],
    }


def _member(standing: Standing, seat: int) -> dict[str, Any]:
    member = standing.members[seat]
    return {"seat": seat, "member": member, "name": standing.names.of(member) or None}


def _line(name: str, text: str) -> str:
    return f"{name:<12}  {text}"


def _phase_in_words(standing: Standing) -> str:
    view, phase = standing.view, standing.phase
    if phase == "overdue":  # whatever was proposed is rejected by the clock
        return "overdue: an approved motion waits until anybody calls `advance`"
    if view.proposal is None:
        return {
            "training": "training: all contribute",
            "merging": "merging: its proposer merges what is there",
            "resting": "resting: after a decision nothing is proposed for a while",
            "ended": "ended: nothing is proposed any more, only motions go on",
        }.get(phase, "proposing: its proposer trains")
    # How an open vote goes is public; of a secret one only who has committed.
    counted = f"{view.proposal.approvals.bit_count()} approvals so far, " if not view.secret_votes else ""
    if view.state is RoundState.REVEALING:
        counted = f"{view.proposal.approvals.bit_count()} approvals revealed, "
    return f"{phase}: {counted}{view.proposal.need} needed of {view.member_count - 1} voters"


def _done(standing: Standing) -> str:
    verb = {"training": "contributed", "revealing": "revealed"}.get(standing.phase, "voted")
    if standing.phase == "voting" and standing.view.secret_votes:
        verb = "committed"
    return f"{len(standing.acted)} {verb}"


def _left(standing: Standing) -> str:
    return f"{shown_duration(standing.left)} left" if standing.left else "over"


def _few(standing: Standing, which: Sequence[int]) -> str:
    named = ", ".join(standing.names.short(standing.members[seat]) for seat in which[:_FEW])
    return named + (f" and {len(which) - _FEW} more" if len(which) > _FEW else "")


def _motions_wait(motions: Iterable[Motion]) -> str:
    voted_on = sum(motion.record.state is MotionState.OPEN for motion in motions)
    approved = sum(motion.record.state is MotionState.APPROVED for motion in motions)
    said = [f"{voted_on} motion{'' if voted_on == 1 else 's'} to vote on"] if voted_on else []
    said += [f"{approved} approved motion{'' if approved == 1 else 's'}"] if approved else []
    return ", ".join(said)


def _silent(standing: Standing, motion: Motion) -> tuple[int, ...]:
    """Seats that may vote on it still."""
    record = motion.record
    if record.state is not MotionState.OPEN:
        return ()
    voted = record.approvals | record.rejections
    return tuple(
        seat for seat, member in enumerate(standing.members) if not voted >> seat & 1 and member != record.subject
    )
