"""What a proposal of a joint round claims to be, compared with what was contributed, before anything is pulled."""

from __future__ import annotations

from .merge.claim import claim_digest
from .protocol import View, seats

__all__ = ["why_false"]


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
