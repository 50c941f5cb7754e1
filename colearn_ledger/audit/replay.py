"""Events retold: each action that they show is done again in the model, which must tell, and store, the same.

Of an action the events give who did what, and the block when. Everything else follows: whose turn it is, what is
needed, what is decided, what the clock does, who is a member. So each event is compared with what the model says, field
by field, and in the end each record of storage, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ..core.merge.claim import claim_digest, digest_text
from ..core.protocol import AGREEMENTS, ZERO_ADDRESS, MotionKind, MotionState, WeightsRef, rules_in
from ..history.logs import Event
from .facts import Facts
from .findings import Examination
from .model import Founding, Impossible, Model, Told

__all__ = ["compare_storage", "replay"]

_MAIN = (
    "WeightsProposed",
    "WeightsContributed",
    "VoteCast",
    "VoteCommitted",
    "MotionMoved",
    "MotionVoteCast",
    "NameSet",
)
_TOPICS = {
    "RoundOpened": "turns",
    "RoundDecided": "decisions",
    "MotionDecided": "motions",
    "MotionEnacted": "motions",
    "MotionVoided": "motions",
    "RulesChanged": "members",
    "AgreementChanged": "motions",
    "NameSet": "members",
    "WeightsReverted": "lineage",
    "MemberAdded": "members",
    "MemberRemoved": "members",
    "MemberReplaced": "members",
    "TrainingBegan": "joint",
    "WeightsContributed": "joint",
}


class _Unfollowed(Exception):
    """From here on the events can't be followed."""


def replay(facts: Facts, exam: Examination) -> Model | None:
    """The model as all events leave it; None where they aren't complete, or can't be followed to the end."""
    events = facts.complete_events
    if events is None:
        why = facts.events_problem or ("they were not asked for" if facts.events is None else "they are not complete")
        exam.lacks("events", None, "events from the deployment on, each with its block's time", why)
        return None
    groups = [list(group) for _, group in groupby(events, key=lambda event: (event.block, event.transaction))]
    try:
        model = _founded(facts, groups[0], exam)
        for group in groups[1:]:
            _Transaction(model, group, exam).follow()
    except _Unfollowed:
        exam.lacks("events", None, "what came after that", "the events can't be followed past something that can't be")
        return None
    return model


def _founded(facts: Facts, events: Sequence[Event], exam: Examination) -> Model:
    said = events[0].arguments
    rules = said["rules"]
    founding = Founding(
        address=facts.address,
        time=_time(events[0]),
        weights=WeightsRef(said["sha256Hash"], said["cidDigest"], said["size"]),
        members=tuple(said["members"]),
        rules=rules,
        secret_votes=said["secretVotes"],
        shuffled=said["shuffled"],
        max_size=said["maxSize"],
        merge_order=rules_in(said["mergeOrder"]),
        plan=said["plan"],
    )
    view = facts.view
    field = "CollectiveCreated.secretVotes"
    exam.same("events", 0, field, "how votes are cast", view.secret_votes, said["secretVotes"])
    exam.same("events", 0, "CollectiveCreated.shuffled", "the order of turns", facts.shuffled, said["shuffled"])
    exam.same("events", 0, "CollectiveCreated.maxSize", "the cap on weights", view.max_size, said["maxSize"])
    exam.same("events", 0, "CollectiveCreated.mergeOrder", "how is merged", view.merge_order, founding.merge_order)
    if len(set(founding.members)) < 2:
        exam.wrong("members", 0, "CollectiveCreated.members", "no collective", "2 to 64 members", founding.members)
        raise _Unfollowed
    model = Model.found(founding)
    deployment = _Transaction(model, events, exam)
    deployment.compare(model.founded())
    deployment.follow()
    return model


