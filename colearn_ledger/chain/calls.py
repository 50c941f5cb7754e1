"""The contract's calls as one account makes them: what is sent for each, and what it is called for people."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from eth_account.signers.local import LocalAccount

from ..core.protocol import Claim, MotionKind, Rules, WeightsRef
from .contract import CollectiveContract, rules_struct

__all__ = ["Calls"]

R = TypeVar("R")


class Calls(abc.ABC, Generic[R]):
    """One account's calls of one contract; what each of them returns, and raises, is :meth:`send`'s affair.

    Parameters
    ----------
    contract: the collective.
    account: signs locally; the key never leaves the process.
    """

    def __init__(self, contract: CollectiveContract, account: LocalAccount) -> None:
        self.contract = contract
        self.account = account

    @abc.abstractmethod
    def send(self, function: Any, doing: str) -> R:
        """Send one call; ``doing`` names it for people."""

    def propose(self, round_number: int, parent: bytes, sha256: bytes, cid_digest: bytes, size: int, note: bytes) -> R:
        """Propose weights in a round: their hash, their root block's digest, their size in bytes.

        Parameters
        ----------
        parent: sha256 of the weights that they were trained from; the round's accepted ones.
        note: up to 256 bytes, which the chain keeps as an event.
        """
        call = self.contract.functions.propose(round_number, parent, sha256, cid_digest, size, note)
        return self.send(call, f"propose weights in round {round_number}")

    def contribute(self, training: int, parent: bytes, weights: WeightsRef, note: bytes) -> R:
        """Contribute weights to a training of joint rounds, once; a second time is taken as done.

        Parameters
        ----------
        training: its first round.
        parent: sha256 of the weights that they were trained from.
        note: as in :meth:`propose`.
        """
        call = self.contract.functions.contribute(
            training, parent, weights.sha256, weights.cid_digest, weights.size, note
        )
        return self.send(call, f"contribute to the training of round {training}")

    def propose_merge(
        self,
        round_number: int,
        parent: bytes,
        weights: WeightsRef,
        claim: Claim,
        left_out: Mapping[int, int],
        text: bytes,
    ) -> R:
        """Propose a merge in a joint round.

        Parameters
        ----------
        claim: what it merges, by which rule.
        left_out: by seat the reason (1 to 15) why a contribution isn't merged.
        text: up to 192 bytes, which follow these in the note.
        """
        note = claim.note(left_out, text)
        return self.propose(round_number, parent, weights.sha256, weights.cid_digest, weights.size, note)

    def vote(self, proposal_id: bytes, approve: bool, scores: tuple[int, int] | None = None) -> R:
        """Vote openly on a proposal, once.

        ``scores``: of the current weights and the proposed ones, in millionths, to be published with the vote.
        """
        functions = self.contract.functions
        if scores is not None:
            return self.send(functions.voteWithScores(proposal_id, approve, *scores), "vote")
        return self.send(functions.vote(proposal_id, approve), "vote")

    def commit(self, proposal_id: bytes, commitment: bytes) -> R:
        """Commit to a secret vote: ``commitment`` as :func:`.commitment_of` makes it."""
        return self.send(self.contract.functions.commit(proposal_id, commitment), "commit to a vote")

    def reveal(self, proposal_id: bytes, approve: bool, salt: bytes, scores: tuple[int, int] | None = None) -> R:
        """Reveal what was committed to: ``approve`` and ``salt`` must be those of the commitment.

        ``scores`` as in :meth:`vote`.
        """
        functions = self.contract.functions
        if scores is not None:
            return self.send(functions.revealWithScores(proposal_id, approve, salt, *scores), "reveal a vote")
        return self.send(functions.reveal(proposal_id, approve, salt), "reveal a vote")

    def advance(self) -> R:
        """Let the clock's decisions be written down: a deadline that has passed, a motion that waits."""
        return self.send(self.contract.functions.advance(), "advance the round")

    def move_add_member(self, subject: str) -> R:
        """Move that ``subject`` become a member. Whoever moves it approves it."""
        return self.send(self.contract.functions.moveAddMember(subject), f"move to add {subject}")

    def move_remove_member(self, subject: str) -> R:
        """Move that the member ``subject`` lose its seat, without a vote of its own on it."""
        return self.send(self.contract.functions.moveRemoveMember(subject), f"move to remove {subject}")

    def move_rules(self, rules: Rules) -> R:
        """Move that these rules hold instead of today's."""
        return self.send(self.contract.functions.moveRules(rules_struct(rules)), "move to change the rules")

    def move_revert_to(self, round_number: int) -> R:
        """Move that the weights of this accepted round become the accepted ones again."""
        return self.send(self.contract.functions.moveRevertTo(round_number), f"move to go back to round {round_number}")

    def move_to_agree_on(self, kind: MotionKind, word: bytes) -> R:
        """Move to agree on this plan, end or successor (32 bytes; zeros: none)."""
        said = kind.name.lower().replace("set_", "set the ")
        return self.send(self.contract.functions.moveToAgreeOn(int(kind), word), f"move to {said}")

    def vote_motion(self, motion_id: bytes, approve: bool) -> R:
        """Vote on a motion, once."""
        return self.send(self.contract.functions.voteMotion(motion_id, approve), "vote on a motion")

    def leave(self) -> R:
        """Give up one's own seat, between two rounds. Needs nobody's vote."""
        return self.send(self.contract.functions.leave(), "leave the collective")

    def name_myself(self, name: bytes) -> R:
        """Say how oneself is to be called: UTF-8, then zeros, 32 bytes."""
        return self.send(self.contract.functions.nameMyself(name), "set its name")

    def replace_member(self, successor: str) -> R:
        """Hand one's own seat to another address, between two rounds. Needs nobody's vote."""
        return self.send(self.contract.functions.replaceMember(successor), f"hand its seat to {successor}")
