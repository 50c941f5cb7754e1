"""What one member's node does next: a pure function of the contract's state. No I/O, no framework, no memory.

A node is level-triggered: events wake it, the view decides. So a killed node restarts with nothing to restore, and a
late, missing, doubled or re-ordered event changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from .claims import RejectedMerge, why_false, why_rejected
from .merge.rules import Rule
from .protocol import Contribution, Proposal, RoundState, Training, View, WeightsRef

__all__ = [
    "Action",
    "Adopt",
    "Advance",
    "Contribute",
    "Judge",
    "Me",
    "Merge",
    "Propose",
    "Republish",
    "Reveal",
    "Wait",
    "decide",
    "is_needed",
]


@dataclass(frozen=True, slots=True)
class Me:
    """What the node knows of itself.

    ``adopted``: which weights its learner holds (sha256 of their bytes; None before the first). ``waited``: seconds of
    its own for which it has seen the view's block time stand still. ``published``: its own proposal that its store has,
    as far as it knows (None: it hasn't looked yet). ``trains``: whether it may train at all, which a spent privacy
    budget forbids; in joint rounds it then goes on merging and voting. ``rejected``: in joint rounds, merges that were
    built on the accepted weights and voted against. ``verifies``: whether it recomputes merges before it votes.
    ``before``: what was accepted before the accepted weights, where a rule takes it (:func:`.claims.before_accepted`).
    ``contributed``: its own contribution that its store has, as far as it knows, or that it can't have again.
    """

    address: str
    adopted: bytes | None
    waited: float = 0.0
    published: WeightsRef | None = None
    trains: bool = True
    rejected: tuple[RejectedMerge, ...] = ()
    verifies: bool = False
    before: WeightsRef | None = None
    contributed: WeightsRef | None = None


@dataclass(frozen=True, slots=True)
class Adopt:
    """Pull the accepted weights and make them the learner's current ones."""

    round: int
    weights: WeightsRef


@dataclass(frozen=True, slots=True)
class Propose:
    """Train from ``parent``, publish, and record the result on chain."""

    round: int
    parent: bytes


@dataclass(frozen=True, slots=True)
class Contribute:
    """In joint rounds: train from ``parent``, publish, and contribute the result to the training (by its first round).

    What else comes to be done meanwhile comes first; the training then goes on.
    """

    training: int
    parent: bytes


@dataclass(frozen=True, slots=True)
class Merge:
    """In joint rounds: merge these contributions by the rule (its number), test, publish, and propose the result.

    ``rejected``: what comes of it may be one of these, for rules may agree. It is proposed all the same, since by a
    rejection alone the next rule has its turn; but nobody needs to read it again. ``before``: what was accepted before
    the parent, if there was anything, for the rule that takes it.
    """

    round: int
    parent: bytes
    rule: int
    contributions: tuple[Contribution, ...]
    rejected: tuple[RejectedMerge, ...] = ()
    before: WeightsRef | None = None


@dataclass(frozen=True, slots=True)
class Republish:
    """See to it that its own open proposal can be had: where it can't, publish the same bytes again.

    When the chain goes back to a proposal, all may have discarded it already. ``merge``: in joint rounds, what it is.
    ``contribution``: it is no proposal, but what it has contributed to the training that is named by ``round``.
    """

    round: int
    parent: bytes
    weights: WeightsRef
    merge: Merge | None = None
    contribution: bool = False


@dataclass(frozen=True, slots=True)
class Judge:
    """Pull the proposal, test it, and vote (``secret``: commit to the vote).

    ``unread``: why that is a vote to reject with nothing pulled: it can't be what it says that it is, or was rejected
    before; empty where it has to be read. ``merge``: what it says that it is, to be recomputed; None where that isn't
    asked for. ``left_out``: what was contributed in time, and is not in it.
    """

    round: int
    proposal: Proposal
    secret: bool
    unread: str = ""
    merge: Merge | None = None
    left_out: tuple[Contribution, ...] = ()


@dataclass(frozen=True, slots=True)
class Reveal:
    """Reveal the vote that ``commitment`` hides."""

    round: int
    proposal: Proposal
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Advance:
    """Bring the contract up to the clock: nothing else can happen before."""

    round: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes, or until the block time ``until``. ``why`` is for people."""

    until: int
    why: str


Action = Adopt | Propose | Contribute | Merge | Republish | Judge | Reveal | Advance | Wait

# Longer than a transaction takes to be mined and seen by the others: a block of twelve seconds, and some.
STEP_S = 15
# After the end nothing comes by the clock, so this only has to be long.
ENDED_S = 3600


def decide(view: View, me: Me) -> Action:
    """The next action of the member whose view this is.

    Order matters: adopt before anything that builds on the accepted weights; advance before anything that it blocks.
    """
    if me.adopted != view.accepted.sha256:
        return Adopt(view.accepted_round, view.accepted)
    if not view.is_member:
        return Wait(view.deadline, "not a member: following")
    if view.overdue:
        return _advance_in_turn(view, me)
    if view.proposal is None and view.ended:
        return Wait(view.at + ENDED_S, "the collective has come to its end, as its members agreed: only motions go on")
    if view.proposal is None and view.at < view.opens_at:
        return Wait(view.opens_at - 1, "the collective rests after a decision, as its rules say")
    action, training = _in_round(view, me), view.training
    if training is None:
        return action
    own = training.of(view.seat)
    if own is None:
        trains = isinstance(action, Wait) and me.trains
        return Contribute(training.first_round, view.accepted.sha256) if trains else action
    if isinstance(action, Wait | Merge) and view.proposal is None and me.contributed != own.weights:
        # Also before it merges: without its own, it may have nothing to propose, and so may everybody.
        return Republish(training.first_round, view.accepted.sha256, own.weights, contribution=True)
    return action


def _in_round(view: View, me: Me) -> Action:
    """What the open round asks of the member, its contribution apart."""
    proposal = view.proposal
    if proposal is None:
        if view.training is not None:
            return _merge_in_turn(view, view.training, me)
        if view.proposer == me.address:
            return Propose(view.round, view.accepted.sha256)
        return Wait(view.deadline, f"waiting for {view.proposer} to propose")
    if proposal.proposer_seat == view.seat:
        if me.published != proposal.weights:
            return Republish(view.round, view.accepted.sha256, proposal.weights, _merge_of(view, proposal, me))
        return Wait(view.deadline, "waiting for the others' votes on my proposal")
    if view.state is RoundState.VOTING:
        if not view.voted:
            return _judge(view, proposal, me)
        return Wait(view.deadline, "waiting for the others' votes")
    if view.commitment is not None and not view.voted:
        return Reveal(view.round, proposal, view.commitment)
    return Wait(view.deadline, "waiting for the others' reveals")


def _judge(view: View, proposal: Proposal, me: Me) -> Judge:
    unread = why_false(view) or why_rejected(view, me.rejected)
    merge = _merge_of(view, proposal, me) if me.verifies and not unread else None
    if merge is None or view.training is None:
        return Judge(view.round, proposal, view.secret_votes, unread)
    left_out = tuple(one for one in view.training.contributions if not one.late and one not in merge.contributions)
    return Judge(view.round, proposal, view.secret_votes, unread, merge, left_out)


def _merge_of(view: View, proposal: Proposal, me: Me) -> Merge | None:
    """What the proposal says that it is the merge of."""
    claim, training = proposal.claim, view.training
    if claim is None or training is None:
        return None
    merged = tuple(one for one in training.contributions if claim.seats >> one.seat & 1)
    return Merge(view.round, view.accepted.sha256, claim.rule, merged, before=_before(claim.rule, me))


def _merge_in_turn(view: View, training: Training, me: Me) -> Merge | Wait:
    """Merging comes before one's own training: the turn's time runs, and the next member has its turn after it.

    A proposer's own contribution counts in its turn, late or not.
    """
    if view.at < training.until:
        return Wait(training.until - 1, "waiting for the others' contributions")
    if view.proposer != me.address:
        return Wait(view.deadline, f"waiting for {view.proposer} to merge")
    there = tuple(one for one in training.contributions if not one.late or one.seat == view.seat)
    if not there:
        return Wait(view.deadline, "there is nothing to merge")
    rule = training.rules_left[0]
    return Merge(view.round, view.accepted.sha256, rule, there, me.rejected, _before(rule, me))


def _before(rule: int, me: Me) -> WeightsRef | None:
    return me.before if rule == Rule.MOMENTUM else None


def _advance_in_turn(view: View, me: Me) -> Advance | Wait:
    """One seat at a time may advance, for ``STEP_S`` seconds of block time each, round and round (ADR 8).

    Whatever the clock says, it is one seat's turn: nobody pays for what another has done, and one who is away costs the
    others a step. Another seat begins each round.
    """
    late = view.at - view.deadline - 1 + int(me.waited)
    step = late // STEP_S
    ahead = (view.round + view.seat - step) % view.member_count
    if ahead == 0:
        return Advance(view.round)
    return Wait(view.deadline + (step + ahead) * STEP_S, "the round is over: another member is first to advance it")


def is_needed(view: View, approve: bool) -> bool:
    """Whether this member's vote is one of those that decide the round, should those before it vote as it does.

    The votes that were given count, and of the others as many as are missing, by seat; each round begins with another.
    In joint rounds those that have contributed come first: who hasn't may be away, and nobody is to wait for its vote.
    Who isn't needed had better wait a little: its vote would come after the decision, and be paid for nothing.
    """
    proposal = view.proposal
    assert proposal is not None, "there is something to vote on"
    voters = view.member_count - 1
    same, decides = (
        (proposal.approvals, proposal.need) if approve else (proposal.rejections, voters - proposal.need + 1)
    )
    given = proposal.approvals | proposal.rejections | 1 << proposal.proposer_seat

    def place(seat: int) -> tuple[bool, int]:
        silent = view.training is not None and view.training.of(seat) is None
        return silent, (seat - view.round) % view.member_count

    mine = place(view.seat)
    before = sum(not given >> seat & 1 and place(seat) < mine for seat in range(view.member_count))
    return before < decides - same.bit_count()