class _Transaction:
    """The events of one transaction, by which one or several actions are known."""

    def __init__(self, model: Model, events: Sequence[Event], exam: Examination) -> None:
        self._model, self._events, self._exam, self._at = model, events, exam, 0

    def follow(self) -> None:
        """Do its actions again."""
        while self._at < len(self._events):
            main = next((e for e in self._events[self._at :] if e.name in _MAIN), None)
            begun = self._at
            self._act(main)
            if self._at == begun:  # what it does not explain can't be passed over silently, and not twice
                self._unexplained(self._events[begun], "nothing of the kind could have happened then")
                self._at += 1

    def _act(self, main: Event | None) -> None:
        end = self._at if main is None else self._events.index(main)
        before = [event.name for event in self._events[self._at : end]]
        try:
            if main is None or ("RoundOpened" in before and main.name != "WeightsContributed"):
                self._model.advance(_time(self._events[self._at]))
            else:
                self._do(main, before)
        except Impossible as e:
            if main is None:
                self._model.said()
                return
            self._unexplained(main, str(e))
            raise _Unfollowed from e
        self.compare(self._model.said())

    def _do(self, main: Event, before: Sequence[str]) -> None:
        model, said, time = self._model, main.arguments, _time(main)
        if main.name == "WeightsProposed":
            new = WeightsRef(said["sha256Hash"], said["cidDigest"], said["size"])
            model.propose(said["proposer"], time, said["round"], said["parent"], new, said["note"])
            self._check_claim(said["round"])
        elif main.name == "WeightsContributed":
            new = WeightsRef(said["sha256Hash"], said["cidDigest"], said["size"])
            model.contribute(said["member"], time, said["training"], new, said["note"])
        elif main.name == "VoteCast":
            if "ScoresPublished" in before:
                self._scores(main)
            model.vote(said["voter"], time, said["id"], said["approve"])
        elif main.name == "VoteCommitted":
            model.commit(said["voter"], time, said["id"], said["commitment"])
        elif main.name == "MotionMoved":
            kind = next((kind for kind in MotionKind if kind == said["kind"]), None)
            if kind is None:
                raise Impossible(f"there is no motion of kind {said['kind']}")
            subject = None if said["subject"] == ZERO_ADDRESS else said["subject"]
            rules = said["rules"] if kind is MotionKind.SET_RULES else None
            word = said["word"] if kind >= MotionKind.SET_PLAN else None
            model.move(said["mover"], time, kind, subject, rules, said["toRound"], word)
        elif main.name == "NameSet":
            model.name_myself(said["member"], time, said["name"])
        else:
            model.vote_motion(said["voter"], time, said["id"], said["approve"])

    def _check_claim(self, number: int) -> None:
        """The digest of a merge is what the contract can't check."""
        claim = self._model.proposals[number].claim
        if claim is not None:
            must = claim_digest(self._model.merged[number])
            what = "the claim's digest isn't that of what these seats contributed"
            self._exam.same("joint", number, "claim.digest", what, digest_text(must), digest_text(claim.digest))

    def _scores(self, vote: Event) -> None:
        """Scores are the voter's word, so that they are there is all that there is to check."""
        told = self._events[self._at]
        if told.name == "ScoresPublished":
            scores = {name: told.arguments[name] for name in ("currentScore", "proposedScore")}
            self._model.tell("ScoresPublished", id=vote.arguments["id"], voter=vote.arguments["voter"], **scores)

    def compare(self, expected: Sequence[Told]) -> None:
        """What was told with what must have been."""
        for one in expected:
            found = self._events[self._at] if self._at < len(self._events) else None
            topic, number = _TOPICS.get(one.name, "events"), _round_of(one.arguments, self._model)
            if found is None or found.name != one.name:
                said = "nothing" if found is None else found.name
                self._exam.wrong(topic, number, one.name, "there is no such event where it must be", one.name, said)
                continue
            self._at += 1
            for name, value in one.arguments.items():
                there = _plain(name, found.arguments.get(name))
                who = str(one.arguments.get("voter", one.arguments.get("member", "")))
                self._exam.same(
                    topic, number, f"{one.name}.{name}", "the event says something else", value, there, subject=who
                )

    def _unexplained(self, event: Event, why: str) -> None:
        number = _round_of(event.arguments, self._model)
        topic = _TOPICS.get(event.name, "motions" if event.name.startswith("Motion") else "events")
        if event.name in ("VoteCast", "VoteCommitted"):
            topic = "votes"
        what = f"the event tells what can't have happened: {why}"
        self._exam.wrong(topic, number, event.name, what, "none", event.name)


def _round_of(arguments: Mapping[str, Any], model: Model) -> int:
    """The round that an event is about."""
    for name in ("round", "training", "firstRound"):
        if name in arguments:
            return int(arguments[name])
    if arguments.get("id") in model.numbers:
        return model.numbers[arguments["id"]]
    return model.round


def _plain(name: str, value: Any) -> Any:
    if name == "mergeOrder":
        return rules_in(value)
    if name == "kind":
        return MotionKind(value)
    return tuple(value) if isinstance(value, list) else value


