"""What the clock makes of what is stored, the boundary between rounds, and one training after another."""

from __future__ import annotations

from dataclasses import replace

from ...core.outcome import approvals_needed
from ...core.protocol import MotionKind, RoundState, Rules
from .state import Impossible, Now, State, Training

__all__ = ["Clock"]


class Clock(State):
    """The state, and time."""

    def at(self, time: int) -> Now:
        """What is stored, as of ``time``."""
        now = Now(self.round, self.opened_at)
        waiting, joint = bool(self.queue), self.is_joint
        proposal = self.proposals.get(self.round)
        if proposal is not None:
            now.proposal, now.deadline, now.state = proposal, proposal.deadline, proposal.status
            ready = proposal.hidden.bit_count() >= proposal.need
            if proposal.status is RoundState.VOTING and self.founding.secret_votes and time > now.deadline and ready:
                now.state = RoundState.REVEALING
                now.deadline = now.revealing_until = now.deadline + self.rules.reveal_window
            if time <= now.deadline:
                return now
            now.closed = True
            if joint:
                now.training = self._training.with_one_rejected()
            if waiting:
                now.overdue = True
                return now
            now.state, now.start = RoundState.PROPOSING, now.deadline + 1 + self.rules.pause
            now.round += 1
            if now.training is not None and now.training.is_over:
                now.training = self._following(now.training, now.round, now.start)
        start = now.start
        if joint:
            if not now.closed:
                now.training = self._training
            start = max(start, now.training.until if now.training is not None else 0)
        window = self.rules.propose_window
        missed = self._missed(now.round, start, time)
        now.ended = self._is_over(now.round + missed, time)
        if waiting:
            now.overdue = missed > 0 or (now.ended and time >= now.start)
        elif missed:
            now.missed = missed
            now.round += missed
            start += missed * window
            now.start = start
        now.deadline = (now.start if now.overdue and now.ended else start + window) - 1
        return now

    @property
    def _end(self) -> tuple[int, int]:
        """The last round and the last second; 0 of each for none."""
        word = int.from_bytes(self.agreement(MotionKind.SET_END), "big")
        return word & (1 << 32) - 1, word >> 32

    def _is_over(self, round_number: int, time: int) -> bool:
        last_round, last_second = self._end
        return 0 < last_round < round_number or 0 < last_second < time

    def _missed(self, round_number: int, start: int, time: int) -> int:
        """How many turns, from that of this round on, have passed; after the end none does."""
        last_round, last_second = self._end
        if last_second:
            time = min(time, last_second + 1)
        turns = max(0, time - start) // self.rules.propose_window
        return min(turns, max(0, last_round + 1 - round_number)) if last_round else turns

    def is_behind(self, now: Now) -> bool:
        """Whether the clock has opened rounds that aren't written down."""
        return now.closed or now.missed > 0

    def catch_up(self, now: Now) -> None:
        """Write down what the clock did while nobody came."""
        before = self.round
        if now.closed:
            self.reject(now)
            if now.training is not None and now.training.first_round > before:
                self._begin(now.training)
        if now.missed:
            self.tell("RoundsMissed", first=now.round - now.missed, last=now.round - 1)
        self.round, self.opened_at = now.round, now.start

    def reject(self, now: Now) -> None:
        """The proposal that is over by the clock."""
        proposal = now.proposal
        assert proposal is not None
        proposal.status = RoundState.REJECTED
        if now.revealing_until is not None:
            proposal.deadline = now.revealing_until
        if now.training is not None:
            self.training = now.training
        self.tell_decided(self.round, by_clock=True)

    def tell_decided(self, round_number: int, *, by_clock: bool) -> None:
        proposal = self.proposals[round_number]
        self.tell(
            "RoundDecided",
            round=round_number,
            id=proposal.id,
            accepted=proposal.status is RoundState.ACCEPTED,
            approvals=proposal.approvals,
            rejections=proposal.rejections,
            byClock=by_clock,
        )

    def open_next(self, time: int, latest: int | None = None) -> None:
        """The boundary between rounds: at most one motion is carried out, and the next round opens after a pause.

        ``latest``: but then, if that is earlier, or at ``time``.
        """
        number = self.round + 1
        if self.queue:
            self.enact(number)
        opens = time + self.rules.pause
        if latest is not None:
            opens = min(opens, max(time, latest))
        self.round, self.opened_at = number, opens
        if self.is_joint:
            self._follow(opens)
        self.announce()

    def enact(self, round_number: int) -> None:
        """Carry out the motion that has waited longest, so that it holds from this round on."""
        raise NotImplementedError

    def announce(self) -> None:
        start = max(self.opened_at, self.training.until if self.training is not None else 0)
        seat = self.turns.seat(self.epoch, self.round)
        self.tell("RoundOpened", round=self.round, seat=seat, deadline=start + self.rules.propose_window - 1)

    def set_rules(self, rules: Rules, round_number: int) -> None:
        self.rules = rules
        self.rules_since.append((round_number, rules))
        self.set_need()

    def set_need(self) -> None:
        self.need = approvals_needed(self.rules, len(self.members) - 1)

    def advance(self, time: int) -> None:
        """What anybody may send: the clock's decisions are written down."""
        now = self.at(time)
        if now.overdue:
            end = time if now.ended else now.deadline + 1
            if now.closed:
                self.reject(now)
            else:
                self.tell("RoundsMissed", first=now.round, last=now.round)
            self.open_next(end, None if now.closed else 0)
            return
        if not self.is_behind(now):
            raise Impossible("there was nothing to advance")
        self.catch_up(now)
        self.announce()

    # ------------------------------------------------------------------------------------------------ trainings

    @property
    def _training(self) -> Training:
        assert self.training is not None
        return self.training

    def _following(self, old: Training | None, first: int, time: int) -> Training:
        expected = 0
        if old is not None:
            expected = old.contributed
            if old.has_late:
                expected |= self.late_seats & ~old.expected
            if time < old.until:  # it was cut short: nobody was late
                expected |= old.expected
        expected = expected or (1 << len(self.members)) - 1
        until = time + self.rules.train_window
        return Training(first, self.accepted_round, until, expected, self.founding.merge_order)

    def begin_first(self, time: int) -> None:
        self._begin(self._following(None, 1, time))

    def _begin(self, training: Training) -> None:
        self.training = training
        self.tell("TrainingBegan", training=training.first_round, expected=training.expected)

    def _follow(self, time: int) -> None:
        training = self._training
        if training.parent_round != self.accepted_round or training.is_over:
            self._begin(self._following(training, self.round, time))
        elif time < training.until and training.is_complete:
            self.training = replace(training, until=time)  # who was missing has left

    def note_late(self, bit: int) -> None:
        """Seats of those who came late, or have joined."""
        training = self._training
        self.late_seats = self.late_seats | bit if training.has_late else bit
        self.training = replace(training, has_late=True)
