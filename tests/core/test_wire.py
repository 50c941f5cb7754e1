"""Weights that travel with half the bytes: what learners hold, what the bytes are, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import ml_dtypes
import numpy as np
import pytest

from colearn_ledger.core.asking import ask_judge, ask_proposal, why_declined
from colearn_ledger.core.driver import InProcess, run
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import MachineLearningInterface, ProposedWeights, Weights
from colearn_ledger.core.lineage import check_lineage, is_new
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.roles import Bounded
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import check_head, decode, encode, encoded, is_encoding, parts_of_tree, weights_ref
from colearn_ledger.core.wire import WIRES, Wire, wire_of
from colearn_ledger.errors import ConfigError, InvalidWeights, SchemaMismatch, UsageError
from tests.kit import merging as second

BOTH: list[Wire] = list(WIRES)
TYPES: dict[Wire, Any] = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}


def tree(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "b": rng.normal(size=1000),
        "count": np.array([seed + 1.0], np.float32),
        "n": np.arange(3),
        "none": np.zeros((0, 4), np.float32),
        "one": np.float32(0.1),
        "own": np.float32([0.1, 0.2]),
        "w": rng.normal(size=(300, 7)).astype(np.float32),
    }


ROLES = {"/count": Bounded(10), "/own": "local"}


def schema_of(wire: Wire) -> Schema:
    return Schema.of(tree(), ROLES, wire)  # type: ignore[arg-type]


def test_wires__names__are_those_of_the_type() -> None:
    assert set(WIRES) == set(get_args(Wire))
    assert [wire_of(name) for name in (*BOTH, "float32", None, [])] == [*BOTH, None, None, None]


@pytest.mark.parametrize("wire", BOTH)
def test_encode__scored_floats__are_rounded_and_come_back_as_what_learners_hold(wire: Wire) -> None:
    schema, given = schema_of(wire), tree()
    data = encode(given, schema)
    raw, back = decode(data), decode(data, schema)
    for name in ("b", "w"):
        short = given[name].astype(TYPES[wire])
        assert raw[name].dtype == TYPES[wire] and raw[name].tobytes() == short.tobytes()
        assert back[name].dtype == given[name].dtype and (back[name] == short.astype(given[name].dtype)).all()
    for name in ("count", "n", "none", "one", "own"):
        assert back[name].dtype == given[name].dtype and back[name].tobytes() == given[name].tobytes()
    assert encode(back, schema) == data and is_encoding(data, back, schema)
    assert len(data) == schema.sizes()[0] == schema.sizes()[1]
    assert len(data) < len(encode(given)) / 2
    schema.check_size(len(data))


@pytest.mark.parametrize("wire", BOTH)
def test_encode__arrays_that_lie_otherwise__the_same_bytes(wire: Wire) -> None:
    values = np.arange(600, dtype=np.float32).reshape(20, 30) / 7
    schema = Schema.of([values], wire=wire)
    data = encode([values], schema)
    turned, swapped = np.asfortranarray(values), values.astype(">f4")
    assert encode([turned], schema) == encode([swapped], schema) == data
    back = decode(data, schema)[0]
    assert is_encoding(data, [np.asfortranarray(back)], schema) and is_encoding(data, [back.astype(">f4")], schema)
    assert parts_of_tree([turned], schema)["/0"].tobytes() == data[-1200:]


@pytest.mark.parametrize("wire", BOTH)
def test_decode__bytes_of_the_learners_own_type__are_another_models(wire: Wire) -> None:
    plain, short = encode(tree()), encode(tree(), schema_of(wire))
    with pytest.raises(SchemaMismatch, match="/b"):
        decode(plain, schema_of(wire))
    with pytest.raises(SchemaMismatch, match="/b"):
        decode(short, Schema.of(tree(), ROLES))  # type: ignore[arg-type]
    with pytest.raises(SchemaMismatch):
        check_head(plain[: 8 + int.from_bytes(plain[:8], "little")], len(plain), schema_of(wire))
    with pytest.raises(SchemaMismatch):
        schema_of(wire).check_size(len(plain))
    schema_of(wire).check(tree())
    with pytest.raises(SchemaMismatch):
        schema_of(wire).check(decode(short))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("wire", BOTH)
def test_encode__no_finite_number__is_invalid(wire: Wire, value: float) -> None:
    bad = tree() | {"w": np.full((300, 7), value, np.float32)}
    with pytest.raises(InvalidWeights, match="NaN or an infinity"):
        encode(bad, schema_of(wire))


@pytest.mark.parametrize(
    "wire, largest, beyond",
    [("float16", 65519.0, 65520.0), ("float16", -65519.0, -65520.0), ("bfloat16", 3.3895e38, 3.3962e38)],
)
def test_encode__beyond_the_wires_largest__is_refused_and_says_what_to_do(
    wire: Wire, largest: float, beyond: float
) -> None:
    schema = Schema.of({"w": np.zeros(2)}, wire=wire)
    decode(encode({"w": np.array([largest, 0])}, schema), schema)
    with pytest.raises(InvalidWeights, match=f"/w.*{wire}, in which the collective's weights travel") as error:
        encode({"w": np.array([beyond, 0])}, schema)
    assert error.value.expected and ("bfloat16" in error.value.fix) == (wire == "float16")


@pytest.mark.parametrize("wire", BOTH)
def test_is_encoding__a_change_that_rounding_hides__is_seen(wire: Wire) -> None:
    """A learner that was changed by less than a step of the wire was changed, and gets its weights back."""
    schema = Schema.of({"w": np.zeros(2, np.float32)}, wire=wire)
    data = encode({"w": np.float32([1, 2])}, schema)
    held = Held(schema, data)
    assert held.are({"w": np.float32([1, 2])})
    assert not held.are({"w": np.nextafter(np.float32([1, 2]), np.float32(0))})
    assert not held.are({"w": np.float32([1, -2])})


def test_of__no_leaf_that_would_be_shorter__is_refused() -> None:
    for given, roles in (({"n": np.arange(3)}, {}), ({"w": np.zeros(3)}, {"/w": "local"}), ({"x": 1.5}, {})):
        with pytest.raises(UsageError, match="no part of the weights would be any shorter"):
            Schema.of(given, roles, "float16")  # type: ignore[arg-type]


def test_json__with_a_wire__comes_back_and_without_it_is_as_ever() -> None:
    schema = schema_of("float16")
    assert Schema.from_json(schema.to_json()) == schema != replace(schema, wire=None)
    assert "wire" not in replace(schema, wire=None).to_json()
    for wire in ("float8", None, 3, ["float16"]):
        with pytest.raises(ConfigError, match="wire of the weights' schema"):
            Schema.from_json(schema.to_json() | {"wire": wire})


class Steps(MachineLearningInterface):
    """Goes so far with each training, from what it has adopted."""

    def __init__(self, step: float) -> None:
        self.step, self.w = step, np.float32([1.0, -2.0])

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": self.w + np.float32(self.step)})

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        assert weights.weights["w"].dtype == np.float32
        return ProposedWeights(weights, 1.0, 1.0, vote=True, current_score=1.0)

    def mli_accept_weights(self, weights: Weights) -> None:
        self.w = weights.weights["w"]

    def mli_get_current_weights(self) -> Weights:
        return Weights({"w": self.w.copy()})


def held_of(learner: Steps, wire: Wire) -> Held:
    schema = Schema.of({"w": learner.w}, wire=wire)
    return Held(schema, encode({"w": learner.w}, schema))


@pytest.mark.parametrize("wire", BOTH)
def test_why_declined__rounds_to_the_accepted_weights__changes_nothing(wire: Wire) -> None:
    small, large = Steps(1e-6), Steps(0.1)
    proposed, data = ask_proposal(small, 1, held_of(small, wire).schema, held=held_of(small, wire))
    why = why_declined(proposed, data, held_of(small, wire))
    assert why == f"the training came to nothing: rounded to {wire}, they change nothing that a score depends on"
    with pytest.raises(InvalidWeights, match="no proposal"):
        ask_judge(small, Weights(decode(data, held_of(small, wire).schema)), held=held_of(small, wire), data=data)
    held = held_of(large, wire)
    proposed, data = ask_proposal(large, 1, held.schema, held=held)
    assert why_declined(proposed, data, held) == ""
    check_lineage(held.schema, decode(data, held.schema), held.data or b"")
    assert is_new(held.schema, data, held.data or b"")


@pytest.mark.parametrize("rule", second.RULES)
@pytest.mark.parametrize("wire", BOTH)
def test_merge__of_shorter_floats__is_the_second_implementations(wire: Wire, rule: str) -> None:
    def small(seed: int = 0) -> dict[str, Any]:  # the second implementation computes with fractions, one by one
        return tree(seed) | {name: tree(seed)[name][:20] for name in ("b", "w")}

    schema = Schema.of(small(), ROLES, wire)  # type: ignore[arg-type]
    parent, before = encode(small(), schema), encode(small(9), schema)
    basis = Basis.of(schema, parent)
    trained = [encode(small(seed) | {"own": small()["own"]}, schema) for seed in (1, 2, 3)]
    good = [basis.check(seat, weights_ref(one), one) for seat, one in enumerate(trained)]
    found = merge(basis, next(one for one in Rule if one.text == rule), good, before=before)
    assert found == second.merged(rule, schema.to_json()["roles"], list(enumerate(trained)), parent, before)
    assert encode(decode(found, schema), schema) == found


@pytest.mark.parametrize("wire", BOTH)
def test_kept_below__numbers_that_no_merge_takes__are_moved_to_what_travels(wire: Wire) -> None:
    start = {"w": np.array([2.0**-20, 0.0])}
    schema = Schema.of(start, wire=wire)
    basis = Basis.of(schema, encode(start, schema))
    far = {"w": np.array([30.0, -0.125])}
    data = encode(far, schema)
    with pytest.raises(InvalidWeights, match="to be merged"):
        basis.check(0, weights_ref(data), data)
    data = encode(basis.kept_below(far), schema)
    basis.check(0, weights_ref(data), data)
    assert decode(data, schema)["w"][0] == pytest.approx(0.125, rel=2.0**-7)


@pytest.mark.parametrize("rounds", ["solo", "joint"])
@pytest.mark.parametrize("wire", BOTH)
def test_run__with_a_wire__everybody_holds_what_travelled(wire: Wire, rounds: Any) -> None:
    learners = [Steps(0.3), Steps(0.1), Steps(0.07)]
    results = run(4, learners, Fraction(1, 2), backend=InProcess(wire=wire), rounds=rounds)
    assert all(one.accepted for one in results.rounds)
    for learner in learners:
        assert learner.w.dtype == np.float32 and learner.w.tobytes() == learners[0].w.tobytes()
        assert (learner.w.astype(TYPES[wire]).astype(np.float32) == learner.w).all()
    schema = Schema.of({"w": learners[0].w}, wire=wire)
    assert weights_ref(encode({"w": learners[0].w}, schema)).sha256.hex() == results.final_sha256


def test_encoded__pieces__are_the_bytes_and_bad_values_come_with_theirs() -> None:
    given = {"a": np.arange(200_000.0), "b": np.arange(3)}
    assert b"".join(encoded(given)) == encode(given)
    bad = {"a": np.arange(200_000.0), "b": np.array([1.0, np.nan])}
    with pytest.raises(InvalidWeights, match="/b"):
        list(encoded(bad))
    with pytest.raises(InvalidWeights, match="header"):
        encoded(given, max_header=10)
