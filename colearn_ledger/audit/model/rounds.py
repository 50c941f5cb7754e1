"""Proposals and the votes on them; contributions to a training."""

from __future__ import annotations

from dataclasses import replace

from ...chain.commitments import compute_proposal_id
from ...core.cid import CHUNK
from ...core.outcome import voted_outcome
from ...core.protocol import ZERO_ADDRESS, Claim, RoundRecord, RoundState, WeightsRef, seats
from .clock import Clock
from .state import Impossible, Proposal, Training

__all__ = ["Rounds"]

_MOST_NOTE, _CLAIM_BYTES = 256, 64
_KEPT = 28  # bytes of a commitment


class Rounds(Clock):
    """The clock, and what members do in a round."""

    def propose(self, sender: str, time: int, round_number: int, parent: bytes, new: WeightsRef, note: bytes) -> None:
        seat, now = self.seat_of(sender), self.at(time)
        _require(not now.ended, "it was after the end")
        _require(time >= now.start, f"it rested until {now.start}")
        _require(not now.overdue, f"round {now.round} was overdue")
        _require(round_number == now.round, f"the round was {now.round}")
        _require(now.state is RoundState.PROPOSING, "the round had a proposal")
        turn = self.turns.seat(self.epoch, round_number)
        _require(seat == turn, f"it was the turn of seat {turn}, {self.members[turn]}")
        accepted = self.sha_of(self.accepted_round)
        _require(parent == accepted, f"the accepted weights were {accepted.hex()}")
        self._check_weights(new, accepted, note)
        claim = self._claim_in(note, now.training, seat, time) if self.is_joint else None
        if self.is_behind(now):
            self.catch_up(now)
        proposal = Proposal(
            id=compute_proposal_id(round_number, new, claim),
            weights=new,
            seat=seat,
            need=self.need,
            members=len(self.members),
            parent_round=self.accepted_round,
            deadline=time + self.rules.vote_window,
            claim=claim,
        )
        self.proposals[round_number] = proposal
        if claim is not None:
            self.merged[round_number] = tuple((one, self.contributions[one][1]) for one in seats(claim.seats))
        self.numbers[proposal.id] = round_number
        self.tell(
            "WeightsProposed",
            round=round_number,
            proposer=sender,
            id=proposal.id,
            parent=parent,
            sha256Hash=new.sha256,
            cidDigest=new.cid_digest,
            size=new.size,
            deadline=proposal.deadline,
            note=note,
        )

    def vote(self, sender: str, time: int, id_: bytes, approve: bool) -> None:
        """Openly, or the reveal of a vote that was committed to."""
        proposal, bit = self._ballot(sender, id_)
        deadline, cast = proposal.deadline, bool((proposal.approving | proposal.rejecting) & bit)
        if not self.founding.secret_votes:
            _require(not cast, f"{sender} had voted")
            _require(time <= deadline, f"the deadline was {deadline}")
            if approve:
                proposal.approving |= bit
            else:
                proposal.rejecting |= bit
        else:
            if proposal.status is RoundState.VOTING:
                _require(time > deadline, "reveals were not open")
                _require(proposal.hidden.bit_count() >= proposal.need, "too few had committed")
                deadline += self.rules.reveal_window
            _require(time <= deadline, f"the deadline was {deadline}")
            _require(cast, f"{sender} had committed to nothing")
            _require(bool(proposal.hidden & bit), f"{sender} had voted")
            proposal.status, proposal.deadline = RoundState.REVEALING, deadline
            if approve:
                proposal.rejecting &= ~bit
            else:
                proposal.approving &= ~bit
        self.tell("VoteCast", id=id_, voter=sender, approve=approve)
        self._count(proposal, time)

    def commit(self, sender: str, time: int, id_: bytes, commitment: bytes) -> None:
        _require(self.founding.secret_votes, "votes are open")
        proposal, bit = self._ballot(sender, id_)
        _require(not (proposal.approving | proposal.rejecting) & bit, f"{sender} had committed")
        _require(proposal.status is RoundState.VOTING, "reveals were open")
        _require(time <= proposal.deadline, f"the deadline was {proposal.deadline}")
        kept = commitment[:_KEPT]
        _require(any(kept), "it commits to nothing")
        proposal.approving |= bit
        proposal.rejecting |= bit
        self.tell("VoteCommitted", id=id_, voter=sender, commitment=kept + bytes(4))
        if proposal.hidden.bit_count() == proposal.members - 1:
            proposal.status, proposal.deadline = RoundState.REVEALING, time + self.rules.reveal_window
            self.tell("RevealsOpened", id=id_, deadline=proposal.deadline)

    def contribute(self, sender: str, time: int, training: int, new: WeightsRef, note: bytes) -> None:
        seat, word = self.seat_of(sender), self.training
        if word is None:
            raise Impossible("rounds are solo")
        now = self.at(time)
        _require(not now.ended, "it was after the end")
        _require(time >= now.start, f"it rested until {now.start}")
        if time >= word.until and word.with_one_rejected().is_over and now.closed:
            _require(not now.overdue, f"round {now.round} was overdue")
            self.catch_up(now)
            self.announce()
            word = self._training
        _require(training == word.first_round, f"the training was that of round {word.first_round}")
        _require(self.contributions.get(seat, (0,))[0] != training, f"{sender} had contributed")
        self._check_weights(new, self.sha_of(word.parent_round), note)
        self.contributions[seat] = training, new
        late = time >= word.until
        if late:
            self.note_late(1 << seat)
        else:
            word = replace(word, contributed=word.contributed | 1 << seat)
            self.training = replace(word, until=time) if word.is_complete else word
        self.tell(
            "WeightsContributed",
            training=training,
            member=sender,
            sha256Hash=new.sha256,
            cidDigest=new.cid_digest,
            size=new.size,
            late=late,
            note=note,
        )

    # ------------------------------------------------------------------------------------------------ records

    def records(self, time: int) -> list[RoundRecord]:
        """All rounds as storage must have them, as of ``time``."""
        now = self.at(time)
        return [self._record(number, now.round, now.overdue, time) for number in range(now.round + 1)]

    def _record(self, number: int, current: int, overdue: bool, time: int) -> RoundRecord:
        epoch, proposal = self.epoch_of(number), self.proposals.get(number)
        if proposal is None:
            seat, open_ = self.turns.seat(epoch, number), number == current and not overdue
            return RoundRecord(
                round=number,
                state=RoundState.PROPOSING if open_ else RoundState.MISSED,
                proposer=self.member_in(seat, number),
                parent_round=0,
                parent=bytes(32),
                id=None,
                weights=None,
                deadline=self.at(time).deadline if open_ else 0,
                member_count=epoch.members,
                proposer_seat=seat,
                approvals=0,
                rejections=0,
                hidden=0,
                need=0,
            )
        state, deadline = proposal.status, proposal.deadline
        if number == self.round:
            now = self.at(time)
            deadline = deadline if now.revealing_until is None else now.revealing_until
            if not state.decided:
                state = RoundState.REJECTED if now.closed else now.state
        return RoundRecord(
            round=number,
            state=state,
            proposer=self.member_in(proposal.seat, number) if number else ZERO_ADDRESS,
            parent_round=proposal.parent_round,
            parent=self.sha_of(proposal.parent_round) if number else bytes(32),
            id=proposal.id,
            weights=proposal.weights,
            deadline=deadline,
            member_count=epoch.members,
            proposer_seat=proposal.seat,
            approvals=proposal.approvals,
            rejections=proposal.rejections,
            hidden=proposal.hidden,
            need=proposal.need,
            claim=proposal.claim,
        )

    # ------------------------------------------------------------------------------------------------ parts

    def _check_weights(self, new: WeightsRef, accepted: bytes, note: bytes) -> None:
        _require(new.sha256 != accepted, "these were the accepted weights already")
        _require(any(new.sha256) and any(new.cid_digest), "a hash is empty")
        _require(0 < new.size <= self.founding.max_size, f"at most {self.founding.max_size} bytes are taken")
        _require(new.size > CHUNK or new.cid_digest == new.sha256, "weights of one block have their sha256 as digest")
        _require(len(note) <= _MOST_NOTE, "the note is too long")

    def _claim_in(self, note: bytes, training: Training | None, seat: int, time: int) -> Claim:
        assert training is not None
        _require(time >= training.until, f"the training went on until {training.until}")
        claim = Claim.of(note[:32]) if len(note) >= _CLAIM_BYTES else None
        if claim is None:
            raise Impossible("it claims nothing")
        due = training.rules[0] if training.rules else 0
        _require(claim.rule == due, f"it was the turn of rule {due}")
        own, others = 1 << seat, claim.seats & ~training.contributed
        has_own = self.contributions.get(seat, (0,))[0] == training.first_round
        _require(claim.seats != 0, "it merges nothing")
        _require(others == 0 or (others == own and has_own), "it merges what was not contributed in time")
        return claim

    def _ballot(self, sender: str, id_: bytes) -> tuple[Proposal, int]:
        seat, number = self.seat_of(sender), self.numbers.get(id_)
        if number is None:
            raise Impossible("no proposal has this id")
        proposal = self.proposals[number]
        _require(not proposal.status.decided, "it was decided")
        _require(seat != proposal.seat, f"{sender} had proposed it")
        return proposal, 1 << seat

    def _count(self, proposal: Proposal, time: int) -> None:
        certain = voted_outcome(
            proposal.approvals,
            proposal.rejections,
            proposal.hidden,
            need=proposal.need,
            voters=proposal.members - 1,
            secret_votes=self.founding.secret_votes,
        )
        if certain is None:
            return
        proposal.status = certain
        number = self.round
        self.tell_decided(number, by_clock=False)
        if certain is RoundState.ACCEPTED:
            self.accepted_round = number
        elif self.is_joint:
            self.training = self._training.with_one_rejected()
        self.open_next(time)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise Impossible(why)