def _time(event: Event) -> int:
    assert event.time is not None, "complete events have their times"
    return event.time


def compare_storage(model: Model, facts: Facts, exam: Examination) -> None:
    """What the model has stored in the end, with what the contract has."""
    expected = model.records(facts.clock)
    exam.same("rounds", None, "current_round", "the number of rounds", len(expected), len(facts.records))
    for must, record in zip(expected, facts.records, strict=False):
        for topic, name in _RECORD:
            what = "storage has something else than the events tell"
            exam.same(topic, record.round, name, what, getattr(must, name), getattr(record, name))
        if (must.weights is None) is (record.weights is None):
            for name in ("sha256", "cid_digest", "size"):
                if must.weights is not None:
                    one, other = getattr(must.weights, name), getattr(record.weights, name)
                    exam.same("events", record.round, name, "storage has other weights than were proposed", one, other)
        else:
            exam.wrong("events", record.round, "weights", "a proposal", must.weights, record.weights)
    what = "storage has other members than motions have made"
    for first in sorted({*model.changes, *(span.first_round for span in facts.spans)}):
        if first < len(expected):
            exam.same("members", first, "members", what, model.members_in(first), facts.members_in(first))
    _compare_view(model, facts, exam)
    _compare_motions(model, facts, exam)


_RECORD = (
    ("decisions", "state"),
    ("turns", "proposer"),
    ("turns", "proposer_seat"),
    ("lineage", "parent_round"),
    ("lineage", "parent"),
    ("ids", "id"),
    ("decisions", "deadline"),
    ("members", "member_count"),
    ("votes", "approvals"),
    ("votes", "rejections"),
    ("votes", "hidden"),
    ("need", "need"),
    ("joint", "claim"),
)


def _compare_view(model: Model, facts: Facts, exam: Examination) -> None:
    view, what = facts.view, "the present is another than the events have made"
    exam.same("lineage", view.round, "accepted_round", what, model.accepted_round, view.accepted_round)
    exam.same("members", view.round, "rules", what, model.rules, view.rules)
    now = model.at(facts.clock)
    for kind in AGREEMENTS:
        name = kind.name.lower()
        exam.same("motions", None, name, what, model.agreement(kind), facts.agreements.get(kind))
    if not now.overdue:
        exam.same("rounds", view.round, "opens_at", what, now.start, view.opens_at)
    exam.same("rounds", view.round, "ended", what, now.ended, view.ended)
    if view.training is not None:
        training = now.training or model.training
        assert training is not None
        must = (training.first_round, training.until, training.expected, training.rules, training.contributed)
        seen = view.training
        found = (seen.first_round, seen.until, seen.expected, seen.rules_left, seen.in_time)
        for name, one, other in zip(
            ("first_round", "until", "expected", "rules_left", "in_time"), must, found, strict=True
        ):
            exam.same("joint", view.round, f"training.{name}", what, one, other)
        there = {seat: ref for seat, (first, ref) in model.contributions.items() if first == training.first_round}
        seen_there = {one.seat: one.weights for one in seen.contributions}
        exam.same("joint", view.round, "training.contributions", what, _sorted(there), _sorted(seen_there))


def _sorted(contributions: Mapping[int, WeightsRef]) -> tuple[tuple[int, WeightsRef], ...]:
    return tuple(sorted(contributions.items(), key=lambda one: one[0]))


def _compare_motions(model: Model, facts: Facts, exam: Examination) -> None:
    expected = model.motion_records(facts.head.timestamp)
    exam.same("motions", None, "motions", "how many motions there are", len(expected), len(facts.motions))
    what = "storage has something else than the events tell"
    for index, (must, motion) in enumerate(zip(expected, facts.motions, strict=False)):
        for name in _MOTION:
            one, other = getattr(must, name), getattr(motion, name)
            if name == "state" and {one, other} == _OPEN and facts.head.timestamp <= motion.deadline <= facts.clock:
                continue  # the block's own time, or that of the next one
            exam.same("motions", None, f"motion {index}.{name}", what, one, other)


_MOTION = (
    "id",
    "kind",
    "state",
    "mover",
    "subject",
    "rules",
    "deadline",
    "approvals",
    "rejections",
    "need",
    "to_round",
    "first_round",
    "word",
)
_OPEN = {MotionState.OPEN, MotionState.LAPSED}
