"""Checks of what storage alone says: no events are needed for any of them."""

from __future__ import annotations

from collections.abc import Sequence

from ..chain.bytecode import matches
from ..chain.commitments import compute_proposal_id
from ..core.cid import CHUNK
from ..core.limits import LEAST_MEMBERS, MOST_MEMBERS
from ..core.outcome import approvals_needed, outcome, voted_outcome
from ..core.protocol import ZERO_ADDRESS, MotionKind, RoundRecord, RoundState, Rules
from .facts import Facts
from .findings import Examination
from .governance import constant_rules, turns_of

__all__ = ["check_code", "check_deployment", "check_records", "check_shape"]


def check_shape(facts: Facts, exam: Examination) -> bool:
    """Whether it is a collective at all: rounds, and members in each of them. If not, nothing else can be checked."""
    good = exam.true("rounds", facts.records != (), None, "rounds", "there are no rounds", "some", len(facts.records))
    good = exam.true("members", facts.spans != (), None, "members", "there are no members", "some", 0) and good
    for span in facts.spans:
        count = len(set(span.members))
        can_be = count == len(span.members) and LEAST_MEMBERS <= count <= MOST_MEMBERS
        what = "no collective has these members"
        expected = f"{LEAST_MEMBERS} to {MOST_MEMBERS}, each once"
        good = exam.true("members", can_be, span.first_round, "members", what, expected, span.members) and good
    return good


def check_code(facts: Facts, artifact_code: bytes, exam: Examination) -> None:
    """The code at the address is the shipped one, but for what a deployment fills in."""
    what = "the code at the address is another contract's, or another version's"
    exam.true("code", matches(facts.code, artifact_code), None, "code", what, "the shipped contract", len(facts.code))


def check_deployment(facts: Facts, exam: Examination) -> None:
    """The file that the founder handed around names what is on chain."""
    file = facts.deployment
    if file is None:
        exam.lacks("deployment", None, "the deployment file", "none was given", allowed=True)
        return
    what = "the deployment file says something else than the chain"

    def same(field: str, on_chain: object, in_file: object) -> None:
        number = 0 if field.startswith("genesis") else None
        exam.same("deployment", number, f"deployment.{field}", what, on_chain, in_file)

    same("chain_id", facts.chain_id, file.chain_id)
    same("address", facts.address, file.address)
    genesis = facts.records[0].weights if facts.records else None
    if genesis is not None:
        for name in ("sha256", "cid_digest", "size"):
            same(f"genesis.{name}", getattr(genesis, name), getattr(file.genesis, name))
    events = facts.complete_events
    if events is not None:
        same("block", events[0].block, file.block)
        same("transaction", events[0].transaction, file.transaction)


def check_records(facts: Facts, exam: Examination) -> None:
    """Every round: numbers, ids, lineage, votes, need, decisions, turns, members."""
    records = facts.records
    exam.same("rounds", None, "round", "the rounds have holes", list(range(len(records))), [r.round for r in records])
    exam.same("rounds", None, "current_round", "the last round isn't the open one", facts.view.round, len(records) - 1)
    rules = constant_rules(facts)
    if rules is None:
        why = "they changed, and storage alone doesn't say when"
        exam.lacks("need", None, "rules by round, from storage alone", why, allowed=facts.complete_events is not None)
    turns = dict(turns_of(facts))
    accepted = 0
    back = {
        m.first_round: m.to_round
        for m in facts.motions
        if m.kind is MotionKind.REVERT_TO and m.first_round and m.to_round is not None
    }
    for record in records:
        accepted = back.get(record.round, accepted)
        _check_state(facts, record, exam)
        if record.weights is None:
            _check_empty(record, exam)
        elif record.round == 0:
            _check_genesis(facts, record, exam)
        else:
            _check_proposal(facts, record, records, accepted, rules, exam)
        if record.round > 0:
            _check_turn(facts, record, turns.get(record.round), exam)
        if record.state is RoundState.ACCEPTED:
            accepted = record.round
    _check_present(facts, accepted, exam)


