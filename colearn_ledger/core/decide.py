"""What one member's node does next: a pure function of the contract's state. No I/O, no framework, no memory.

A node is level-triggered: events wake it, the view decides. So a killed node restarts with nothing to restore, and a
late, missing, doubled or re-ordered event changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from .protocol import Proposal, RoundState, View, WeightsRef

__all__ = ["Action", "Adopt", "Advance", "Judge", "Me", "Propose", "Reveal", "Wait", "decide"]


@dataclass(frozen=True, slots=True)
class Me:
    """What the node knows of itself: which weights its learner holds (sha256 of their bytes; None before the first)."""

    address: str
    adopted: bytes | None


@dataclass(frozen=True, slots=True)
class Adopt:
    """Pull the accepted weights and make them the learner's current ones."""

    round: int
    weights: WeightsRef


@dataclass(frozen=True, slots=True)
class Propose:
    """Train from ``parent``, publish, and record the result on chain before ``deadline``."""

    round: int
    parent: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Pull the proposal, test it, and vote before ``deadline`` (``secret``: commit to the vote)."""

    round: int
    proposal: Proposal
    deadline: int
    secret: bool


@dataclass(frozen=True, slots=True)
class Reveal:
    """Reveal the vote that ``commitment`` hides, before ``deadline``."""

    round: int
    proposal: Proposal
    commitment: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Advance:
    """Bring the contract up to the clock: nothing else can happen before."""

    round: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes, or until the block time ``until``. ``why`` is for people."""

    until: int
    why: str


Action = Adopt | Propose | Judge | Reveal | Advance | Wait


def decide(view: View, me: Me, clock: int) -> Action:
    """The next action of the member whose view this is.

    Parameters
    ----------
    view: the contract's state for this member, as of a time not after ``clock``.
    me: what the node knows of itself.
    clock: block time now, in seconds. When it is past the view's deadline the view is stale: look again.

    Order matters: adopt before anything that builds on the accepted weights; advance before anything that it blocks.
    """
    if me.adopted != view.accepted.sha256:
        return Adopt(view.accepted_round, view.accepted)
    if not view.is_member:
        return Wait(view.deadline, "not a member: following")
    if view.overdue:
        return Advance(view.round)
    if clock > view.deadline:
        return Wait(clock, "the view is older than its deadline: look again")
    proposal = view.proposal
    if proposal is None:
        if view.proposer == me.address:
            return Propose(view.round, view.accepted.sha256, view.deadline)
        return Wait(view.deadline, f"waiting for {view.proposer} to propose")
    if proposal.proposer_seat == view.seat:
        return Wait(view.deadline, "waiting for the others' votes on my proposal")
    if view.state is RoundState.VOTING:
        if not view.voted:
            return Judge(view.round, proposal, view.deadline, view.secret_votes)
        return Wait(view.deadline, "waiting for the others' votes")
    if view.commitment is not None and not view.voted:
        return Reveal(view.round, proposal, view.commitment, view.deadline)
    return Wait(view.deadline, "waiting for the others' reveals")
