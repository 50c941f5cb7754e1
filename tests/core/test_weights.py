"""The weights codec: exact round trips, one encoding for one value, and hostile bytes refused with the reason."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tracemalloc
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from colearn_ledger.core.cid import CHUNK, cid_digest
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import MAX_HEADER, check_head, decode, encode, is_encoding, weights_ref
from colearn_ledger.errors import ConfigError, InvalidWeights, LearnerError, SchemaMismatch

from ..kit.quick import examples
from ..kit.trees import DTYPES, trees

FORMAT = "colearn-weights-1"


def same(a: Any, b: Any) -> bool:
    """Equal in type, dtype, shape and every bit; array byte order is not part of the value."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        little = np.asarray(a), np.asarray(b)
        if little[0].dtype.newbyteorder("=") != little[1].dtype.newbyteorder("=") or a.shape != b.shape:
            return False
        x, y = (v.astype(v.dtype.newbyteorder("=")).tobytes() for v in little)
        return x == y
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))


def build(entries: Any, data: bytes = b"", *, pad: bool = True) -> bytes:
    """A file with this header (JSON value, or its bytes) and data."""
    header = entries if isinstance(entries, bytes) else json.dumps(entries, separators=(",", ":")).encode()
    if pad:
        header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def f32(shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def head(tree: Any) -> dict[str, Any]:
    return {"__metadata__": {FORMAT: tree if isinstance(tree, str) else json.dumps(tree, separators=(",", ":"))}}


# ---------------------------------------------------------------------------------------------------- round trips


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(trees)
def test_codec__any_tree__comes_back_exactly_and_is_what_safetensors_writes(tree: Any) -> None:
    data = encode(tree)
    back = decode(data)
    assert same(tree, back)
    assert encode(back) == data
    assert is_encoding(data, back) and is_encoding(memoryview(data), tree)
    assert same(decode(data, verified=True), back)
    schema = Schema.of(tree)
    assert same(decode(data, schema), tree)
    check_head(data[:CHUNK], len(data), schema)
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    # The same file as safetensors makes of the same tensors, so every tool that reads safetensors reads it.
    tensors = safetensors.numpy.load(data)
    metadata = parts(data)[0]["__metadata__"]
    assert safetensors.numpy.save(tensors, metadata=metadata) == data


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_codec__every_dtype_and_shape__round_trips(dtype: str, shape: tuple[int, ...]) -> None:
    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    values = [n % 3 - (0 if kind.kind in "ub" else 1) for n in range(math.prod(shape))]
    array = np.array(values).reshape(shape).astype(kind)
    back = decode(encode([array]), Schema.of([array]))[0]
    assert same(back, array)
    assert back.flags.writeable and back.flags.c_contiguous


def test_codec__not_contiguous_arrays__are_written_as_they_look() -> None:
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (base.T, base[::2, 1::2], base[::-1], np.broadcast_to(base[0], (3, 6)), np.asfortranarray(base)):
        assert same(decode(encode([view]))[0], view)
        assert encode([view]) == encode([view.copy()])


def test_codec__big_endian_array__is_the_same_weights() -> None:
    for dtype in ("f2", "f4", "f8", "i2", "i8", "u4"):
        little = np.array([1, 2, 77], "<" + dtype)
        assert encode([little.astype(">" + dtype)]) == encode([little])


def test_codec__bfloat16_big_values__keep_their_bits() -> None:
    bits = np.array([0, 0x8000, 1, 0x7F7F, 0xFF7F, 0x3F80], np.uint16)  # zeros, least, ± greatest, one
    array = bits.view(ml_dtypes.bfloat16)
    assert decode(encode(array)).view(np.uint16).tolist() == bits.tolist()
    assert same(decode(encode(array[0])), array[0])
    with pytest.raises(InvalidWeights, match="NaN or an infinity"):
        encode(np.array([0x7F80], np.uint16).view(ml_dtypes.bfloat16))


def test_codec__without_ml_dtypes__bfloat16_is_this_machines_lack_and_not_invalid() -> None:
    data = encode([np.ones(2, ml_dtypes.bfloat16)])
    code = (
        "import sys; sys.modules['ml_dtypes'] = None\n"
        "from colearn_ledger.core.weights import decode\n"
        "from colearn_ledger.errors import InvalidWeights, LearnerError\n"
        f"data = bytes.fromhex('{data.hex()}')\n"
        "try: decode(data)\n"
        "except LearnerError as e: assert 'ml-dtypes' in str(e)\n"
        "else: raise SystemExit('no error')\n"
        "try: decode(data[:-2] + b'\\x80\\x7f')\n"
        "except InvalidWeights as e: assert 'infinity' in str(e)\n"
        "else: raise SystemExit('infinity let through')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_codec__aliased_arrays__come_back_apart() -> None:
    one = np.zeros(3)
    back = decode(encode([one, one, one[1:]]))
    back[0][1] = 5
    assert back[1].tolist() == [0, 0, 0] and back[2].tolist() == [0, 0] and one.tolist() == [0, 0, 0]


def test_codec__result__shares_nothing_with_the_bytes() -> None:
    data = bytearray(encode([np.ones(3)]))
    back = decode(data)
    data[-8:] = b"\xff" * 8
    assert back[0].tolist() == [1, 1, 1]


def test_codec__order_of_a_dict__does_not_matter() -> None:
    a, b = np.ones(2), np.zeros(3)
    assert encode({"x": a, "y": {"p": 1, "q": b}}) == encode(OrderedDict(y={"q": b, "p": 1}, x=a))


def test_codec__keys_that_look_like_paths__stay_apart() -> None:
    tree = {"a/b": np.ones(1), "a": {"b": np.zeros(1)}, "a~1b": np.full(1, 2.0), "": np.full(1, 3.0), "0": [1.5]}
    assert same(decode(encode(tree)), tree)


def test_codec__bool_made_by_a_view__is_written_as_true() -> None:
    assert encode([np.array([2, 0], np.uint8).view(bool)]) == encode([np.array([True, False])])


def test_encode__same_weights__the_bytes_on_record() -> None:
    """Changing these bytes breaks every collective that runs: that needs a new format name."""
    data = encode({"w": [np.array([[1.5, -2.0]], np.float32), np.int64(7)], "n": (1, 0.5, None, True, "é", b"z")})
    header = (
        '{"__metadata__":{"colearn-weights-1":"{\\"n\\":[\\"tuple\\",1,0.5,null,true,\\"é\\",[\\"bytes\\"]],'
        '\\"w\\":[\\"list\\",[\\"array\\"],[\\"scalar\\"]]}"},"/w/1":{"dtype":"I64","shape":[],"data_offsets":[0,8]},'
        '"/w/0":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},'
        '"/n/5":{"dtype":"U8","shape":[1],"data_offsets":[16,17]}}'
    ).encode()
    header += b" " * (-len(header) % 8)
    body = bytes.fromhex("0700000000000000 0000c03f 000000c0") + b"z"
    assert data == len(header).to_bytes(8, "little") + header + body


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(trees, trees)
def test_is_encoding__two_trees__says_what_their_bytes_say(one: Any, other: Any) -> None:
    data = encode(other)
    assert is_encoding(data, one) == (encode(one) == data)


@pytest.mark.parametrize("at", [0, 1, 299_999])
def test_is_encoding__one_value_differs__is_seen_wherever_it_is(at: int) -> None:
    array = np.zeros(300_000)  # several of the blocks in which values are compared
    data = encode([array, 1])
    assert is_encoding(data, [array, 1])
    assert not is_encoding(data + b"\0", [array, 1])
    array[at] = -0.0  # the same number, and other bytes
    assert not is_encoding(data, [array, 1])


def test_is_encoding__what_cannot_be_weights__raises() -> None:
    with pytest.raises(InvalidWeights):
        is_encoding(encode([1]), [object()])


def test_decode__verified__shares_nothing_with_the_bytes() -> None:
    data = bytearray(encode([np.arange(4.0)]))
    (array,) = decode(data, verified=True)
    array[:] = 9
    assert is_encoding(bytes(data), [np.arange(4.0)])


def test_weights_ref__small_and_large__sha256_cid_and_size() -> None:
    import hashlib

    for data in (b"", b"abc", bytes(CHUNK), bytes(CHUNK + 1), bytes(3 * CHUNK)):
        ref = weights_ref(data)
        assert (ref.sha256, ref.cid_digest, ref.size) == (hashlib.sha256(data).digest(), cid_digest(data), len(data))
        assert (ref.sha256 == ref.cid_digest) == (len(data) <= CHUNK)


# ------------------------------------------------------------------------------------------ what encoding refuses

Named = namedtuple("Named", "a b")
cycle: list[Any] = []
cycle.append(cycle)


@pytest.mark.parametrize(
    "tree, reason",
    [
        (object(), "builtins.object"),
        ([np.array([object()])], "dtype object"),
        ([np.array(["a"])], "dtype <U1"),
        ([np.array([b"a"])], "dtype |S1"),
        ([np.zeros(2, "M8[s]")], "dtype datetime64"),
        ([np.zeros(2, "c8")], "dtype complex64"),
        ([np.zeros(2, np.dtype([("a", "f4")]))], "dtype"),
        ([np.zeros(2, "V2")], "dtype"),
        ([np.ma.masked_array([1.0, 2.0], [0, 1])], "MaskedArray"),
        ([Named(1, 2)], "Named"),
        ([{1, 2}], "builtins.set"),
        ([1j], "complex"),
        ({1: np.zeros(1)}, "the key 1"),
        ({"a": 1, 2: 3}, "the key 2"),
        ([math.nan], "nan"),
        ([math.inf], "inf"),
        ([1 << 64], "out of range"),
        ([-(1 << 63) - 1], "out of range"),
        (["\ud800"], "valid Unicode"),
        ({"\ud800": 1}, "valid Unicode"),
        ([np.array([1, np.nan], "f4")], "NaN or an infinity"),
        ([np.array([1, -np.inf], ">f8")], "NaN or an infinity"),
        ([np.array([np.inf], "f2")], "NaN or an infinity"),
        ([np.float64("nan")], "NaN or an infinity"),
        ([np.zeros((1,) * 33)], "33 dimensions"),
        (cycle, "too deep"),
        ([[0] * 70_000], "too many parts"),
        pytest.param([np.zeros(1)] * 20_000, "header would have", marks=pytest.mark.slow),
    ],
)
def test_encode__what_cannot_be_weights__is_refused_with_the_reason(tree: Any, reason: str) -> None:
    with pytest.raises(InvalidWeights) as error:
        encode(tree)
    assert reason in str(error.value)


def test_encode__longdouble__is_refused_where_it_is_not_a_double() -> None:
    if np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("long double is a double on this machine")
    with pytest.raises(InvalidWeights, match="dtype"):
        encode([np.zeros(1, np.longdouble)])


def test_encode__nan_in_any_block__is_found() -> None:
    for at in (0, 65_535, 65_536, 199_999):
        array = np.zeros(200_000, np.float32)
        array[at] = np.nan
        with pytest.raises(InvalidWeights, match="NaN"):
            encode([array])


# -------------------------------------------------------------------------------------------- what decoding refuses

GOOD = encode([np.array([1, 2], np.float32), np.array([3], np.float32)])
HEADER, DATA = parts(GOOD)
TREE = head('["list",["array"],["array"]]')


def with_entries(**tensors: Any) -> bytes:
    entries = TREE | {"/0": f32([2], 0, 8), "/1": f32([1], 8, 12)}
    return build(entries | {"/" + key[1:]: value for key, value in tensors.items()}, DATA)


def duplicate_key() -> bytes:
    header = GOOD[8 : 8 + int.from_bytes(GOOD[:8], "little")].rstrip()
    return build(header[:-1] + b',"/1":' + json.dumps(f32([1], 8, 12)).encode() + b"}", DATA)


def deep(count: int) -> str:
    return '["list",' * count + "1" + "]" * count


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "end after 0 bytes"),
    "seven bytes": (b"\0" * 7, "end after 7 bytes"),
    "pickle": (b"\x80\x04\x95\x0b\x00\x00\x00\x00" + b"x" * 50, "header claims"),
    "no header": (bytes(8), "isn't JSON"),
    "huge header": ((1 << 62).to_bytes(8, "little") + b"{}", "at most 1,048,576"),
    "header beyond the end": ((1 << 10).to_bytes(8, "little") + b"{}", "are left"),
    "header of one byte too many": ((MAX_HEADER + 8).to_bytes(8, "little") + b" " * (MAX_HEADER + 8), "at most"),
    "not JSON": (build(b"hello"), "isn't JSON"),
    "not UTF-8": (build(b'{"\xff":1}'), "isn't JSON"),
    "an array": (build([]), "isn't a JSON object"),
    "no metadata": (build({"/0": f32([1], 0, 4)}, bytes(4)), "no tree of the format"),
    "other metadata": (build({"__metadata__": {"a": "b"}}), "no tree of the format"),
    "more metadata": (build({"__metadata__": {FORMAT: "1", "a": "b"}}), "no tree of the format"),
    "metadata is a number": (build({"__metadata__": {FORMAT: 1}}), "no tree of the format"),
    "tree isn't JSON": (build(head("[")), "tree isn't JSON"),
    "tree with NaN": (build(head("NaN")), "has NaN"),
    "tree with an infinite float": (build(head("1e999")), "have inf"),
    "tree with a huge integer": (build(head("1" * 5000)), "isn't JSON"),
    "tree with an integer of 65 bits": (build(head(str(1 << 64))), "out of range"),
    "tree with a key twice": (build(head('{"a":1,"a":1}')), "tree has a key twice"),
    "tree with an unknown tag": (build(head(["set", 1])), "unknown entry"),
    "tree with an empty list": (build(head([])), "unknown entry"),
    "tree with a list as tag": (build(head([["list"]])), "unknown entry"),
    "tree with a leaf of two": (build(head(["array", 1])), "unknown entry"),
    "tree with a surrogate": (build(head('{"\\ud800":1}')), "valid Unicode"),
    "tree with a surrogate in itself": (build({"__metadata__": {FORMAT: '"\ud800"'}}), "tree isn't JSON"),
    "tree with a leaf at a surrogate": (
        build(head('{"\\ud800":["array"]}') | {"/\ud800": f32([0], 0, 0)}),
        "valid Unicode",
    ),
    "tree nested 33 deep": (build(head(deep(33))), "too deep"),
    "tree nested 50,000 deep": (build(head(deep(50_000))), "too deep"),
    "header nested 100,000 deep": (build(b"[" * 100_000), "too deep"),
    "header nested 100,000 deep after an open string": (
        build(b'{"' + b'\\"' * 1000 + b'":' * 1 + b"[" * 100_000),
        "too deep",
    ),
    "tree with spaces": (build(head('["list", 1]')), "canonical"),
    "tree with keys in another order": (build(head('{"b":1,"a":2}')), "canonical"),
    "tree with another float": (build(head("1.50")), "canonical"),
    "tree with minus zero": (build(head("-0")), "canonical"),
    "tree with an escape": (build(head('"\\u0061"')), "canonical"),
    "header with spaces": (build(json.dumps(HEADER).encode(), DATA), "canonical"),
    "header padded twice": (build(json.dumps(HEADER, separators=(",", ":")).encode() + b" " * 8, DATA), "canonical"),
    "header not padded": (build(head("123"), pad=False), "canonical"),
    "tensors in another order": (
        build(TREE | {"/1": f32([1], 8, 12), "/0": f32([2], 0, 8)}, DATA),
        "canonical",
    ),
    "duplicate key": (duplicate_key(), "header has a key twice"),
    "a tensor too many": (with_entries(_2=f32([0], 12, 12)), "doesn't name"),
    "a tensor too few": (build(TREE | {"/0": f32([2], 0, 8)}, DATA[:8]), "there is none"),
    "trailing bytes": (GOOD + b"\0", "bytes of data"),
    "one byte short": (GOOD[:-1], "bytes of data|more than there are"),
    "a hole": (build(TREE | {"/0": f32([2], 0, 8), "/1": f32([1], 12, 16)}, DATA + bytes(4)), "bytes of data"),
    "a hole without a trace": (with_entries(_1=f32([1], 9, 13)), "canonical"),
    "an overlap": (with_entries(_1=f32([1], 4, 8)), "canonical"),
    "offsets swapped": (with_entries(_0=f32([2], 8, 0)), "canonical"),
    "offsets of floats": (with_entries(_0=f32([2], 0.0, 8)), "canonical"),  # type: ignore[arg-type]
    "no offsets": (with_entries(_0={"dtype": "F32", "shape": [2]}), "other than"),
    "an entry more": (with_entries(_0=f32([2], 0, 8) | {"x": 1}), "other than"),
    "an entry that is a number": (with_entries(_0=5), "other than"),
    "unknown dtype": (with_entries(_0=f32([2], 0, 8) | {"dtype": "F31"}), "unknown dtype"),
    "dtype is a list": (with_entries(_0=f32([2], 0, 8) | {"dtype": ["F32"]}), "unknown dtype"),
    "negative dimension": (with_entries(_0=f32([-2], 0, 8)), "isn't one"),
    "dimension is a bool": (with_entries(_0=f32([2, True], 0, 8)), "isn't one"),
    "dimension is a float": (with_entries(_0=f32([2.0], 0, 8)), "isn't one"),
    "shape is a number": (with_entries(_0=f32(2, 0, 8)), "no shape"),  # type: ignore[arg-type]
    "33 dimensions": (with_entries(_0=f32([1] * 32 + [2], 0, 8)), "too many dimensions"),
    "an array of an exabyte": (with_entries(_0=f32([1 << 58], 0, 8)), "more than there are"),
    "an overflowing shape": (with_entries(_0=f32([1 << 62, 1 << 62, 16], 0, 8)), "more than there are"),
    "an empty array that overflows": (with_entries(_0=f32([0, 1 << 62, 1 << 62], 0, 8)), "more than there are"),
    "a scalar with a shape": (build(head(["scalar"]) | {"": f32([1], 0, 4)}, bytes(4)), "one of scalar"),
    "bytes of floats": (build(head(["bytes"]) | {"": f32([1], 0, 4)}, bytes(4)), "one of bytes"),
    "NaN": (GOOD[:-4] + np.float32("nan").tobytes(), "NaN or an infinity"),
    "infinity": (GOOD[:-4] + np.float32("-inf").tobytes(), "NaN or an infinity"),
    "a bool of 2": (encode(np.ones(3, bool))[:-1] + b"\2", "neither 0 nor 1"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_decode__hostile_bytes__are_invalid_with_the_reason(case: str) -> None:
    data, reason = HOSTILE[case]
    with pytest.raises(InvalidWeights, match=reason) as error:
        decode(data)
    assert len(str(error.value)) < 500
    assert str(error.value).isprintable() or "\n" in str(error.value)


def test_decode__the_builders_own_output__is_good() -> None:
    """The hostile files above are refused for what they change, not for how they are built."""
    assert with_entries() == GOOD
    assert decode(with_entries())[0].tolist() == [1, 2]


def test_decode__control_characters_in_a_name__do_not_reach_the_terminal() -> None:
    with pytest.raises(InvalidWeights) as error:
        decode(build(head('{"\\u001b[2J":["array"]}')))
    assert "\x1b" not in str(error.value)


@settings(max_examples=examples(300))
@given(st.data())
def test_decode__any_flipped_or_cut_byte__is_refused_or_another_value(data: st.DataObject) -> None:
    """Never another exception, and never a second encoding of the same weights."""
    bytes_ = bytearray(encode({"a": np.arange(3, dtype="f4"), "b": [1, b"xy", np.ones((2, 1), bool)]}))
    original = bytes(bytes_)
    at = data.draw(st.integers(0, len(bytes_) - 1))
    bytes_[at] = data.draw(st.integers(0, 255))
    found = bytes(bytes_[: data.draw(st.sampled_from([len(bytes_), at]))])
    try:
        tree = decode(found)
    except InvalidWeights:
        return
    assert encode(tree) == found
    assert found == original or not same(tree, decode(original))


def peak(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(data: bytes | bytearray, schema: Schema | None = None) -> None:
    with pytest.raises(InvalidWeights):
        decode(data, schema)


class TestMemory:
    def test_decode__300_000_empty_tensors__are_refused_unread(self) -> None:
        entries = ",".join(f'"/{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(300_000))
        tree = '[\\"list\\"' + ',[\\"array\\"]' * 300_000 + "]"
        data = build(f'{{"__metadata__":{{"{FORMAT}":"{tree}"}},{entries}}}'.encode())
        assert peak(lambda: refused(data)) < 100_000

    def test_decode__too_many_parts_under_a_raised_cap__are_refused(self) -> None:
        data = build(head('["list"' + ",1" * 70_000 + "]"))
        with pytest.raises(InvalidWeights, match="too many parts"):
            decode(data, max_header=100 << 20)

    def test_decode__claims_of_size__allocate_nothing(self) -> None:
        for case in ("an array of an exabyte", "huge header", "an overflowing shape", "header beyond the end"):
            assert peak(lambda case=case: refused(HOSTILE[case][0])) < 200_000

    @pytest.mark.slow
    def test_decode__a_header_of_brackets__costs_a_small_multiple_of_the_cap(self) -> None:
        for unit in ("[],", "{},", '["list"],'):
            text = "[" + unit * ((MAX_HEADER - 200) // len(unit)) + "1]"
            assert peak(lambda text=text: refused(build(text.encode()))) < 64 * MAX_HEADER

    def test_decode__nan_or_wrong_model__makes_no_copy_of_the_array(self) -> None:
        array = np.zeros(4_000_000, np.float32)
        data = bytearray(encode([array]))
        assert peak(lambda: refused(data, Schema.of([array[1:]]))) < 200_000
        data[-4:] = np.float32("nan").tobytes()
        assert peak(lambda: refused(data)) < 1_000_000

    def test_encode__contiguous_arrays__are_copied_once(self) -> None:
        array = np.zeros(4_000_000, np.float32)
        assert peak(lambda: encode([array])) < array.nbytes * 1.1
        array[-1] = np.nan
        with pytest.raises(InvalidWeights):
            encode([array])


# ------------------------------------------------------------------------------------------------------------ schema

MODEL = {"w": [np.zeros((3, 2), "f4"), np.float32(1)], "steps": 5, "name": "a", "blob": b"abc", "t": (1.0, None, True)}


@pytest.mark.parametrize(
    "change, found, expected",
    [
        ({"w": [np.zeros((2, 3), "f4"), np.float32(1)]}, "'/w/0' is an array F32 of shape (2, 3)", "(3, 2)"),
        ({"w": [np.zeros((3, 2), "f8"), np.float32(1)]}, "'/w/0' is an array F64", "F32"),
        ({"w": [np.zeros((3, 2), "f4"), np.array(1, "f4")]}, "'/w/1' is an array", "a numpy scalar"),
        ({"w": [np.zeros((3, 2), "f4")]}, "'/w' is a list of 1", "a list of 2"),
        ({"w": (np.zeros((3, 2), "f4"), np.float32(1))}, "'/w' is a tuple of 2", "a list of 2"),
        ({"steps": 5.0}, "'/steps' is float", "int"),
        ({"steps": True}, "'/steps' is bool", "int"),
        ({"steps": None}, "'/steps' is none", "int"),
        ({"blob": "abc"}, "'/blob' is str", "bytes"),
        ({"more": 1}, "'/more' is int", "missing"),
        ({"t": {"0": 1.0}}, "'/t' is a dict of 1", "a tuple of 3"),
    ],
)
def test_schema__another_model__is_a_mismatch_that_names_the_place(change: Any, found: str, expected: str) -> None:
    schema = Schema.of(MODEL)
    other = MODEL | change
    with pytest.raises(SchemaMismatch) as error:
        decode(encode(other), schema)
    assert found in error.value.what and expected in error.value.expected
    with pytest.raises(SchemaMismatch):
        schema.check(other)
    assert Schema.of(other) != schema


def test_schema__missing_key__is_a_mismatch() -> None:
    with pytest.raises(SchemaMismatch, match="'/steps' is missing"):
        Schema.of(MODEL).check({k: v for k, v in MODEL.items() if k != "steps"})


def test_schema__other_values_of_the_same_model__fit() -> None:
    other = MODEL | {"steps": -9, "name": "longer", "blob": b"", "t": (2.5, None, False)}
    assert same(decode(encode(other), Schema.of(MODEL)), other)
    Schema.of(MODEL).check(other)
    assert Schema.of(other) == Schema.of(MODEL)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"format": "colearn-schema-1", "tree": "int", "roles": {}},
        {"format": "colearn-schema-2", "tree": "int"},
        {"format": "colearn-schema-2", "tree": "int", "roles": []},
        {"format": "colearn-schema-2", "tree": "int", "roles": {"": "free"}},
        {"format": "colearn-schema-2", "tree": "int", "roles": {"/n": "local"}},
        {"format": "colearn-schema-2", "tree": "int", "roles": {"": {"bounded": -1}}},
        {"format": "colearn-schema-2", "tree": "int", "roles": {"": {"bounded": "1"}}},
        {"format": "colearn-schema-2", "tree": "str", "roles": {"": {"bounded": 1}}},
        {"format": "colearn-schema-2", "tree": "int", "roles": {}, "more": 1},
        {"format": "colearn-schema-2", "tree": "float32", "roles": {}},
        {"format": "colearn-schema-2", "tree": 5, "roles": {}},
        {"format": "colearn-schema-2", "tree": [], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["array", "F31", [1]], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["array", "F32", [-1]], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["array", "F32", [True]], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["array", "F32", 1], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["array", ["F32"], [1]], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["scalar", "F32", [1]], "roles": {}},
        {"format": "colearn-schema-2", "tree": ["list", ["array", "F32"]], "roles": {}},
        {"format": "colearn-schema-2", "tree": json.loads(deep(40)), "roles": {}},
    ],
)
def test_schema__json_that_is_none__is_a_config_error(value: Any) -> None:
    with pytest.raises(ConfigError):
        Schema.from_json(value)


def test_errors__of_the_codec__are_told_apart() -> None:
    assert issubclass(SchemaMismatch, InvalidWeights) and not issubclass(LearnerError, InvalidWeights)


def test_decode__recursion_limit_raised_by_another_library__deep_json_still_refused() -> None:
    code = (
        "import sys; sys.setrecursionlimit(10**6)\n"
        "from colearn_ledger.core.weights import decode\n"
        "from colearn_ledger.errors import InvalidWeights\n"
        "header = b'[' * 900_000\n"
        "try: decode(len(header).to_bytes(8, 'little') + header)\n"
        "except InvalidWeights as e: print(e.what)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "too deep" in done.stdout


def test_header__as_long_as_allowed__is_written_and_read() -> None:
    tree = {"w": np.float32([1, 2])}
    data = encode(tree)
    length = int.from_bytes(data[:8], "little")
    assert encode(tree, max_header=length) == data
    assert decode(data, max_header=length)["w"].tolist() == [1.0, 2.0]
    with pytest.raises(InvalidWeights, match="header would have"):
        encode(tree, max_header=length - 1)
    with pytest.raises(InvalidWeights, match="header claims"):
        decode(data, max_header=length - 1)
