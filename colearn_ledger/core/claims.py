"""What a proposal of a joint round claims to be, compared with what the contract has, before anything is pulled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .merge.claim import claim_digest
from .merge.rules import Rule
from .protocol import RoundRecord, RoundState, View, WeightsRef, seats
from .threshold import need

__all__ = ["RejectedMerge", "before_accepted", "rejected_merges", "why_false", "why_rejected"]


@dataclass(frozen=True, slots=True)
class RejectedMerge:
    """Weights that members voted against, as the merge of the contributions that ``digest`` stands for.

    Another claim is another proposal: else one who names the bytes of a later rule's merge and something else as their
    origin, which the others must reject, would take that rule from everybody.
    """

    weights: WeightsRef
    digest: int


def before_accepted(view: View, rounds: Callable[[int, int], Sequence[RoundRecord]]) -> WeightsRef | None:
    """The weights that were accepted before the accepted ones, where the collective has a rule that takes them.

    None where it has none, and where only the genesis was accepted yet. ``rounds(first, count)`` reads records, as of
    the view.
    """
    if Rule.MOMENTUM not in view.merge_order or view.accepted_round == 0:
        return None
    [accepted] = rounds(view.accepted_round, 1)
    [before] = rounds(accepted.parent_round, 1)
    return before.weights


def rejected_merges(view: View, records: Iterable[RoundRecord]) -> tuple[RejectedMerge, ...]:
    """What of these rounds was built on the accepted weights and rejected by as many votes as would reject it now.

    A proposal that the clock rejected is not among them: perhaps nobody could have it.
    """
    voters = view.member_count - 1
    enough = voters - need(view.rules.threshold, voters) + 1
    return tuple(
        RejectedMerge(one.weights, one.claim.digest)
        for one in records
        if one.state is RoundState.REJECTED
        and one.weights is not None
        and one.claim is not None
        and one.parent == view.accepted.sha256
        and one.rejections.bit_count() >= enough
    )


def why_rejected(view: View, rejected: tuple[RejectedMerge, ...]) -> str:
    """Why the proposal under decision needn't be read again; empty if it has to be."""
    proposal = view.proposal
    if proposal is None or proposal.claim is None:
        return ""
    known = RejectedMerge(proposal.weights, proposal.claim.digest) in rejected
    return "these weights were rejected before, as a merge of the same contributions" if known else ""


def why_false(view: View) -> str:
    """Why the claim of the proposal under decision can't be true; empty if it may be, as where rounds are solo.

    The contract has checked seats and rule, so this is about the digest, and about endpoints.
    """
    proposal, training = view.proposal, view.training
    if proposal is None or training is None:
        return ""
    claim = proposal.claim
    if claim is None:
        return "it doesn't say what it merges"
    if claim.rule != next(iter(training.rules_left), None):
        return f"it is merged by rule {claim.rule}, whose turn it is not"
    merged = [(seat, training.of(seat)) for seat in seats(claim.seats)]
    there = [(seat, one.weights) for seat, one in merged if one is not None]
    if not there or len(there) < len(merged):
        return "it merges what nobody contributed"
    if claim.digest != claim_digest(there):
        return "it merges other weights than were contributed"
    return ""
