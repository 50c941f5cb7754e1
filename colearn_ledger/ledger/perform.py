"""Performing what :func:`~colearn_ledger.core.decide.decide` decided, for one member.

Every action has two halves. :meth:`Performer.prepare` does the long work (train, pull, test) and touches no chain, so
it may run anywhere and be dropped when it is stale. :meth:`Performer.submit` sends what came out of it; the contract
refuses what has become stale, because every transaction names the round and the content that it is about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..chain.commitments import commitment_of, derive_salt, open_commitment
from ..chain.transactions import Outcome, Receipt, Sender
from ..core.decide import Action, Adopt, Advance, Judge, Me, Propose, Reveal, Wait
from ..core.learner import Learner, ProposedWeights, Weights, ask_current, ask_propose, ask_test
from ..core.protocol import WeightsRef
from ..core.schema import Schema
from ..core.weights import decode, encode
from ..errors import ChainError, InvalidWeights, UnavailableWeights
from ..stores.base import Store

__all__ = ["Adopted", "Nothing", "Performer", "Trained", "Verdict", "Work"]

NOTE_LIMIT = 256  # bytes; the contract's cap


@dataclass(frozen=True, slots=True)
class Adopted:
    """The learner now holds these weights."""

    weights: WeightsRef


@dataclass(frozen=True, slots=True)
class Trained:
    """New weights, published and tested by their own learner, for one round and one parent."""

    round: int
    parent: bytes
    weights: WeightsRef
    note: bytes
    own_test: ProposedWeights


@dataclass(frozen=True, slots=True)
class Verdict:
    """A vote on one proposal. ``test`` is None when the weights were invalid, and ``reason`` says why.

    A learner that abstains votes to reject: it counts the same, and the others need not wait for the deadline.
    """

    action: Judge
    approve: bool
    test: ProposedWeights | None
    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """No work came out: there was none, or the weights can't be had (``reason``): look again."""

    reason: str


Work = Adopted | Trained | Verdict | Reveal | Advance | Nothing


class Performer:
    """One member's hands: a learner, a store, and a sender of its transactions.

    Parameters
    ----------
    learner: any object with the four methods.
    store: where weights are put and pulled.
    sender: the member's account on the contract.
    max_size: the deployment's cap on the size of weights, in bytes.

    Raises InvalidWeights when the learner's own current weights can't be encoded.
    """

    def __init__(self, learner: Learner, store: Store, sender: Sender, *, max_size: int) -> None:
        self.learner = learner
        self.store = store
        self.sender = sender
        self.max_size = max_size
        self.schema = Schema.of(ask_current(learner).weights)
        self.me = Me(sender.account.address, adopted=None)

    # -------------------------------------------------------------------------------------------- work, no chain

    def prepare(self, action: Action, *, deadline_s: float | None = None) -> Work:
        """Do the long part of ``action``. ``deadline_s``: seconds that pulling weights may take.

        Raises InvalidWeights where accepted weights don't fit this learner, or its own proposal can't be published.
        """
        if isinstance(action, Adopt):
            return self._adopt(action, deadline_s)
        if isinstance(action, Propose):
            return self._train(action)
        if isinstance(action, Judge):
            return self._judge(action, deadline_s)
        if isinstance(action, Wait):
            return Nothing(action.why)
        return action

    def _adopt(self, action: Adopt, deadline_s: float | None) -> Work:
        try:
            weights = self._pull(action.weights, deadline_s)
        except UnavailableWeights as e:
            return Nothing(f"the accepted weights can't be had yet: {e.what}")
        self.learner.mli_accept_weights(weights)
        self.me = Me(self.me.address, adopted=action.weights.sha256)
        return Adopted(action.weights)

    def _train(self, action: Propose) -> Trained:
        proposed = ask_propose(self.learner, action.round)
        data = encode(proposed.weights)
        if len(data) > self.max_size:
            raise InvalidWeights(
                f"the learner's weights are {len(data)} bytes",
                expected=f"at most {self.max_size} bytes, the deployment's cap",
                fix="use a smaller model, or deploy with a larger cap",
            )
        published = Weights(decode(data, self.schema))  # what the others will refuse must not be published
        # Published before the transaction names it, so that nobody looks for what isn't there.
        ref = self.store.put(data)
        own_test = ask_test(self.learner, published)
        return Trained(action.round, action.parent, ref, _note(proposed), own_test)

    def _judge(self, action: Judge, deadline_s: float | None) -> Work:
        try:
            weights = self._pull(action.proposal.weights, deadline_s)
        except UnavailableWeights as e:  # says nothing about the weights: no vote comes of it
            return Nothing(f"the proposed weights can't be had yet: {e.what}")
        except InvalidWeights as e:
            return Verdict(action, approve=False, test=None, reason=e.what)
        test = ask_test(self.learner, weights)
        return Verdict(action, approve=bool(test.vote), test=test, reason="tested on own data")

    def _pull(self, ref: WeightsRef, deadline_s: float | None) -> Weights:
        return Weights(weights=decode(self.store.get(ref, deadline_s=deadline_s), self.schema))

    # -------------------------------------------------------------------------------------------- the chain

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
        commitment = commitment_of(**where, voter=self.me.address, approve=verdict.approve, salt=salt)
        return self.sender.commit(proposal_id, commitment)

    def _reveal(self, action: Reveal) -> Receipt:
        where = self._where(action.proposal.id)
        opened = open_commitment(action.commitment, key=self._key, **where, voter=self.me.address)
        if opened is None:
            raise ChainError(
                f"the commitment of {self.me.address} in round {action.round} was not made by this key",
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


def _note(weights: Weights) -> bytes:
    """The training summary as short JSON for people and indexers; empty when there is none or it is too long."""
    summary = weights.training_summary
    samples = getattr(summary, "samples", None)
    if samples is None:
        return b""
    note = json.dumps({"samples": int(samples)}, separators=(",", ":")).encode()
    return note if len(note) <= NOTE_LIMIT else b""