# ------------------------------------------------------------------------------------------------ one round


def _check_state(facts: Facts, record: RoundRecord, exam: Examination) -> None:
    last = record.round == facts.view.round
    over = record.state.decided
    what = "the open round is over" if over else "a round before the open one isn't over"
    good = over is not last or facts.view.overdue
    exam.true("decisions", good, record.round, "state", what, "over" if not last else "open", record.state)
    members = facts.members_in(record.round)
    what = "how many members there were"
    exam.same("members", record.round, "member_count", what, len(members), record.member_count)


def _check_empty(record: RoundRecord, exam: Examination) -> None:
    """A round without a proposal has nothing of one."""
    what = "a round without a proposal has this"
    exam.true(
        "rounds",
        record.state in (RoundState.MISSED, RoundState.PROPOSING) and record.round > 0,
        record.round,
        "state",
        "a round without a proposal was decided",
        "missed or proposing",
        record.state,
    )
    for name, none in (
        ("parent_round", 0),
        ("parent", bytes(32)),
        ("id", None),
        ("approvals", 0),
        ("rejections", 0),
        ("hidden", 0),
        ("need", 0),
        ("claim", None),
    ):
        exam.same("rounds", record.round, name, what, none, getattr(record, name))
    if record.state is RoundState.MISSED:
        exam.same("rounds", record.round, "deadline", what, 0, record.deadline)


def _check_genesis(facts: Facts, record: RoundRecord, exam: Examination) -> None:
    for topic, name, must in (
        ("decisions", "state", RoundState.ACCEPTED),
        ("turns", "proposer", ZERO_ADDRESS),
        ("turns", "proposer_seat", 0),
        ("lineage", "parent_round", 0),
        ("lineage", "parent", bytes(32)),
        ("votes", "approvals", 0),
        ("votes", "rejections", 0),
        ("votes", "hidden", 0),
        ("need", "need", 0),
        ("joint", "claim", None),
    ):
        exam.same(topic, 0, name, "the genesis is accepted, and nobody's", must, getattr(record, name))
    _check_name(facts, record, exam)


def _check_name(facts: Facts, record: RoundRecord, exam: Examination) -> None:
    number, weights = record.round, record.weights
    assert weights is not None
    what = "the id isn't the digest of round, hash, CID, size and claim"
    exam.same("ids", number, "id", what, compute_proposal_id(number, weights, record.claim), record.id)
    most = facts.view.max_size
    exam.true("ids", 0 < weights.size <= most, number, "size", "a size out of range", f"1 to {most}", weights.size)
    exam.true("ids", any(weights.sha256), number, "sha256", "an empty hash", "a hash", weights.sha256)
    if weights.size <= CHUNK:
        what = "weights of one block have their sha256 as the CID's digest"
        exam.same("ids", number, "cid_digest", what, weights.sha256, weights.cid_digest)


def _check_proposal(
    facts: Facts,
    record: RoundRecord,
    records: Sequence[RoundRecord],
    accepted: int,
    rules: Rules | None,
    exam: Examination,
) -> None:
    number, weights = record.round, record.weights
    assert weights is not None
    _check_name(facts, record, exam)
    what = "the proposal doesn't build on what was accepted then"
    exam.same("lineage", number, "parent_round", what, accepted, record.parent_round)
    parent = records[accepted].weights if accepted < len(records) else None
    if parent is not None:
        exam.same("lineage", number, "parent", "the parent isn't the accepted weights", parent.sha256, record.parent)
        what = "the accepted weights were proposed again"
        exam.true("lineage", weights.sha256 != parent.sha256, number, "sha256", what, "other weights", weights.sha256)
    _check_votes(facts, record, exam)
    if (record.claim is None) is (facts.view.merge_order != ()):
        what = "a joint round's proposal has a claim, a solo one's has none"
        exam.wrong("joint", number, "claim", what, facts.view.merge_order != (), record.claim)
    if record.claim is not None:
        merged = record.claim.seats
        inside = merged != 0 and merged >> record.member_count == 0
        what = "it claims to merge what nobody there contributed"
        exam.true("joint", inside, number, "claim", what, f"seats below {record.member_count}", merged)
        known = record.claim.rule in facts.view.merge_order
        what = "it merges by a rule that isn't the collective's"
        exam.true("joint", known, number, "claim", what, facts.view.merge_order, record.claim.rule)
    if rules is not None:
        must = approvals_needed(rules, record.member_count - 1)
        exam.same("need", number, "need", "it doesn't follow from the rules in force", must, record.need)
    _check_decision(facts, record, rules, exam)


