"""How weights may differ from their parent: what travels, what is refused, and what stays with a learner."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from colearn_ledger.core.asking import ask_accept, ask_judge, ask_proposal, ask_test, why_declined
from colearn_ledger.core.driver import InProcess, run, run_one_round
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.core.lineage import check_lineage, is_new, kept_within, with_parent
from colearn_ledger.core.roles import Bounded
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import InvalidWeights
from tests.kit.quick import examples

DTYPES = ["<u8", "<i8", "<f8", "<f4", "<u4", "<i4", "<f2", "<u2", "<i2", "<i1", "<u1"]
ROLES: Any = {"/steps": Bounded(10), "/mine": "local", "/note": "local", "/count": Bounded(4)}


def tree(w: float = 0.0, steps: Any = 100, mine: float = 1.0, note: bytes = b"me", count: int = 3) -> dict[str, Any]:
    return {
        "w": np.full(2, w),
        "steps": np.array(steps),
        "mine": np.full(3, mine, np.float32),
        "note": note,
        "count": count,
    }


SCHEMA = Schema.of(tree(), ROLES)
PARENT = encode(tree())


@pytest.mark.parametrize(
    "change, leaf",
    [
        ({"steps": 111}, "/steps"),
        ({"steps": 99}, "/steps"),
        ({"steps": np.iinfo(np.int64).max}, "/steps"),
        ({"steps": np.iinfo(np.int64).min}, "/steps"),
        ({"mine": 2.0}, "/mine"),
        ({"note": b"you"}, "/note"),
        ({"count": 8}, "/count"),
        ({"count": -1}, "/count"),
    ],
)
def test_check_lineage__a_leaf_beyond_its_role__is_named(change: dict[str, Any], leaf: str) -> None:
    with pytest.raises(InvalidWeights, match=f"'{leaf}'"):
        check_lineage(SCHEMA, tree(w=1.0, **change), PARENT)
    kept = kept_within(SCHEMA, tree(w=1.0, **change), PARENT)
    check_lineage(SCHEMA, kept, PARENT)
    assert Schema.of(kept, ROLES) == SCHEMA


@pytest.mark.parametrize("change", [{}, {"steps": 110}, {"steps": 100, "count": 7}])
def test_check_lineage__within_the_roles__passes_as_it_is(change: dict[str, Any]) -> None:
    new = tree(w=1.0, **change)
    check_lineage(SCHEMA, new, PARENT)
    assert encode(kept_within(SCHEMA, new, PARENT)) == encode(new)


@pytest.mark.parametrize("change", [{}, {"steps": 110}, {"count": 4}])
def test_check_lineage__nothing_scored_has_changed__is_no_proposal(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidWeights, match="no proposal"):
        check_lineage(SCHEMA, tree(**change), PARENT)
    assert not is_new(SCHEMA, encode(tree(**change)), PARENT)
    assert is_new(SCHEMA, encode(tree(w=-0.0)), PARENT)  # another zero is another model, as the hash says


def test_check_lineage__everything_is_bounded__a_change_of_it_is_a_proposal() -> None:
    counts = {"a": np.zeros(2), "b": np.zeros(3)}
    schema = Schema.of(counts, {"": Bounded(5)})
    check_lineage(schema, {"a": np.ones(2), "b": np.zeros(3)}, encode(counts))
    with pytest.raises(InvalidWeights, match="no proposal"):
        check_lineage(schema, counts, encode(counts))


@settings(max_examples=examples(200))
@given(st.data())
def test_kept_within__any_numbers__are_within_and_nearest(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    finite: Any = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    was, now = (data.draw(arrays(dtype, 3, elements=finite)) for _ in range(2))
    rise = data.draw(st.one_of(st.integers(0, 2**70), st.floats(0, 1e300)))
    schema = Schema.of({"n": was, "w": 0.0}, {"/n": Bounded(rise)})
    kept = kept_within(schema, {"n": now, "w": 1.0}, encode({"n": was, "w": 0.0}))
    check_lineage(schema, kept, encode({"n": was, "w": 0.0}))
    for before, wanted, got in zip(was.tolist(), now.tolist(), kept["n"].tolist(), strict=True):
        assert got >= before
        if dtype.kind != "f":  # exactly, in whole numbers
            top = min(before + int(rise), int(np.iinfo(dtype).max))
            assert got == min(max(wanted, before), top)
        elif before <= wanted <= before + rise:
            assert got == wanted


class Counts(MachineLearningInterface):
    """Fits one number; counts its trainings, and carries a name of its own and what the others are told of steps."""

    leaf_roles: ClassVar[Any] = {"/steps": Bounded(10), "/name": "local"}

    def __init__(self, name: bytes, target: float = 8.0, adds: int = 5) -> None:
        self.tree: dict[str, Any] = {"w": np.zeros(1), "steps": np.array(0), "name": name}
        self.target, self.adds = target, adds
        self.tested: list[Any] = []

    def mli_propose_weights(self) -> Weights:
        w = self.tree["w"] + (self.target - self.tree["w"]) / 2
        return Weights({"w": w, "steps": self.tree["steps"] + self.adds, "name": b"changed in training"})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        self.tested.append(weights.weights)
        score, now = (-abs(float(t["w"][0]) - self.target) for t in (weights.weights, self.tree))
        return ProposedWeights(weights, score, score, vote=score >= now, current_score=now)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.tree = dict(weights.weights)

    def mli_get_current_weights(self) -> Weights:
        return Weights(dict(self.tree))


def test_run__local_leaves__each_learner_keeps_its_own_and_none_travels() -> None:
    learners = [Counts(name) for name in (b"a", b"b", b"c")]
    results = run(6, learners, backend=InProcess())
    assert all(r.accepted for r in results.rounds)
    assert [learner.tree["name"] for learner in learners] == [b"a", b"b", b"c"]
    assert {bytes(t["name"]) for t in learners[1].tested} == {b"b"}  # it is tested with what it would be adopted with
    assert [int(learner.tree["steps"]) for learner in learners] == [30, 30, 30]


def test_run__a_training_that_counts_beyond_the_bound__is_kept_within_and_not_refused() -> None:
    learners = [Counts(name, adds=10**6) for name in (b"a", b"b", b"c")]
    results = run(4, learners, backend=InProcess())
    assert all(r.accepted for r in results.rounds) and int(learners[0].tree["steps"]) == 40


def test_ask_judge__a_leaf_beyond_its_role__is_refused_before_the_learner_sees_it() -> None:
    learner = Counts(b"a")
    held = Held(Schema.of(learner.tree, learner.leaf_roles), encode(learner.tree))
    ask_accept(learner, Weights(held.tree()), schema=held.schema)
    bad = held.tree() | {"w": np.ones(1), "steps": np.array(2**63 - 1)}
    with pytest.raises(InvalidWeights, match="/steps"):
        ask_judge(learner, Weights(bad), held=held)
    assert not learner.tested
    assert ask_test(learner, Weights(held.tree()), held=held).vote  # the accepted ones may be tested again


def test_ask_proposal__only_counted__declines_with_the_reason() -> None:
    learner = Counts(b"a", target=0.0)
    held = Held(Schema.of(learner.tree, learner.leaf_roles), encode(learner.tree))
    proposed, data = ask_proposal(learner, 1, held.schema, held=held)
    assert "nothing that a score depends on" in why_declined(proposed, data, held)
    assert decode(data)["name"] == b"a" and why_declined(proposed) == ""
    results = run(
        3, [Counts(b"a", target=0.0), Counts(b"b", target=1.0), Counts(b"c", target=1.0)], backend=InProcess()
    )
    assert [bool(r.declined) for r in results.rounds] == [True, False, False]


def test_run_one_round__local_leaves__stay_too() -> None:
    learners = [Counts(name) for name in (b"a", b"b", b"c")]
    _, accepted = run_one_round(0, learners)
    assert accepted
    assert [learner.tree["name"] for learner in learners] == [b"a", b"b", b"c"]


def test_with_parent__what_stays_with_each_learner__is_the_parents_and_the_rest_its_own() -> None:
    ours = with_parent(SCHEMA, tree(w=2.0, mine=7.0, note=b"you", count=4), PARENT)
    assert encode(ours) == encode(tree(w=2.0, count=4))
    theirs = tree(w=2.0)
    assert with_parent(Schema.of(theirs), theirs, PARENT) is theirs  # nothing stays


@pytest.mark.parametrize("was, now, new", [(3, 3, False), (3, 4, True), (0.0, -0.0, True), (1.0, 1.5, True)])
def test_is_new__of_a_scalar__by_its_value_and_sign(was: Any, now: Any, new: bool) -> None:
    before, after = {"x": was}, {"x": now}
    assert is_new(Schema.of(before), encode(after), encode(before)) is new


def test_is_new__only_what_is_bounded_has_changed__is_not() -> None:
    before, after = {"x": 3, "y": 0.5, "steps": 1}, {"x": 3, "y": 0.5, "steps": 2}
    schema = Schema.of(before, {"/steps": Bounded(5)})
    assert not is_new(schema, encode(after), encode(before))
    assert is_new(schema, encode({**after, "x": 4}), encode(before))
    assert is_new(schema, encode({**after, "y": 0.25}), encode(before))


def test_with_parent__a_scalar_that_stays__is_the_parents() -> None:
    parent = {"n": 3, "w": np.zeros(2)}
    ours = with_parent(Schema.of(parent, {"/n": "local"}), {"n": 8, "w": np.ones(2)}, encode(parent))
    assert encode(ours) == encode({"n": 3, "w": np.ones(2)})
