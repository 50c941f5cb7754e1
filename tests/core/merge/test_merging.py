"""The merge: the same bits as the second implementation, whatever the numbers, the order and the blocks."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import mmap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colearn_ledger.core.merge import Basis, Mergeable, Rule, claim_digest, distinct, merge, merge_to
from colearn_ledger.core.merge.merging import merge_what_changes
from colearn_ledger.core.merge.rules import parse_rule
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.roles import Bounded
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.tensors import bfloat16
from colearn_ledger.core.weights import decode, encode, weights_ref
from colearn_ledger.errors import InvalidWeights, UsageError
from tests.kit import merging as second
from tests.kit.quick import examples

MERGING = [parse_rule(text) for text in second.RULES]
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": bfloat16()}
INTEGERS = ["<u8", "<i8", "<u4", "<i4", "<u2", "<i2", "<i1", "<u1", "?"]


def checked(basis: Basis, trees: Sequence[Any]) -> list[Mergeable]:
    """Contributions of the seats from 0 on."""
    found = []
    for seat, tree in enumerate(trees):
        data = tree if isinstance(tree, bytes) else encode(tree)
        found.append(basis.check(seat, weights_ref(data), data))
    return found


def both(rule: Rule, schema: Schema, parent: Any, trees: Sequence[Any], before: Any = None) -> Any:
    """The merge, which is the second implementation's, decoded."""
    base, encoded = encode(parent), [encode(tree) for tree in trees]
    earlier = None if before is None else encode(before)
    basis = Basis.of(schema, base)
    found = merge(basis, rule, checked(basis, encoded), before=earlier)
    roles = schema.to_json()["roles"]
    assert found == second.merged(rule.text, roles, list(enumerate(encoded)), base, earlier)
    return decode(found, schema)


def floats_of(dtype: str) -> st.SearchStrategy[Any]:
    """Any finite number by its bits: the extremes, subnormals and both zeros often."""
    precision, _, size = second.FLOATS[dtype]
    sign = 1 << (8 * size - 1)
    largest = sign - (1 << (precision - 1)) - 1
    hidden = 1 << (precision - 1)
    edges = st.sampled_from([0, 1, hidden - 1, hidden, hidden + 1, largest, largest - 1])
    return st.builds(lambda b, s: b | (sign if s else 0), edges | st.integers(0, largest), st.booleans())


def near(dtype: str) -> st.SearchStrategy[list[int]]:
    """Several rows of numbers, often all of a size, so that sums of them mean something."""
    precision, _, size = second.FLOATS[dtype]
    sign, top = 1 << (8 * size - 1), (1 << (8 * size - precision)) - 2

    def rows(field: int, spread: int) -> st.SearchStrategy[int]:
        low, high = max(field - spread, 0), min(field + spread, top)
        whole = st.integers(low << (precision - 1), ((high + 1) << (precision - 1)) - 1)
        return st.builds(lambda b, s: b | (sign if s else 0), whole, st.booleans())

    return st.tuples(st.integers(0, top), st.integers(0, 14)).flatmap(
        lambda at: st.lists(rows(*at), min_size=3, max_size=3)
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=examples(30))
@given(data=st.data())
def test_merge__floats_at_their_extremes__the_second_implementations_bits(dtype: str, data: Any) -> None:
    bits = {"F64": np.uint64, "F32": np.uint32}.get(dtype, np.uint16)
    count = data.draw(st.integers(1, 7))
    value = st.lists(floats_of(dtype), min_size=3, max_size=3) | near(dtype)
    drawn = data.draw(st.lists(value, min_size=count + 2, max_size=count + 2))
    arrays = [np.array(row, bits).view(FLOATS[dtype]) for row in drawn]
    parent, before, trees = {"w": arrays[0]}, {"w": arrays[1]}, [{"w": array} for array in arrays[2:]]
    base, encoded = encode(parent), [encode(tree) for tree in trees]
    schema = Schema.of(parent)
    basis = Basis.of(schema, base)
    good: list[Mergeable] = []
    for seat, one in enumerate(encoded):
        if one == base:
            continue
        try:
            good.append(basis.check(seat, weights_ref(one), one))
        except InvalidWeights:  # and then the second one finds so, too
            with pytest.raises(second.TooLarge):
                second.merged("mean", {}, [(seat, one)], base, None)
    if not good:
        return
    for rule in MERGING:
        for earlier in (None, encode(before)):
            found = merge(basis, rule, good, before=earlier)
            told = [(one.seat, bytes(one.data)) for one in good]
            assert found == second.merged(rule.text, {}, told, base, earlier), rule
            assert encode(decode(found, schema)) == found