def _check_votes(facts: Facts, record: RoundRecord, exam: Examination) -> None:
    number, sets = record.round, (record.approvals, record.rejections, record.hidden)
    union = record.approvals | record.rejections | record.hidden
    for name, one in zip(("approvals", "rejections", "hidden"), sets, strict=True):
        inside = one >> record.member_count == 0
        exam.true("votes", inside, number, name, "a seat voted that there wasn't", f"below {record.member_count}", one)
        own = one >> record.proposer_seat & 1
        exam.same("votes", number, name, "the proposer voted on its own proposal", 0, own)
    once = sum(one.bit_count() for one in sets) == union.bit_count()
    field = "rejections" if record.approvals & record.rejections else "hidden"
    exam.true("votes", once, number, field, "a seat voted twice", "each seat once", sets)
    if not facts.view.secret_votes:
        exam.same("votes", number, "hidden", "votes are open", 0, record.hidden)


def _check_decision(facts: Facts, record: RoundRecord, rules: Rules | None, exam: Examination) -> None:
    number, secret = record.round, facts.view.secret_votes
    certain = voted_outcome(
        record.approvals,
        record.rejections,
        record.hidden,
        need=record.need,
        voters=record.member_count - 1,
        secret_votes=secret,
    )
    closed = record.deadline < facts.clock
    what = "the decision doesn't follow from the votes and the deadline"
    if certain is not None:
        exam.same("decisions", number, "state", what, certain, record.state)
    elif record.state is RoundState.ACCEPTED:
        exam.wrong("decisions", number, "state", what, f"{record.need} approvals", record.approvals.bit_count())
    elif record.state is RoundState.REJECTED:
        what = "it was rejected before the deadline, and not by the votes"
        exam.true("decisions", closed, number, "deadline", what, f"before {facts.clock}", record.deadline)
    else:
        what = "the deadline has passed, and it isn't decided"
        exam.true("decisions", not closed, number, "deadline", what, f"{facts.clock} or later", record.deadline)
    if rules is not None and certain is not None:
        must = outcome(record, rules, secret_votes=secret, closed=closed)
        exam.same("decisions", number, "state", "the rules in force give another outcome", must, record.state)


def _check_turn(facts: Facts, record: RoundRecord, seat: int | None, exam: Examination) -> None:
    number, members = record.round, facts.members_in(record.round)
    if seat is not None:
        exam.same("turns", number, "proposer_seat", "it was another seat's turn", seat, record.proposer_seat)
    who = members[record.proposer_seat] if record.proposer_seat < len(members) else None
    exam.same("turns", number, "proposer", "the proposer isn't who has that seat", who, record.proposer)


def _check_present(facts: Facts, accepted: int, exam: Examination) -> None:
    view, records, number = facts.view, facts.records, facts.view.round
    what = "other weights are the accepted ones"
    exam.same("lineage", number, "accepted_round", what, accepted, view.accepted_round)
    if view.accepted_round < len(records):
        weights = records[view.accepted_round].weights
        exam.same("lineage", number, "accepted", "the accepted weights have another name", weights, view.accepted)
    what = "how many members there are"
    exam.same("members", number, "member_count", what, view.member_count, len(facts.spans[-1].members))
    if records and records[-1].round == number and not view.overdue:
        last = records[-1]
        exam.same("rounds", number, "state", "the open round is in another state", view.state, last.state)
        exam.same("turns", number, "proposer", "the open round is another's turn", view.proposer, last.proposer)
