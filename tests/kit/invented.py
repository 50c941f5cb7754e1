"""Histories that no chain has seen: the audit's model does what members may do, at random. Cheap, by the thousand."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from eth_utils.address import to_checksum_address

from colearn_ledger.audit.facts import Facts, Span
from colearn_ledger.audit.model import Founding, Impossible, Model, Told
from colearn_ledger.chain.artifact import load_artifact
from colearn_ledger.chain.contract import Head
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import (
    AGREEMENTS,
    Claim,
    Contribution,
    MotionKind,
    MotionState,
    Proposal,
    RoundState,
    Rules,
    Training,
    View,
    WeightsRef,
    rules_word,
    seats,
)
from colearn_ledger.core.schema import Schema
from colearn_ledger.founding.record import DeploymentRecord
from colearn_ledger.history.logs import Event

__all__ = ["invent", "sequel"]

_START, _CHAIN = 1_700_000_000, 31337
_RULES = Rules(1, 2, propose_window=1000, vote_window=500, reveal_window=500, motion_window=20_000)


def invent(rng: random.Random, steps: int, **kind: Any) -> Facts:
    """The facts of a collective of random kind (or this one: ``joint``, ``secret``, ``shuffled``) after some steps."""
    return _Teller(rng, **kind).tell(steps)


def sequel(rounds: int, members: int = 2) -> Facts:
    """A history of so many rounds, each accepted or rejected at once."""
    teller = _Teller(random.Random(0), joint=False, secret=False, shuffled=False, count=members)
    while teller.model.round <= rounds:
        teller.round()
    return teller.facts()


@dataclass
class _Teller:
    rng: random.Random
    joint: bool | None = None
    secret: bool | None = None
    shuffled: bool | None = None
    count: int | None = None
    events: list[Event] = field(default_factory=list)
    senders: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng
        joint, secret, shuffled = (
            rng.random() < 0.5 if one is None else one for one in (self.joint, self.secret, self.shuffled)
        )
        self.time, self.block = _START, 10
        self.accounts = [to_checksum_address(rng.randbytes(20)) for _ in range(8)]
        rules = _RULES.changed(train_window=300) if joint else _RULES
        rules = rules.changed(pause=rng.choice((0, 0, 60)))
        self.founding = Founding(
            address=to_checksum_address(rng.randbytes(20)),
            time=self.time,
            weights=self.ref("genesis"),
            members=tuple(self.accounts[: self.count or rng.randint(2, 6)]),
            rules=rules,
            secret_votes=secret,
            shuffled=shuffled,
            max_size=1 << 22,
            merge_order=(1, 2, 3) if joint else (),
            plan=rng.choice((bytes(32), rng.randbytes(32))),
        )
        self.model = Model.found(self.founding)
        self.note(self.model.founded(), self.accounts[-1])

    def ref(self, name: str) -> WeightsRef:
        digest = hashlib.sha256(name.encode()).digest()
        if self.rng.random() < 0.2:  # of several blocks
            return WeightsRef(digest, hashlib.sha256(digest).digest(), (1 << 20) + self.rng.randrange(1, 1000))
        return WeightsRef(digest, digest, self.rng.randrange(1, 1 << 20))

    def note(self, told: list[Told], sender: str) -> None:
        """A transaction in a block of its own."""
        transaction = hashlib.sha256(self.block.to_bytes(8, "big")).digest()
        for index, one in enumerate(told):
            arguments = {**one.arguments}
            if "mergeOrder" in arguments:
                arguments["mergeOrder"] = rules_word(arguments["mergeOrder"])
            if "kind" in arguments:
                arguments["kind"] = int(arguments["kind"])
            self.events.append(Event(one.name, arguments, self.block, index, transaction, self.time))
        self.senders[transaction] = sender
        self.block += 1

    def act(self, action: str, sender: str, *arguments: Any) -> None:
        """Do it if it is possible."""
        try:
            getattr(self.model, action)(sender, self.time, *arguments)
        except Impossible:
            assert not self.model.said(), "what is refused leaves no trace"
        else:
            self.note(self.model.said(), sender)

    def tell(self, steps: int) -> Facts:
        for number in range(steps):
            self.time += self.rng.choice((1, 5, 40, 40, 200, 200, 700, 2500) if number % 9 == 0 else (1, 5, 40))
            now = self.model.at(self.time)
            if now.overdue:
                self.model.advance(self.time)
                self.note(self.model.said(), self.accounts[-1])
            elif self.rng.random() < 0.15 or (now.state is RoundState.PROPOSING and now.ended):
                self.govern()
            elif now.state is RoundState.PROPOSING:
                self.propose(number)
            else:
                self.vote()
        return self.facts()

    def round(self) -> None:
        """One round, from the proposal to the decision."""
        number, model = self.model.round, self.model
        for act in (lambda: self.propose(number), *([self.vote] * (2 * len(model.members)))):
            self.time += 1
            if model.round == number:
                act()

    def propose(self, number: int) -> None:
        model, rng = self.model, self.rng
        now = model.at(self.time)
        training = now.training
        new, note = self.ref(f"weights {number}"), rng.randbytes(rng.randrange(3))
        if training is not None and (self.time < training.until or rng.random() < 0.2):
            who = rng.choice(model.members)
            if model.contributions.get(model.members.index(who), (0,))[0] != training.first_round:
                self.act("contribute", who, training.first_round, self.ref(f"{number} of {who}"), note)
            return
        seat = model.turns.seat(model.epoch, now.round)
        if training is not None:
            own = model.contributions.get(seat, (0,))[0] == training.first_round
            merged = training.contributed or (1 << seat if own else 0)
            if not merged:
                self.act("contribute", model.members[seat], training.first_round, self.ref(f"{number} of {seat}"), note)
                return
            digest = claim_digest([(one, model.contributions[one][1]) for one in seats(merged)])
            note = Claim(merged, training.rules[0], digest).note({}, note)
        self.act("propose", model.members[seat], now.round, model.sha_of(model.accepted_round), new, note)

    def vote(self) -> None:
        model, rng = self.model, self.rng
        proposal = model.at(self.time).proposal
        if proposal is None:
            return
        who, approve = rng.choice(model.members), rng.random() < 0.65
        if not self.founding.secret_votes:
            self.act("vote", who, proposal.id, approve)
        elif model.at(self.time).state is RoundState.VOTING:
            self.act("commit", who, proposal.id, rng.randbytes(32))
        else:
            self.act("vote", who, proposal.id, approve)

    def govern(self) -> None:
        model, rng = self.model, self.rng
        who = rng.choice(model.members)
        open_ = [m for m in model.motions if m.state_at(self.time, model.epoch_number) is MotionState.OPEN]
        if open_ and rng.random() < 0.8:
            self.act("vote_motion", who, rng.choice(open_).id, rng.random() < 0.85)
            return
        if rng.random() < 0.1:
            self.act("name_myself", who, f"member {rng.randrange(9)}".encode().ljust(32, b"\0"))
            return
        accepted = [n for n, one in model.proposals.items() if one.status is RoundState.ACCEPTED]
        kind, subject, rules, to_round, word = rng.choice(list(MotionKind)), rng.choice(self.accounts), None, 0, None
        if kind is MotionKind.SET_RULES:
            subject = None
            rules = model.rules.changed(vote_window=rng.randint(100, 900), threshold_numerator=rng.randint(1, 2))
            rules = rules.changed(threshold_denominator=3, pause=rng.choice((0, 30, 300)))
        elif kind is MotionKind.REVERT_TO:
            subject, to_round = None, rng.choice(accepted)
        elif kind in AGREEMENTS:
            subject, word = None, rng.randbytes(32)
            if kind is MotionKind.SET_END:  # soon, by round, by time, or none
                last, second = model.round + rng.randrange(3), self.time + rng.randrange(2000)
                word = rng.choice((last, second << 32, last | second << 32, 0, 0)).to_bytes(32, "big")
            elif kind is MotionKind.SET_SUCCESSOR:
                word = bytes(4) + word[4:]
        self.act("move", who, kind, subject, rules, to_round, word)

    def facts(self) -> Facts:
        model, founding, clock = self.model, self.founding, self.time + 1
        now = model.at(clock)
        records = tuple(model.records(clock))
        firsts = sorted(model.changes)
        spans: list[Span] = []
        for first in firsts:
            members = model.members_in(first)
            if first <= now.round and (not spans or spans[-1].members != members):
                spans.append(Span(first, members))
        return Facts(
            chain_id=_CHAIN,
            address=founding.address,
            head=Head(self.block - 1, b"h" * 32, clock),
            clock=clock,
            code=load_artifact().deployed_bytecode,
            view=self.view(clock),
            shuffled=founding.shuffled,
            records=records,
            spans=tuple(spans),
            motions=tuple(model.motion_records(clock)),
            events=tuple(self.events),
            senders=self.senders,
            agreements={kind: model.agreement(kind) for kind in AGREEMENTS},
            deployment=DeploymentRecord(
                _CHAIN, founding.address, 10, self.events[0].transaction, founding.weights, Schema.of(np.zeros(2))
            ),
        )

    def view(self, clock: int) -> View:
        model, founding = self.model, self.founding
        now, record = model.at(clock), model.records(clock)[-1]
        trained, training = now.training or model.training, None
        accepted = model.proposals[model.accepted_round].weights
        if trained is not None:
            there = sorted((s, ref) for s, (f, ref) in model.contributions.items() if f == trained.first_round)
            training = Training(
                trained.first_round,
                trained.until,
                trained.expected,
                trained.rules,
                tuple(Contribution(s, ref, not trained.contributed >> s & 1) for s, ref in there),
            )
        return View(
            block_number=self.block - 1,
            block_hash=b"h" * 32,
            at=clock,
            round=now.round,
            state=now.state,
            proposer=record.proposer,
            deadline=now.deadline,
            overdue=now.overdue,
            accepted_round=model.accepted_round,
            accepted=accepted,
            proposal=None
            if record.id is None or record.weights is None
            else Proposal(record.id, record.weights, record.proposer_seat, 0, 0, 0, record.need, record.claim),
            member_count=len(model.members),
            is_member=False,
            seat=0,
            voted=False,
            commitment=None,
            rules=model.rules,
            secret_votes=founding.secret_votes,
            max_size=founding.max_size,
            motions_to_vote=(),
            merge_order=founding.merge_order,
            training=training,
            opens_at=now.start,
            ended=now.ended,
        )
