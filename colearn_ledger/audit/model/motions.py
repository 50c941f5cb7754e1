"""What members change by their votes, and how it is carried out."""

from __future__ import annotations

from dataclasses import replace

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ...chain.commitments import compute_proposal_id
from ...core.limits import LEAST_MEMBERS, MOST_MEMBERS
from ...core.outcome import motion_approvals_needed, motion_outcome
from ...core.protocol import ZERO_ADDRESS, MotionKind, MotionRecord, MotionState, RoundState, Rules
from ..turns import Epoch, Turns, vacated
from .rounds import Rounds
from .state import Founding, Impossible, Motion, Proposal, Seated, Told

__all__ = ["Model", "motion_id"]

_WINDOW = (1 << 25) - 1
_NO_RULES = Rules(0, 0, 0, 0, 0, 0, 0, 0)
_NO_WORD = bytes(32)
_BITS = {MotionKind.SET_PLAN: 256, MotionKind.SET_END: 68, MotionKind.SET_SUCCESSOR: 224}


def motion_id(
    index: int,
    epoch: int,
    kind: MotionKind,
    subject: str | None,
    rules: Rules | None,
    to_round: int,
    word: bytes | None,
) -> bytes:
    """The name of a motion (32 bytes), which votes on it give."""
    said = rules or _NO_RULES
    numbers = (
        said.threshold_numerator,
        said.threshold_denominator,
        said.propose_window,
        said.vote_window,
        said.reveal_window,
        said.motion_window,
        said.train_window,
        said.pause,
    )
    types = ["uint256", "uint256", "uint8", "address", "(" + ",".join(["uint32"] * 8) + ")", "uint256", "bytes32"]
    return keccak(
        encode(types, [index, epoch, int(kind), subject or ZERO_ADDRESS, numbers, to_round, word or _NO_WORD])
    )


