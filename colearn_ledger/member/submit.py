"""The short half of what a member does: send what came out of its work.

The contract refuses what has become stale, because every transaction names the round and the content it is about.
"""

from __future__ import annotations

from typing import Any

from ..chain.commitments import commitment_of, derive_salt, open_commitment
from ..chain.transactions import Outcome, Receipt, Sender
from ..core.decide import Advance, Reveal
from ..errors import ChainError
from .work import Trained, Verdict, Work

__all__ = ["Submitter", "sent"]


class Submitter:
    """One member's account on the contract."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    def submit(self, work: Work) -> Receipt | None:
        """Send what came out of the work; None when there is nothing to send."""
        if isinstance(work, Trained):
            ref = work.weights
            return self.sender.propose(work.round, work.parent, ref.sha256, ref.cid_digest, ref.size, work.note)
        if isinstance(work, Verdict):
            return self._vote(work)
        if isinstance(work, Reveal):
            return self._reveal(work)
        if isinstance(work, Advance):
            return self.sender.advance()
        return None

    def _vote(self, verdict: Verdict) -> Receipt:
        proposal_id = verdict.action.proposal.id
        if not verdict.action.secret:
            return self.sender.vote(proposal_id, verdict.approve)
        where = self._where(proposal_id)
        salt = derive_salt(self._key, **where)
        commitment = commitment_of(**where, voter=self.sender.account.address, approve=verdict.approve, salt=salt)
        return self.sender.commit(proposal_id, commitment)

    def _reveal(self, action: Reveal) -> Receipt:
        where = self._where(action.proposal.id)
        opened = open_commitment(action.commitment, key=self._key, **where, voter=self.sender.account.address)
        if opened is None:
            raise ChainError(
                f"the commitment of {self.sender.account.address} in round {action.round} was not made by this key",
                expected="one node per key",
                fix="stop the other program that votes with this key",
            )
        approve, salt = opened
        return self.sender.reveal(action.proposal.id, approve, salt)

    @property
    def _key(self) -> bytes:
        return bytes(self.sender.account.key)

    def _where(self, proposal_id: bytes) -> dict[str, Any]:
        contract = self.sender.contract
        return {"chain_id": contract.chain_id, "contract": contract.address, "proposal_id": proposal_id}


def sent(receipt: Receipt | None) -> bool:
    """Whether a transaction was mined."""
    return receipt is not None and receipt.outcome is Outcome.SENT
