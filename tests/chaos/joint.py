"""What has to hold of joint rounds after a fault: everything that was contributed and merged can be made again."""

from __future__ import annotations

from colearn_ledger.core.asking import ask_accept, ask_proposal
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import RoundState, WeightsRef, seats
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, weights_ref
from colearn_ledger.errors import ColearnError, InvalidWeights
from colearn_ledger.history import Contributed, History, Round

from ..kit.learners import LinearLearner
from .world import World

__all__ = ["contributions_and_merges_are_made_again"]


def contributions_and_merges_are_made_again(w: World, history: History) -> list[str]:
    """Each contribution is what its member's learner trains, from exactly the parent that the
    contract names and for exactly this training; each proposal is the merge that it claims to be, by the rule whose
    turn it was. Where somebody hostile made them, they are taken as they are, and must not be merged unless they can.
    """
    return _rules_in_their_turn(history) + [said for one in history.rounds for said in _made_again(w, one)]


def _rules_in_their_turn(history: History) -> list[str]:
    """Each rejection of a training's merge brings the next rule; only of trainings all of whose rounds are there."""
    broken, rejected = [], dict[int, int]()
    for one in history.rounds:
        claim, training = one.record.claim, one.training
        if claim is None or training is None or training < history.rounds[0].record.round:
            continue
        turn = history.merge_order[rejected.get(training, 0)]
        if claim.rule != turn:
            broken.append(f"round {one.record.round} was merged by rule {claim.rule} in the turn of {turn}")
        if one.record.state is RoundState.REJECTED:
            rejected[training] = rejected.get(training, 0) + 1
    return broken


def _made_again(w: World, one: Round) -> list[str]:
    record, training = one.record, one.training
    refs = {r.weights.sha256: r.weights for r in w.records() if r.weights is not None}
    refs[w.genesis.weights.sha256] = w.genesis.weights
    parent = w.bytes_of(refs[record.parent]) if record.parent in refs else None
    if parent is None or training is None or record.weights is None or record.claim is None:
        return []  # gone from the store by now, or nothing was proposed
    schema = Schema.of(decode(parent))
    basis, broken, merged = Basis.of(schema, parent), [], []
    of_seat = {c.seat: c for c in one.contributions if c.seat is not None}
    for seat, contributed in of_seat.items():
        index = next(i for i in (*w.members, w.guest) if w.address(i) == contributed.member)
        data = _contributed(w, contributed, index, training, basis, parent)
        if data is None:
            continue
        if weights_ref(data) != contributed.weights:
            broken.append(f"member {index} has contributed to training {training} what its learner did not train")
        elif record.claim.seats >> seat & 1:
            try:
                merged.append(basis.check(seat, contributed.weights, data))
            except InvalidWeights as e:
                broken.append(f"round {record.round} has merged what is invalid: {e.what}")
    wanted = seats(record.claim.seats)
    if record.round in w.hostile_rounds or [m.seat for m in merged] != list(wanted):
        return broken
    if claim_digest((m.seat, m.ref) for m in merged) != record.claim.digest:
        broken.append(f"round {record.round} claims other contributions than it names")
    if weights_ref(merge(basis, Rule(record.claim.rule), merged)) != record.weights:
        broken.append(f"round {record.round} is not the merge that it claims to be")
    return broken


def _contributed(
    w: World, contributed: Contributed, index: int, training: int, basis: Basis, parent: bytes
) -> bytes | None:
    """The bytes: trained again by the member's learner, or if nobody's learner made them, from the store."""
    ref: WeightsRef = contributed.weights
    if ref.sha256 in w.hostile_contributions:
        return w.bytes_of(ref)
    learner, held = LinearLearner(index, seed=1), Held(basis.schema, parent)
    ask_accept(learner, Weights(decode(parent)), schema=basis.schema)
    try:
        return ask_proposal(learner, training, basis.schema, held=held, basis=basis)[1]
    except ColearnError:  # from a parent that a hostile one has made
        return None
