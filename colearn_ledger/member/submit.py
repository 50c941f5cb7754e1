"""The short half of what a member does: send what came out of its work.

The contract refuses what has become stale, because every transaction names the round and the content it is about.
"""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

from ..chain.calls import Calls
from ..chain.commitments import commitment_of, derive_salt, open_commitment
from ..chain.transactions import Outcome, Receipt
from ..core.decide import Advance, Reveal
from ..errors import ChainError
from .work import Contributed, Merged, Trained, Verdict, Work

__all__ = ["Submitter", "sent"]


R = TypeVar("R")
_MILLION = 10**6
_MOST = 2**63 - 1  # an int64


class Submitter(Generic[R]):
    """One member's account on the contract.

    ``sender``: what makes the calls; what it gives for each (a receipt, or a transaction under way) is passed on.

    ``publish_scores``: votes carry the scores of the current weights and of the proposed ones, where the learner tells
    both. A secret vote's are published when it is revealed; they are remembered until then, and not longer than this
    object lives: a member that was started again reveals its vote without them.
    """

    def __init__(self, sender: Calls[R], *, publish_scores: bool = False) -> None:
        self.sender = sender
        self._publish_scores = publish_scores
        self._committed: tuple[bytes, tuple[int, int] | None] = (b"", None)  # the last proposal's id, and its scores

    def submit(self, work: Work) -> R | None:
        """Send what came out of the work; None when there is nothing to send."""
        if isinstance(work, Trained):
            ref = work.weights
            return self.sender.propose(work.round, work.parent, ref.sha256, ref.cid_digest, ref.size, work.note)
        if isinstance(work, Contributed):
            return self.sender.contribute(work.training, work.parent, work.weights, work.note)
        if isinstance(work, Merged):
            left_out = dict(work.left_out)
            return self.sender.propose_merge(work.round, work.parent, work.weights, work.claim, left_out, b"")
        if isinstance(work, Verdict):
            return self._vote(work)
        if isinstance(work, Reveal):
            return self._reveal(work)
        if isinstance(work, Advance):
            return self.sender.advance()
        return None

    def _vote(self, verdict: Verdict) -> R:
        proposal_id = verdict.action.proposal.id
        scores = _scores(verdict) if self._publish_scores else None
        if not verdict.action.secret:
            return self.sender.vote(proposal_id, verdict.approve, scores)
        self._committed = (proposal_id, scores)
        where = self._where(proposal_id)
        salt = derive_salt(self._key, **where)
        commitment = commitment_of(**where, voter=self.sender.account.address, approve=verdict.approve, salt=salt)
        return self.sender.commit(proposal_id, commitment)

    def _reveal(self, action: Reveal) -> R:
        where = self._where(action.proposal.id)
        opened = open_commitment(action.commitment, key=self._key, **where, voter=self.sender.account.address)
        if opened is None:
            raise ChainError(
                f"the commitment of {self.sender.account.address} in round {action.round} was not made by this key",
                expected="one node per key",
                fix="stop the other program that votes with this key",
            )
        approve, salt = opened
        committed, scores = self._committed
        return self.sender.reveal(
            action.proposal.id, approve, salt, scores if committed == action.proposal.id else None
        )

    @property
    def _key(self) -> bytes:
        return bytes(self.sender.account.key)

    def _where(self, proposal_id: bytes) -> dict[str, Any]:
        contract = self.sender.contract
        return {"chain_id": contract.chain_id, "contract": contract.address, "proposal_id": proposal_id}


def _scores(verdict: Verdict) -> tuple[int, int] | None:
    """Of the current weights and the proposed ones, in millionths; None where the contract takes no two such."""
    test = verdict.test
    if test is None or test.current_score is None:
        return None
    scores = (float(test.current_score), float(test.vote_value))
    if not all(math.isfinite(score) and abs(score) * _MILLION <= _MOST for score in scores):
        return None
    now, proposed = (round(score * _MILLION) for score in scores)
    return now, proposed


def sent(receipt: Receipt | None) -> bool:
    """Whether a transaction was mined."""
    return receipt is not None and receipt.outcome is Outcome.SENT