@pytest.mark.slow
@pytest.mark.parametrize("dtype", INTEGERS)
@settings(max_examples=examples(10))
@given(data=st.data())
def test_merge__integers_at_their_extremes__the_lower_median(dtype: str, data: Any) -> None:
    kind = np.dtype(dtype)
    low, high = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    one = st.lists(st.sampled_from([low, high]) | st.integers(int(low), int(high)), min_size=4, max_size=4)
    rows = data.draw(st.lists(one, min_size=2, max_size=9, unique_by=tuple))
    trees = [{"n": np.array(row, kind), "i": row[0], "w": np.float32([i])} for i, row in enumerate(rows)]
    parent = {"n": np.zeros(4, kind), "i": 0 if kind.kind != "b" else False, "w": np.float32([-1])}
    trees = [tree | {"i": type(parent["i"])(tree["i"])} for tree in trees]
    for rule in MERGING:
        found = both(rule, Schema.of(parent), parent, trees)
        wanted = [sorted(column)[(len(rows) - 1) // 2] for column in zip(*rows, strict=True)]
        assert found["n"].tolist() == wanted and found["i"] == wanted[0]


SOME = {
    "layers": [np.float32([[0.5, -0.25], [1e-3, 0]]), np.float16([0.5, 2])],
    "half": np.array([1, -3], bfloat16()),
    "t": np.float64(12.0),
    "x": 0.125,
    "n": 7,
    "yes": True,
    "none": None,
    "empty": np.zeros((0, 3), np.float32),
    "zero": np.zeros(3),
    "steps": np.array([100.0]),
    "count": np.array([5, 6]),
    "spent": 3.5,
    "mine": np.array([-0.0, 9.0]),
    "note": "stays",
    "blob": b"stays, too",
}
ROLES: Any = {
    "/steps": Bounded(10),
    "/count": Bounded(3),
    "/spent": Bounded(2.5),
    "/mine": "local",
    "/note": "local",
    "/blob": "local",
}
SCHEMA = Schema.of(SOME, ROLES)


def varied(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)

    def moved(array: Any) -> Any:
        return (array + rng.normal(scale=0.1, size=np.shape(array))).astype(array.dtype)

    return SOME | {
        "layers": [moved(array) for array in SOME["layers"]],
        "half": moved(SOME["half"]),
        "t": np.float64(rng.normal()),
        "x": rng.normal(),
        "n": int(rng.integers(100)),
        "yes": bool(rng.integers(2)),
        "zero": rng.normal(size=3),
        "steps": SOME["steps"] + rng.uniform(0, 10),
        "count": SOME["count"] + rng.integers(0, 4, 2),
        "spent": 3.5 + rng.uniform(0, 2.5),
    }


@pytest.mark.parametrize("rule", MERGING)
def test_merge__bounded_leaves_that_rise_far__neither_overflow_nor_become_negative_zeros(rule: Rule) -> None:
    parent = {"seen": np.array([-0.0, 0.0]), "some": np.array([0.0, -0.0], np.float32), "all": -0.0, "w": np.zeros(1)}
    schema = Schema.of(parent, {"/seen": Bounded(1e9), "/some": Bounded(3), "/all": Bounded(1e300)})
    trees = [
        {
            "seen": np.array([0.0, 1e9 - i / 3]),
            "some": np.array([i % 4, -0.0], np.float32),
            "all": 1e300 / (i + 1),
            "w": np.ones(1) + i,
        }
        for i in range(20)
    ]
    found = both(rule, schema, parent, trees, parent | {"seen": np.array([-1e300, 1e300])})
    assert not np.signbit(found["seen"]).any() and not np.signbit(found["some"]).any()
    assert rule is Rule.MOMENTUM or found["seen"][1] > 9e8


@pytest.mark.parametrize("rule", MERGING)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_merge__all_kinds_of_leaves__the_second_implementations_bytes(rule: Rule, count: int) -> None:
    trees = [varied(seed) for seed in range(count)]
    for before in (None, varied(99)):
        found = both(rule, SCHEMA, SOME, trees, before)
        for leaf in ("mine", "note", "blob", "none"):
            assert encode([found[leaf]]) == encode([SOME[leaf]])
        assert 100 <= found["steps"][0] <= 110 and 3.5 <= found["spent"] <= 6


def test_merge__the_vectors__are_met() -> None:
    found = json.loads(second.VECTORS.read_text())
    assert found == second.vectors() and len(found["cases"]) >= 10
    for case in found["cases"]:
        parent = bytes.fromhex(case["parent"])
        before = None if case["before"] is None else bytes.fromhex(case["before"])
        basis = Basis.of(Schema.of(decode(parent)), parent)
        given = []
        for seat, text in case["contributions"].items():
            data = bytes.fromhex(text)
            given.append(basis.check(int(seat), weights_ref(data), data))
        merged = distinct(given)
        assert [one.seat for one in merged] == case["merged_seats"]
        assert f"{claim_digest((one.seat, one.ref) for one in merged):047x}" == case["digest"]
        hashes = {rule.text: hashlib.sha256(merge(basis, rule, given, before=before)).hexdigest() for rule in MERGING}
        assert hashes == case["sha256"]


@pytest.mark.parametrize("rule", MERGING)
def test_merge__another_order_other_blocks_and_threads__the_same_bytes(rule: Rule) -> None:
    rng = np.random.default_rng(5)
    parent = {"w": rng.normal(size=40_000).astype(np.float32), "n": np.arange(5)}
    trees = [{"w": parent["w"] + rng.normal(size=40_000).astype(np.float32), "n": np.arange(5) * i} for i in range(6)]
    basis = Basis.of(Schema.of(parent), encode(parent))
    given = checked(basis, trees)
    before = encode({"w": np.ones(40_000, np.float32), "n": np.arange(5)})
    wanted = merge(basis, rule, given, before=before)
    assert merge(basis, rule, reversed(given), before=before) == wanted
    for block in (1000, 8192, 1 << 20):
        out = bytearray()
        ref = merge_to(out.extend, basis, rule, given, before=before, block=block)
        assert bytes(out) == wanted and ref == weights_ref(wanted)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(merge(basis, rule, given, before=before))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


@pytest.mark.parametrize("rule", MERGING)
def test_merge__mapped_files__the_same_bytes_as_in_memory(rule: Rule, tmp_path: Path) -> None:
    trees = [varied(seed) for seed in range(4)]
    base = encode(SOME)
    (tmp_path / "parent").write_bytes(base)
    maps = []
    for seat, tree in enumerate(trees):
        (tmp_path / str(seat)).write_bytes(encode(tree))
    for name in ("parent", "0", "1", "2", "3"):
        with open(tmp_path / name, "rb") as file:
            maps.append(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    mapped = Basis.of(SCHEMA, maps[0])
    held = Basis.of(SCHEMA, base)
    given = [mapped.check(seat, weights_ref(data), data) for seat, data in enumerate(maps[1:])]
    with open(tmp_path / "merged", "wb") as out:
        merge_to(out.write, mapped, rule, given)
    assert (tmp_path / "merged").read_bytes() == merge(held, rule, checked(held, trees))


def test_merge__equal_contributions__count_once_at_the_lowest_seat() -> None:
    basis = Basis.of(SCHEMA, encode(SOME))
    trees = [varied(1), varied(2), varied(1), varied(3), varied(2)]
    given = checked(basis, trees)
    assert [one.seat for one in distinct(reversed(given))] == [0, 1, 3]
    once = checked(basis, [varied(1), varied(2), varied(3)])
    for rule in MERGING:
        assert merge(basis, rule, given) == merge(basis, rule, once)


def test_merge__one_contribution__is_itself_whatever_the_rule() -> None:
    """Also what would be rounded: it is proposed as it is."""
    parent = {"w": np.float32([1.0, 1.0])}
    tree = {"w": np.float32([1e-30, -0.0])}
    basis = Basis.of(Schema.of(parent), encode(parent))
    for rule in MERGING:
        assert merge(basis, rule, checked(basis, [tree, tree]), before=encode(parent)) == encode(tree)


def test_merge__nothing_or_a_seat_twice_or_solo__is_a_mistake() -> None:
    basis = Basis.of(SCHEMA, encode(SOME))
    one = checked(basis, [varied(1)])
    for wrong in ([], one * 2, [Mergeable(64, one[0].ref, one[0].data, one[0].parts)]):
        with pytest.raises(UsageError, match="seats"):
            merge(basis, Rule.MEAN, wrong)
    with pytest.raises(UsageError, match="solo"):
        merge(basis, Rule.SOLO, one)


@pytest.mark.parametrize("dtype", FLOATS)
def test_merge__one_hostile_contribution__coarsens_nobodys(dtype: str) -> None:
    """As large as it may be: what the others add up to is as fine as without it."""
    parent = {"w": np.array([1.0, 0.5], FLOATS[dtype])}
    fine = [{"w": np.array([0.75, 0.5 + i / 64], FLOATS[dtype])} for i in range(5)]
    largest = min(2.0**15, 60000)
    for hostile in (largest, -largest):
        trees = [*fine, {"w": np.array([hostile, hostile], FLOATS[dtype])}]
        found = both(Rule.MEDIAN, Schema.of(parent), parent, trees)
        assert found["w"][0] == 0.75
        mean = both(Rule.MEAN, Schema.of(parent), parent, trees)
        wanted = np.array([(3.75 + float(trees[5]["w"][0])) / 6], np.float64).astype(FLOATS[dtype])[0]
        assert float(mean["w"][0]) == pytest.approx(float(wanted), rel=1e-9)


def test_merge__sixty_four_at_the_limit__nothing_overflows() -> None:
    parent = {"w": np.array([1.5])}
    edge = np.nextafter(2.0**17, 0)
    trees = [{"w": np.array([edge - i])} for i in range(64)]
    for rule in MERGING:
        both(rule, Schema.of(parent), parent, trees, {"w": np.array([-1e300])})


def test_merge__momentum_of_nothing_before__is_the_mean_and_then_goes_on() -> None:
    parent, before = {"w": np.array([1.0, 2.0])}, {"w": np.array([0.0, 4.0])}
    trees = [{"w": np.array([1.5, 2.0])}, {"w": np.array([2.5, 3.0])}]
    schema = Schema.of(parent)
    assert both(Rule.MOMENTUM, schema, parent, trees)["w"].tolist() == [2.0, 2.5]
    assert both(Rule.MOMENTUM, schema, parent, trees, before)["w"].tolist() == [2.5, 1.5]


def test_merge__clipped__the_longest_step_has_the_median_length() -> None:
    parent = {"w": np.zeros(2)}
    trees = [{"w": np.array([1.0, 0.0])}, {"w": np.array([0.0, 2.0])}, {"w": np.array([3000.0, 4000.0])}]
    found = both(Rule.CLIPPED_MEAN, Schema.of(parent), parent, trees)["w"]
    assert found == pytest.approx([(1 + 2 * 0.6) / 3, (2 + 2 * 0.8) / 3], rel=1e-5)
    still = [*trees[2:], {"w": np.array([0.0, 1e-300])}, {"w": np.array([1e-300, 0.0])}]
    assert both(Rule.CLIPPED_MEAN, Schema.of(parent), parent, still)["w"].tolist() == [0, 0]


@pytest.mark.slow
def test_merge__clipped__runs_of_steps__the_second_implementations_bytes() -> None:
    rng = np.random.default_rng(3)
    parent = {"w": rng.normal(size=16_400).astype(np.float32), "b": rng.normal(size=300)}
    trees = []
    for i in range(3):
        step = rng.normal(size=16_400) * np.exp(rng.normal(size=16_400) * 1.5) * 10.0**-i
        trees.append({"w": (parent["w"] + step).astype(np.float32), "b": parent["b"] + rng.normal(size=300)})
    both(Rule.CLIPPED_MEAN, Schema.of(parent), parent, trees)


@pytest.mark.parametrize(
    "leaf, change, said",
    [
        ("w", np.float32([2.0**17, 0]), "2\\*\\*17"),
        ("w", np.float32([0, -(2.0**17)]), "'/w'"),
        ("z", np.float64([65536.0]), "'/z'"),
        ("x", 1e9, "'/x'"),
        ("h", np.float16([60000]), "'/h'"),
        ("n", np.array([11.0]), "'/n'"),
        ("l", np.array([1.0]), "'/l'"),
    ],
)
def test_check__a_number_too_large_or_beyond_its_role__is_named(leaf: str, change: Any, said: str) -> None:
    parent = {
        "w": np.float32([1.0, -0.5]),
        "z": np.zeros(1),
        "x": 0.25,
        "h": np.float16([2.0**-6]),
        "n": np.zeros(1),
        "l": np.zeros(1),
    }
    schema = Schema.of(parent, {"/n": Bounded(10), "/l": "local"})
    basis = Basis.of(schema, encode(parent))
    tree = parent | {"w": np.float32([0, np.nextafter(np.float32(2**17), np.float32(0))]), leaf: change}
    with pytest.raises(InvalidWeights, match=said):
        checked(basis, [tree])
    kept = basis.kept_below(tree)
    if leaf not in ("n", "l"):
        checked(basis, [kept])
    assert Schema.of(kept) == Schema.of(tree)
    for place, value in kept.items():
        if place != leaf:
            assert encode([value]) == encode([tree[place]])


def test_kept_below__bfloat16__is_the_largest_below() -> None:
    parent = {"w": np.array([1.0], bfloat16())}
    basis = Basis.of(Schema.of(parent), encode(parent))
    for sign in (1, -1):
        kept = basis.kept_below({"w": np.array([sign * 2.0**20], bfloat16())})
        checked(basis, [kept])
        assert float(kept["w"][0]) == sign * (2.0**17 - 2.0**9)


def test_check__the_parent_itself__is_no_contribution() -> None:
    basis = Basis.of(SCHEMA, encode(SOME))
    with pytest.raises(InvalidWeights, match="no proposal"):
        checked(basis, [SOME])


def test_check__another_model_or_nan__is_invalid() -> None:
    basis = Basis.of(SCHEMA, encode(SOME))
    with pytest.raises(InvalidWeights, match="don't fit"):
        checked(basis, [{"w": np.zeros(3)}])
    data = bytearray(encode(varied(1)))
    position = data.index(np.float64(varied(1)["zero"][0]).tobytes())
    data[position : position + 8] = np.float64(math.nan).tobytes()
    with pytest.raises(InvalidWeights, match="NaN"):
        checked(basis, [bytes(data)])


@pytest.mark.parametrize("leaf, what", [("note", "a text"), ("blob", "bytes")])
def test_basis__texts_and_bytes_that_travel__can_not_be_merged_and_are_named(leaf: str, what: str) -> None:
    schema = Schema.of(SOME, {path: role for path, role in ROLES.items() if path != f"/{leaf}"})
    with pytest.raises(UsageError, match=f"'/{leaf}' of the weights is {what}") as error:
        Basis.of(schema, encode(SOME))
    assert "solo" in error.value.fix


def test_merge__fewer_than_all_seats__any_subset_is_a_function_of_itself() -> None:
    basis = Basis.of(SCHEMA, encode(SOME))
    given = checked(basis, [varied(seed) for seed in range(4)])
    seen: dict[bytes, tuple[int, ...]] = {}
    for count in (2, 3, 4):
        for some in itertools.combinations(given, count):
            seen[merge(basis, Rule.MEAN, some)] = tuple(one.seat for one in some)
    assert len(seen) == 11


@pytest.mark.parametrize(
    "steps, rule, left_out",
    [
        ([1, 2, -3], Rule.MEAN, [2]),
        ([-3, 1, 2], Rule.MEAN, [0]),
        ([1, 2, -4], Rule.MEAN, []),
        ([2, -2], Rule.MEAN, [1]),  # as far as each other: the highest seat's
        ([5, -5, 1, -1], Rule.MEDIAN, [1]),
        ([5, -5, 1j, -1j], Rule.MEDIAN, [1, 0, 3]),  # without the first and the second one it is the parent again
        ([7], Rule.MEDIAN, []),
    ],
)
def test_merge_what_changes__all_come_to_their_parent__the_furthest_are_left_out(
    steps: list[complex], rule: Rule, left_out: list[int]
) -> None:
    parent = encode({"w": np.array([4.0, 8.0])})
    basis = Basis.of(Schema.of({"w": np.zeros(2)}), parent)
    everyone = checked(basis, [{"w": np.array([4.0 + step.real, 8.0 + step.imag])} for step in steps])
    made: list[bytes] = []

    def merge_these(counted: Sequence[Mergeable]) -> WeightsRef:
        made.append(merge(basis, rule, counted))
        return weights_ref(made[-1])

    ref, counted, out = merge_what_changes(basis, everyone, weights_ref(parent).sha256, merge_these)
    assert [one.seat for one in out] == left_out
    assert [one.seat for one in counted] == [s for s in range(len(steps)) if s not in left_out]
    assert ref == weights_ref(merge(basis, rule, counted)) == weights_ref(made[-1]) and made[-1] != parent
