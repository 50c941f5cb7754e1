"""What follows from votes, need, deadline and time: the outcome of a round and of a motion, as pure functions."""

from __future__ import annotations

from .protocol import MotionState, RoundRecord, RoundState, Rules

__all__ = ["approvals_needed", "motion_approvals_needed", "motion_outcome", "outcome", "voted_outcome"]


def approvals_needed(rules: Rules, voters: int) -> int:
    """Approvals that accept weights: the least whole number above threshold × ``voters``."""
    return rules.threshold_numerator * voters // rules.threshold_denominator + 1


def motion_approvals_needed(rules: Rules, voters: int) -> int:
    """Approvals that carry a motion: as many as weights would take, and a majority at least."""
    return max(approvals_needed(rules, voters), voters // 2 + 1)


def voted_outcome(
    approvals: int, rejections: int, hidden: int, *, need: int, voters: int, secret_votes: bool
) -> RoundState | None:
    """What the votes alone have made certain, or None while they have made nothing certain.

    Parameters
    ----------
    approvals, rejections, hidden: bitmaps of seats; hidden are those that committed and haven't revealed.
    need: approvals that accept.
    voters: how many have a vote: all members but the proposer.
    secret_votes: commit and reveal. Once somebody has revealed, who hasn't committed can't approve any more.
    """
    yes, no = approvals.bit_count(), rejections.bit_count()
    if yes >= need:
        return RoundState.ACCEPTED
    if not secret_votes:
        most = voters - no
    elif yes + no == 0:  # commitments are taken still, or no reveal has counted
        return None
    else:
        most = yes + hidden.bit_count()
    return RoundState.REJECTED if most < need else None


def outcome(record: RoundRecord, rules: Rules, *, secret_votes: bool, closed: bool) -> RoundState:
    """The state that a round with a proposal must be in.

    Parameters
    ----------
    record: whose votes count; its own ``state`` and ``need`` are not looked at.
    rules: those in force in that round.
    closed: the last second for votes, or for reveals where these were opened, has passed.

    While it is open a round with secret votes is in ``VOTING`` or ``REVEALING``; which of the two, where nobody has
    revealed, depends on the time, too. Then it is ``VOTING`` here, unless all have committed.
    """
    voters = record.member_count - 1
    certain = voted_outcome(
        record.approvals,
        record.rejections,
        record.hidden,
        need=approvals_needed(rules, voters),
        voters=voters,
        secret_votes=secret_votes,
    )
    if certain is not None:
        return certain
    if closed:
        return RoundState.REJECTED
    revealing = record.approvals | record.rejections or record.hidden.bit_count() == voters
    return RoundState.REVEALING if secret_votes and revealing else RoundState.VOTING


def motion_outcome(approvals: int, rejections: int, *, need: int, voters: int) -> MotionState:
    """What the votes on a motion have made of it: approved, rejected or open.

    ``voters``: who may vote on it, all members but the one to be removed. Who needs nobody's vote has a ``need`` of 0.
    """
    if approvals.bit_count() >= need:
        return MotionState.APPROVED
    return MotionState.REJECTED if voters - rejections.bit_count() < need else MotionState.OPEN