class Model(Rounds):
    """The contract: each action says what it told, and raises Impossible for what the contract refuses."""

    @classmethod
    def found(cls, founding: Founding) -> Model:
        """As the constructor leaves it."""
        model = cls(founding, Turns(founding.address, shuffled=founding.shuffled), opened_at=founding.time)
        for seat, member in enumerate(founding.members):
            model.place(seat, member, 0, None)
            model.seated[member] = Seated()
        model.epochs.append(Epoch(1, len(founding.members)))
        model.set_rules(founding.rules, 0)
        if any(founding.plan):
            model.agreements[MotionKind.SET_PLAN] = founding.plan
        first = compute_proposal_id(0, founding.weights)
        model.proposals[0] = Proposal(
            first, founding.weights, 0, 0, len(founding.members), 0, founding.time, RoundState.ACCEPTED
        )
        model.numbers[first] = 0
        return model

    def founded(self) -> list[Told]:
        """What the constructor has told."""
        founding = self.founding
        self.tell(
            "CollectiveCreated",
            sha256Hash=founding.weights.sha256,
            cidDigest=founding.weights.cid_digest,
            size=founding.weights.size,
            members=founding.members,
            rules=founding.rules,
            secretVotes=founding.secret_votes,
            shuffled=founding.shuffled,
            maxSize=founding.max_size,
            mergeOrder=founding.merge_order,
            plan=founding.plan,
        )
        if self.is_joint:
            self.begin_first(founding.time)
        self.announce()
        return self.said()

    def said(self) -> list[Told]:
        """What was told since this was asked last."""
        said, self.events = self.events, []
        return said

    # ------------------------------------------------------------------------------------------------ moved

    def move(
        self,
        sender: str,
        time: int,
        kind: MotionKind,
        subject: str | None,
        rules: Rules | None,
        to_round: int,
        word: bytes | None,
    ) -> None:
        """A motion, or a member's own wish."""
        seat, count = self.seat_of(sender), len(self.members)
        wish = kind is MotionKind.REPLACE_MEMBER or (kind is MotionKind.REMOVE_MEMBER and subject == sender)
        self._check_content(sender, kind, subject, rules, to_round, word)
        if kind is MotionKind.REMOVE_MEMBER and count == LEAST_MEMBERS:
            raise Impossible(f"{LEAST_MEMBERS} members are the least")
        last = self.last_motion[seat]
        if not wish:
            if last is not None:
                state = self.motions[last].state_at(time, self.epoch_number)
                if state in (MotionState.OPEN, MotionState.APPROVED):
                    raise Impossible(f"{sender} had another motion")
            self.last_motion[seat] = len(self.motions)
        barred = self.members.index(subject) if kind is MotionKind.REMOVE_MEMBER and subject is not None else None
        voters = count if barred is None else count - 1
        motion = Motion(
            index=len(self.motions),
            id=motion_id(len(self.motions), self.epoch_number, kind, subject, rules, to_round, word),
            kind=kind,
            mover=sender,
            subject=subject,
            rules=rules,
            to_round=to_round if kind is MotionKind.REVERT_TO else None,
            word=word,
            deadline=time + self.rules.motion_window,
            need=0 if wish else motion_approvals_needed(self.rules, voters),
            voters=voters,
            epoch=self.epoch_number,
            barred=barred,
        )
        self.motions.append(motion)
        self.indexes[motion.id] = motion.index
        self.tell(
            "MotionMoved",
            id=motion.id,
            mover=sender,
            kind=kind,
            subject=subject or ZERO_ADDRESS,
            rules=rules or _NO_RULES,
            toRound=to_round,
            word=word or _NO_WORD,
            deadline=motion.deadline,
        )
        if not wish:
            motion.approvals = 1 << seat
            self.tell("MotionVoteCast", id=motion.id, voter=sender, approve=True)
        self._decide(motion, time)

    def vote_motion(self, sender: str, time: int, id_: bytes, approve: bool) -> None:
        seat, index = self.seat_of(sender), self.indexes.get(id_)
        if index is None:
            raise Impossible("no motion has this id")
        motion = self.motions[index]
        state = motion.state_at(time, self.epoch_number)
        if state is not MotionState.OPEN:
            raise Impossible(f"the motion was {state.name.lower()}")
        if seat == motion.barred:
            raise Impossible(f"{sender} has no vote on its own removal")
        if (motion.approvals | motion.rejections) >> seat & 1:
            raise Impossible(f"{sender} had voted on it")
        if approve:
            motion.approvals |= 1 << seat
        else:
            motion.rejections |= 1 << seat
        self.tell("MotionVoteCast", id=id_, voter=sender, approve=approve)
        self._decide(motion, time)

    def motion_records(self, time: int) -> list[MotionRecord]:
        """All motions as storage must have them, as of ``time``."""
        return [
            MotionRecord(
                id=one.id,
                kind=one.kind,
                state=one.state_at(time, self.epoch_number),
                mover=one.mover,
                subject=one.subject,
                rules=one.rules,
                deadline=one.deadline,
                approvals=one.approvals,
                rejections=one.rejections,
                need=one.need,
                to_round=one.to_round,
                first_round=one.first_round if one.kind is MotionKind.REVERT_TO else None,
                word=one.word,
            )
            for one in self.motions
        ]

    def name_myself(self, sender: str, time: int, name: bytes) -> None:
        self.seat_of(sender)
        self.tell("NameSet", member=sender, name=name)

    def _check_content(
        self,
        sender: str,
        kind: MotionKind,
        subject: str | None,
        rules: Rules | None,
        to_round: int,
        word: bytes | None,
    ) -> None:
        if kind in (MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER):
            if subject is None or subject == self.founding.address or subject in self.seated:
                raise Impossible(f"{subject} can't become a member")
            if kind is MotionKind.ADD_MEMBER and len(self.members) == MOST_MEMBERS:
                raise Impossible(f"{MOST_MEMBERS} members are the most")
            if kind is MotionKind.REPLACE_MEMBER and (self.seated[sender].leaving or self.seated[sender].replacing):
                raise Impossible(f"{sender} is to go, or to be replaced")
        elif kind is MotionKind.REMOVE_MEMBER:
            if subject is None or subject not in self.seated:
                raise Impossible(f"{subject} is no member")
            if subject == sender and self.seated[sender].leaving:
                raise Impossible(f"{sender} is to go")
        elif kind is MotionKind.SET_RULES:
            if rules is None or not _can_be(rules, joint=self.is_joint):
                raise Impossible("no collective can have these rules")
        elif kind in _BITS:
            if word is None or int.from_bytes(word, "big") >> _BITS[kind]:
                raise Impossible("no collective can agree on this word")
            if word == self.agreement(kind):
                raise Impossible("this was agreed on already")
        elif to_round not in self.proposals or self.proposals[to_round].status is not RoundState.ACCEPTED:
            raise Impossible(f"round {to_round} was not accepted")
        elif self.sha_of(to_round) == self.sha_of(self.accepted_round):
            raise Impossible("these were the accepted weights already")

    # ------------------------------------------------------------------------------------------------ decided

    def _decide(self, motion: Motion, time: int) -> None:
        certain = motion_outcome(motion.approvals, motion.rejections, need=motion.need, voters=motion.voters)
        motion.state = certain
        if certain is MotionState.REJECTED:
            self.tell("MotionDecided", id=motion.id, approved=False)
        if certain is not MotionState.APPROVED:
            return
        now = self.at(time)
        # The members need not wait for a proposer that is away; a wish ends nobody's turn.
        ends = now.state is RoundState.PROPOSING and not now.overdue and not motion.is_wish
        if not now.overdue and self.is_behind(now):
            self.catch_up(now)
            if not ends:
                self.announce()
        self.queue.append((motion.index, self._flagged(motion)))
        self.tell("MotionDecided", id=motion.id, approved=True)
        if ends:
            self.tell("RoundsMissed", first=now.round, last=now.round)
            self.open_next(time, now.start)

    def _flagged(self, motion: Motion) -> str:
        """The member that an approved motion is about, if it is about one."""
        if motion.kind is MotionKind.REMOVE_MEMBER and motion.barred is not None:
            account = self.members[motion.barred]
            self.seated[account].leaving = True
            return account
        if motion.kind is MotionKind.REPLACE_MEMBER:
            self.seated[motion.mover].replacing = True
            return motion.mover
        return ""

    # ------------------------------------------------------------------------------------------------ carried out

    def enact(self, round_number: int) -> None:
        index, account = self.queue.pop(0)
        motion = self.motions[index]
        if not self._is_possible(motion, account):
            motion.state = MotionState.VOID
            if account in self.seated:  # who could not go, or not be replaced, may ask again
                if motion.kind is MotionKind.REMOVE_MEMBER:
                    self.seated[account].leaving = False
                else:
                    self.seated[account].replacing = False
            self.tell("MotionVoided", id=motion.id)
            return
        motion.state, motion.first_round = MotionState.ENACTED, round_number
        self.tell("MotionEnacted", id=motion.id, firstRound=round_number)
        if motion.kind is MotionKind.ADD_MEMBER:
            assert motion.subject is not None
            self.epochs.append(self.turns.joined(self.epoch, round_number))
            if self.is_joint:
                self.note_late(1 << len(self.members))
            self.add(motion.subject, round_number)
            self.set_need()
        elif motion.kind is MotionKind.REMOVE_MEMBER:
            self.epochs.append(self.turns.left(self.epoch, round_number, self.members.index(account)))
            freed = self.remove(account, round_number)
            self._vacate(freed, len(self.members))
            self.set_need()
        elif motion.kind is MotionKind.REPLACE_MEMBER:
            assert motion.subject is not None
            self.hand_over(account, motion.subject, round_number)
        elif motion.kind is MotionKind.SET_RULES:
            assert motion.rules is not None
            self.set_rules(motion.rules, round_number)
            self.tell("RulesChanged", rules=motion.rules, firstRound=round_number)
        elif motion.word is not None:
            self.agreements[motion.kind] = motion.word
            self.tell("AgreementChanged", kind=motion.kind, word=motion.word, firstRound=round_number)
        else:
            assert motion.to_round is not None
            self.accepted_round = motion.to_round
            sha = self.sha_of(motion.to_round)
            self.tell("WeightsReverted", firstRound=round_number, toRound=motion.to_round, sha256Hash=sha)

    def _is_possible(self, motion: Motion, account: str) -> bool:
        if motion.kind is MotionKind.ADD_MEMBER:
            return motion.subject not in self.seated and len(self.members) < MOST_MEMBERS
        if motion.kind is MotionKind.REMOVE_MEMBER:
            return account in self.seated and len(self.members) > LEAST_MEMBERS
        if motion.kind is MotionKind.REPLACE_MEMBER:
            there = account in self.seated and not self.seated[account].leaving
            return there and motion.subject not in self.seated
        if motion.kind is MotionKind.REVERT_TO:
            assert motion.to_round is not None
            return self.sha_of(motion.to_round) != self.sha_of(self.accepted_round)
        return True

    def _vacate(self, freed: int, last: int) -> None:
        training = self.training
        if training is None:
            return
        self.training = replace(
            training,
            contributed=vacated(training.contributed, freed, last),
            expected=vacated(training.expected, freed, last),
        )
        self.late_seats = vacated(self.late_seats, freed, last)
        moved = self.contributions.pop(last, None)
        self.contributions.pop(freed, None)
        if moved is not None and freed != last:
            self.contributions[freed] = moved


def _can_be(rules: Rules, *, joint: bool) -> bool:
    windows = (rules.propose_window, rules.vote_window, rules.reveal_window, rules.motion_window)
    good = 0 < rules.threshold_numerator < rules.threshold_denominator
    good = good and all(0 < window <= _WINDOW for window in windows)
    return good and (rules.train_window != 0) is joint and max(rules.train_window, rules.pause) <= _WINDOW
