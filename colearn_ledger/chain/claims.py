"""What an endpoint says of a collective, compared with itself: what can't be so is that endpoint's failure."""

from __future__ import annotations

from ..core.protocol import RoundState, View
from ..errors import ChainError
from .commitments import compute_proposal_id

__all__ = ["check_view"]


def check_view(view: View) -> None:
    """Raise ChainError if a member had better do nothing by this view.

    A vote names a proposal's id: were that another content's, it would count for what was never tested. And a secret
    vote is given away by its reveal: so those who haven't committed yet must have had their time.
    """
    proposal = view.proposal
    if proposal is None:
        return
    if proposal.id != compute_proposal_id(view.round, proposal.weights, proposal.claim):
        raise ChainError(
            f"the endpoint shows a proposal of round {view.round} under an id that isn't its content's",
            expected="the id that the proposal's round, hash, CID, size and claim give",
            fix="don't use this endpoint: it misleads",
        )
    if view.state is not RoundState.REVEALING:
        return
    committed = (proposal.hidden | proposal.approvals | proposal.rejections).bit_count()
    opened = view.deadline - view.rules.reveal_window  # where not all had committed before
    if committed < view.member_count - 1 and view.at <= opened:
        raise ChainError(
            f"the endpoint says that votes are revealed, {committed} of {view.member_count - 1} have committed, "
            f"and the time to commit ends in {opened - view.at + 1} s",
            expected="reveals when all have committed, or their time is over",
            fix="don't use this endpoint: it misleads",
        )
